/** Where models come from. A source only reads; what it cannot read it leaves out. */

import type { ModelCard } from "../../core/inference_service.ts";

/** See the module comment. */
export interface ModelSource {
  /** What it is, for messages: `the folder "/models"`. */
  readonly title: string;
  /** Every model that is there now. */
  list(): Promise<ModelCard[]>;
}
