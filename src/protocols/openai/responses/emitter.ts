/** Server-sent events of one response; numbers them from 0. */

import { encodeJson, encodeJsonString } from "../../shared/json.ts";

/** Writes events as text. */
export class Emitter {
  #sequence = 0;

  /** An event with its fields. */
  event(type: string, fields: Readonly<Record<string, unknown>>): string {
    const data = encodeJson({ type, sequence_number: this.#sequence++, ...fields });
    return `event: ${type}\ndata: ${data}\n\n`;
  }

  /** Everything of a delta that does not change from one to the next; for `delta`. */
  static head(type: string, fields: Readonly<Record<string, unknown>>): string {
    return `event: ${type}\ndata: ${encodeJson({ type, ...fields }).slice(0, -1)},"sequence_number":`;
  }

  /** A delta; `extra` are further members, each after a comma. */
  delta(head: string, text: string, extra = ""): string {
    return `${head}${this.#sequence++},"delta":${encodeJsonString(text)}${extra}}\n\n`;
  }
}
