/** Server-sent events with a name, as Anthropic's messages and OpenAI's responses have them. */

import { Json } from "./harness.ts";

/** Parsed events of a text; every event must be one `event:` and one `data:` line that name the same type. */
export function typedEvents(text: string): Json[] {
  const events = text.split("\n\n");
  if (events.pop() !== "") throw new Error(`stream does not end with an empty line: ${text.slice(-80)}`);
  return events.map((event) => {
    const [, type, data] = /^event: ([\w.]+)\ndata: (.+)$/.exec(event) ?? [];
    if (type === undefined || data === undefined) throw new Error(`not an event with a name: ${event}`);
    const json = new Json(JSON.parse(data));
    if (json.at("type") !== type) throw new Error(`event ${type} has data of type ${json.at("type")}`);
    return json;
  });
}

/** The `type` of each event. */
export function typesOf(events: readonly Json[]): unknown[] {
  return events.map((event) => event.at("type"));
}
