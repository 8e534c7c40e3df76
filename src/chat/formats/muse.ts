/**
 * Muse Glimmer: an answer is a row of messages, ` to=<recipient><|message|>...` and `<|eom|>` or `<|eot|>`; to itself it is
 * reasoning, to the user the answer, to a tool a call in tags. The prompt has written the first `<|start|>assistant`.
 */

import { alt, literal, seq } from "../../text/grammar/gbnf.ts";
import type { AnswerReader, Emit, Reading } from "./answer_reader.ts";
import { type FormatCandidate, hasAll } from "./format_candidate.ts";
import { calls, words } from "./grammar_builder.ts";
import { taggedCalls } from "./tagged_calls.ts";
import type { ToolSet } from "./tool_set.ts";
import { wireFormat } from "./wire_format.ts";

const START = "<|start|>assistant";
const MESSAGE = "<|message|>";
const ENDS = ["<|eom|>", "<|eot|>"];
const SELF = " to=self<|message|>";
/** Recipients that are no tools. */
const KNOWN: ReadonlySet<string> = new Set(["self", "user"]);

const CALLS = taggedCalls({
  section: { open: "<atem:function_calls>", close: "</atem:function_calls>" },
  open: '<atem:invoke name="',
  nameEnd: '">',
  close: "</atem:invoke>",
  arguments: { open: '<atem:parameter name="', nameEnd: '">', close: "</atem:parameter>" },
});

/** Recognises the format. */
export const MUSE: FormatCandidate = {
  name: "muse",
  matches: (template) => hasAll(template, "<atem:function_calls>", "<|eom|>"),
  create: () =>
    wireFormat({
      name: "muse",
      reasoning: { start: SELF, end: "<|eom|>" },
      preserved: ["<|start|>", MESSAGE, ...ENDS, ...CALLS.markers],
      read: readMessages,
      readPlain: (reader) => readMessages(reader),
      wrapFormat: (value) => seq(alt(literal(START), words("")), literal(" to=user<|message|>"), value),
      triggers: (tools) => [
        { kind: "pattern", source: `(?:^|<\\|start\\|>assistant)( to=(?:${names(tools)})<\\|message\\|>)` },
      ],
      calls: (grammar, tools, parallel) => {
        const recipient = alt(...tools.tools.map(({ name }) => literal(name)));
        const call = grammar.rule(
          "message",
          words(" to=", recipient, MESSAGE, CALLS.grammar(grammar, tools, false)),
        );
        return seq(alt(literal(START), words("")), calls(call, literal(`<|eom|>${START}`), parallel));
      },
    }),
};

function* readMessages(reader: AnswerReader, tools?: ToolSet): Reading<void> {
  // The reasoning at the beginning has been taken already, or is left in the text.
  let reasoning: Emit = reader.content;
  for (;;) {
    yield* reader.literal(START);
    const recipient = yield* readRecipient(reader);
    if (recipient !== undefined && !KNOWN.has(recipient) && tools?.has(recipient) !== true) {
      reader.content(` to=${recipient}${MESSAGE}`);
    }
    const emit = recipient === "self" ? reasoning : reader.prose;
    reasoning = reader.reasoning;
    if (recipient === "self" || tools === undefined) {
      if ((yield* reader.until(ENDS, emit)) === null) return;
    } else if (!(yield* readBody(reader, tools))) return;
  }
}

/** Reads text and calls to the message's end; false at the end of the answer. */
function* readBody(reader: AnswerReader, tools: ToolSet): Reading<boolean> {
  for (;;) {
    const marker = yield* reader.before([...CALLS.starts, ...ENDS], reader.prose);
    if (marker === null) return false;
    if (!ENDS.includes(marker) && (yield* CALLS.read(reader, tools))) continue;
    yield* reader.literal(marker);
    if (ENDS.includes(marker)) return true;
    reader.content(marker);
  }
}

/** Consumes ` to=<recipient><|message|>`; undefined and nothing consumed when that is not what comes. */
function* readRecipient(reader: AnswerReader): Reading<string | undefined> {
  return yield* reader.attempt(function* () {
    yield* reader.space();
    const addressed = yield* reader.literal("to=");
    const recipient = addressed ? yield* reader.while(/[^<\s]/) : "user";
    yield* reader.space();
    return (yield* reader.literal(MESSAGE)) ? recipient : undefined;
  });
}

/** The tools' names as alternatives of a regular expression. */
function names(tools: ToolSet): string {
  return tools.tools.map(({ name }) => name.replace(/[^\w]/g, "\\$&")).join("|");
}
