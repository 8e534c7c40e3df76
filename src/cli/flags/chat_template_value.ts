/** The kind of value that `--chat-template` takes: Jinja source, or the name of a template that this server has. */

import { CHATML_TEMPLATE } from "../../chat/chat_template.ts";
import type { FlagValue } from "./flag_value.ts";

/** Templates by name. llama-server with `--jinja` has the same. */
const NAMED: Readonly<Record<string, string>> = { chatml: CHATML_TEMPLATE };

/** A name becomes its template; other text must have a Jinja tag in it. */
export const chatTemplateValue: FlagValue<string> = {
  expected: `Jinja source, or a name: ${Object.keys(NAMED).join(", ")}`,
  parse(text) {
    if (Object.hasOwn(NAMED, text)) return NAMED[text];
    return /\{[{%]/.test(text) ? text : undefined;
  },
};
