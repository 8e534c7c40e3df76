/**
 * The fallback for templates that know no tools: the model is told to answer with `{"name": ..., "arguments": {...}}`
 * alone (`genericInstructions`), and such an object of an offered tool is taken as a call wherever it stands, also in a
 * code fence, as one of an array, or in the wrappings `tool_call`, `tool_calls` and `function`.
 */

import type { ToolDefinition } from "../../core/chat_message.ts";
import { alt, literal } from "../../text/grammar/gbnf.ts";
import type { AnswerFormat } from "./answer_format.ts";
import type { AnswerReader, Reading } from "./answer_reader.ts";
import { readEnd } from "./call_syntax.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { JSON_CALL_KEYS, type JsonCallKeys, readJsonCall } from "./json_call.ts";
import type { ReasoningTags } from "./reasoning.ts";
import type { ToolSet } from "./tool_set.ts";
import { wireFormat } from "./wire_format.ts";

const KEYS: JsonCallKeys = { ...JSON_CALL_KEYS, nested: ["function", "tool_call"] };
/** What a model may put around a call, and what ends it. */
const FENCES: ReadonlyMap<string, string> = new Map([
  ["```json\n", "```"],
  ["```\n", "```"],
  ["<tool_call>", "</tool_call>"],
]);
const LISTS = ['{"tool_calls": [', '{"tool_calls":[', "["];

/** @param reasoning tags of the model's reasoning, if it reasons */
export function genericJsonFormat(reasoning?: ReasoningTags): AnswerFormat {
  return wireFormat({
    name: "generic_json",
    reasoning,
    preserved: [],
    read: readCalls,
    triggers: () => [{ kind: "word", text: '{"name": ' }],
    calls: (grammar, tools, parallel) => calls(callRule(grammar, tools), literal("\n"), parallel),
  });
}

/** System text that tells a model of tools and how to call them, for a template that has no place for tools. */
export function genericInstructions(tools: readonly ToolDefinition[], parallel: boolean): string {
  const list = tools.map((tool) => JSON.stringify(tool)).join("\n");
  const more = parallel ? " Several calls stand on lines of their own." : "";
  return `You can call these functions, one JSON description per line:\n${list}\n\n` +
    'To call a function, answer only with {"name": "<function>", "arguments": {<arguments as JSON>}} and nothing else.' +
    `${more} Otherwise answer in plain text.`;
}

function* readCalls(reader: AnswerReader, tools: ToolSet): Reading<void> {
  while ((yield* reader.before([...FENCES.keys(), "{", "["], reader.prose)) !== null) {
    const fence = yield* reader.oneOf([...FENCES.keys()]);
    const space = yield* reader.space();
    const list = yield* reader.oneOf(LISTS);
    const gap = list === null ? "" : yield* reader.space();
    if (yield* readJsonCall(reader, tools, KEYS)) {
      if (list !== null) yield* readList(reader, tools, list);
      if (fence !== null) yield* readEnd(reader, FENCES.get(fence)!);
    } else {
      const opened = `${fence ?? ""}${space}${list ?? ""}${gap}`;
      reader.content(opened !== "" ? opened : (yield* reader.oneOf(["{"])) ?? "");
    }
  }
}

/** Reads the further calls of a list, and its end. */
function* readList(reader: AnswerReader, tools: ToolSet, list: string): Reading<void> {
  const end = list === "[" ? ["]"] : ["]", "}"];
  for (let closed = 0; closed < end.length;) {
    const step = yield* reader.attempt(function* () {
      yield* reader.space();
      if (yield* reader.literal(end[closed]!)) return "closed" as const;
      if (closed > 0 || !(yield* reader.literal(","))) return undefined;
      yield* reader.space();
      return (yield* readJsonCall(reader, tools, KEYS)) ? "call" as const : undefined;
    });
    if (step === undefined) return;
    if (step === "closed") closed++;
  }
}

function callRule(grammar: GrammarBuilder, tools: ToolSet) {
  const objects = tools.tools.map((tool, index) =>
    grammar.rule(
      `call-${index}`,
      words('{"name": ', literal(JSON.stringify(tool.name)), ', "arguments": ', grammar.arguments(tool), "}"),
    )
  );
  return alt(...objects);
}
