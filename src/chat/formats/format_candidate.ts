/** How a format is recognised in a template. */

import type { AnswerFormat } from "./answer_format.ts";

/** One row of the table in `select_format.ts`; each format's file exports its own. */
export interface FormatCandidate {
  /** Such as "hermes". */
  name: string;
  /** Does the template's Jinja source belong to this format. Candidates are asked in the order of the table. */
  matches(template: string): boolean;
  /** Makes the format as this template has it, for example with its reasoning tags. */
  create(template: string): AnswerFormat;
}

/** True when `template` holds every one of `marks`. */
export function hasAll(template: string, ...marks: readonly string[]): boolean {
  return marks.every((mark) => template.includes(mark));
}
