/** Faults in the middle of a stream of the Responses endpoint; before it they have OpenAI's form. */

import type { ServerError } from "../../../core/server_error.ts";
import { encodeJson } from "../../shared/json.ts";
import { encodeError } from "../errors.ts";

export { encodeError };

/** Faults that the stream has told of as `response.failed`, its last event. */
const sent = new WeakSet<ServerError>();

/** Notes that the stream itself has told of a fault. */
export function noteFailureSent(error: ServerError): void {
  sent.add(error);
}

/** What is still to be said of a fault in a stream: nothing after `response.failed`, else an `error` event. */
export function encodeStreamError(error: ServerError): string {
  if (sent.has(error)) return "";
  const data = encodeJson({
    type: "error",
    sequence_number: 0,
    code: "server_error",
    message: error.message,
    param: error.field ?? null,
  });
  return `event: error\ndata: ${data}\n\n`;
}
