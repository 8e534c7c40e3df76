/**
 * The format of Llama 3.1, 3.2 and 3.3: a call is the JSON object `{"name": ..., "parameters": {...}}` in plain text, or in
 * OpenAI's shape; several are parted by `;`. Built-in tools are called as `<|python_tag|>brave_search.call(query="...")`, and code
 * for the interpreter follows `<|python_tag|>` as it is.
 */

import { alt, literal } from "../../text/grammar/gbnf.ts";
import type { AnswerReader, Reading } from "./answer_reader.ts";
import { spacedLiteral } from "./call_syntax.ts";
import { type FormatCandidate, hasAll } from "./format_candidate.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { JSON_CALL_KEYS, type JsonCallKeys, readJsonCall } from "./json_call.ts";
import { valueJson } from "./parameter_value.ts";
import { toolParameter } from "./parameter_type.ts";
import type { ToolSet } from "./tool_set.ts";
import { wireFormat } from "./wire_format.ts";

const PYTHON = "<|python_tag|>";
const KEYS: JsonCallKeys = { ...JSON_CALL_KEYS, nested: ["function"] };
/** Tools that take the code after the python tag, if offered; each with the argument that it goes into. */
const INTERPRETERS: readonly (readonly [tool: string, argument: string])[] = [
  ["code_interpreter", "code"],
  ["python", "code"],
  ["ipython", "code"],
];

/** Recognises the format. */
export const LLAMA3: FormatCandidate = {
  name: "llama3",
  matches: (template) => hasAll(template, "<|start_header_id|>", '{"name": function name, "parameters": '),
  create: () => FORMAT,
};

const FORMAT = wireFormat({
  name: "llama3",
  preserved: [PYTHON],
  read: readCalls,
  triggers: () => [{ kind: "word", text: '{"name": "' }, { kind: "word", text: '{"type": "function", ' }],
  calls: (grammar, tools, parallel) => calls(callRule(grammar, tools), literal("; "), parallel),
});

function* readCalls(reader: AnswerReader, tools: ToolSet): Reading<void> {
  for (;;) {
    const marker = yield* reader.before([PYTHON, "{"], reader.prose);
    if (marker === null) return;
    if (marker === PYTHON) yield* readPython(reader, tools);
    else if (yield* readJsonCall(reader, tools, KEYS)) yield* spacedLiteral(reader, ";");
    else {
      yield* reader.literal("{");
      reader.content("{");
    }
  }
}

/** Reads the tag and what follows it: a JSON call, a call of a built-in tool, or code. */
function* readPython(reader: AnswerReader, tools: ToolSet): Reading<void> {
  yield* reader.literal(PYTHON);
  const space = yield* reader.space();
  if ((yield* reader.peek()) === "{" && (yield* readJsonCall(reader, tools, KEYS))) {
    yield* spacedLiteral(reader, ";");
    return;
  }
  let text = "";
  yield* reader.rest((part) => text += part);
  const builtin = builtinCall(text, tools);
  const interpreter = INTERPRETERS.find(([name]) => tools.has(name));
  if (builtin !== undefined) {
    reader.call(builtin.name);
    reader.args(builtin.args);
  } else if (interpreter !== undefined && text.trim() !== "") {
    reader.call(interpreter[0]);
    reader.args(JSON.stringify({ [interpreter[1]]: text }));
  } else reader.content(PYTHON + space + text);
}

/** A call as Python writes it, of an offered tool; undefined when the text is anything else. */
function builtinCall(text: string, tools: ToolSet): { name: string; args: string } | undefined {
  const call = /^([\w-]+)\.call\(([^]*)\)\s*$/.exec(text);
  const tool = call === null ? undefined : tools.get(call[1]!);
  if (call === null || tool === undefined) return undefined;
  const members: string[] = [];
  const part = /\s*(\w+)\s*=\s*("(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'|[^,"'()]+)\s*(?:,|$)/y;
  while (part.lastIndex < call[2]!.trimEnd().length) {
    const found = part.exec(call[2]!);
    if (found === null) return undefined;
    const { types } = toolParameter(tool, found[1]!);
    members.push(`${JSON.stringify(found[1])}: ${valueJson(found[2]!.trim(), types)}`);
  }
  return { name: tool.name, args: `{${members.join(", ")}}` };
}

function callRule(grammar: GrammarBuilder, tools: ToolSet) {
  const objects = tools.tools.map((tool, index) =>
    grammar.rule(
      `call-${index}`,
      words(
        alt(literal("{"), literal('{"type": "function", ')),
        '"name": ',
        literal(JSON.stringify(tool.name)),
        ', "parameters": ',
        grammar.arguments(tool),
        "}",
      ),
    )
  );
  return alt(...objects);
}
