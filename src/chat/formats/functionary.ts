/**
 * Functionary 3.2: an answer is a row of messages to recipients, `>>>all` and text, or `>>>name` and JSON arguments, each
 * after a line break. The prompt has written the first `>>>`.
 */

import { alt, literal, optional, seq } from "../../text/grammar/gbnf.ts";
import type { AnswerReader, Reading } from "./answer_reader.ts";
import { type FormatCandidate, hasAll } from "./format_candidate.ts";
import { calls } from "./grammar_builder.ts";
import { readJsonValue } from "./json_reader.ts";
import type { ToolSet } from "./tool_set.ts";
import { wireFormat } from "./wire_format.ts";

const MARK = ">>>";
const EVERYBODY = "all\n";

/** Recognises the format. */
export const FUNCTIONARY_3_2: FormatCandidate = {
  name: "functionary_3_2",
  matches: (template) => hasAll(template, ">>>all", ">>>${recipient}"),
  create: () =>
    wireFormat({
      name: "functionary_3_2",
      preserved: [],
      read: readMessages,
      readPlain: function* (reader) {
        yield* reader.literal(EVERYBODY);
        yield* reader.rest(reader.content);
      },
      wrapFormat: (value) => seq(optional(literal(EVERYBODY)), value),
      triggers: (tools) => [{ kind: "pattern", source: `(?:^|>>>)((?:${names(tools)})\\n)` }],
      calls: (grammar, tools, parallel) => {
        const each = tools.tools.map((tool, index) =>
          grammar.rule(`call-${index}`, seq(literal(`${tool.name}\n`), grammar.arguments(tool)))
        );
        return calls(grammar.rule("call", alt(...each)), seq(grammar.space(), literal(MARK)), parallel);
      },
    }),
};

function* readMessages(reader: AnswerReader, tools: ToolSet): Reading<void> {
  for (let mark = "";; mark = MARK) {
    if (!(yield* reader.literal(EVERYBODY)) && !(yield* readCall(reader, tools))) reader.content(mark);
    while (reader.calls > 0 && (yield* readCall(reader, tools)));
    if ((yield* reader.until([MARK], reader.prose)) === null) return;
  }
}

/** Reads a recipient's name and the JSON after it; false and nothing consumed when that is not what comes. */
function* readCall(reader: AnswerReader, tools: ToolSet): Reading<boolean> {
  const name = yield* reader.attempt(function* () {
    const recipient = (yield* reader.while(/[^\n{]/)).trim();
    if (!tools.has(recipient)) return undefined;
    yield* reader.space();
    return (yield* reader.sees("{")) || reader.exhausted ? recipient : undefined;
  });
  if (name === undefined) return false;
  reader.call(name);
  yield* readJsonValue(reader, reader.args);
  return true;
}

/** The tools' names as alternatives of a regular expression. */
function names(tools: ToolSet): string {
  return tools.tools.map(({ name }) => name.replace(/[^\w]/g, "\\$&")).join("|");
}
