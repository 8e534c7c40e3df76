/**
 * The format of DeepSeek V3.2 and V4: calls as `<｜DSML｜invoke name="get_weather">` with one
 * `<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>` for each argument, in a block that is named
 * `function_calls` (V3.2) or `tool_calls` (V4). `string` says whether the value is text or JSON. A call ends the reasoning.
 */

import { literal } from "../../text/grammar/gbnf.ts";
import type { AnswerFormat } from "./answer_format.ts";
import { familyFormat } from "./call_syntax.ts";
import type { FormatCandidate } from "./format_candidate.ts";
import type { JsonType } from "./parameter_type.ts";
import { THINK_TAGS } from "./reasoning.ts";
import { taggedCalls } from "./tagged_calls.ts";

const DSML = "｜DSML｜";
const TEXT: ReadonlySet<JsonType> = new Set(["string"]);
const JSON_TYPES: ReadonlySet<JsonType> = new Set(["null", "boolean", "number", "string", "array", "object"]);

/** Recognises the formats. */
export const DEEPSEEK_DSML: FormatCandidate = {
  name: "deepseek_dsml",
  matches: (template) =>
    template.includes("dsml_token") && template.includes("DSML") &&
    /function_calls|tool_calls/.test(template),
  create: (template) => dsmlFormat(template.includes("function_calls") ? "function_calls" : "tool_calls"),
};

/** @param block name of the block around the calls */
export function dsmlFormat(block: "function_calls" | "tool_calls"): AnswerFormat {
  const open = `<${DSML}${block}>`;
  return familyFormat({
    name: "deepseek_dsml",
    reasoning: { ...THINK_TAGS, endsBefore: [open] },
    syntax: taggedCalls({
      section: { open, close: `</${DSML}${block}>` },
      open: `<${DSML}invoke name="`,
      nameEnd: '">',
      close: `</${DSML}invoke>`,
      arguments: {
        open: `<${DSML}parameter name="`,
        nameEnd: ">",
        close: `</${DSML}parameter>`,
        head: {
          read: readParameterHead,
          write: (name, _grammar, parameter) =>
            literal(`${name}" string="${parameter?.types.has("string") === true ? "true" : "false"}"`),
        },
      },
    }),
  });
}

/** Reads `city" string="true"`. */
function readParameterHead(text: string) {
  const head = /^([^"]*)"(?:\s+string="(true|false)")?\s*$/.exec(text);
  if (head === null) return undefined;
  const [, name = "", string] = head;
  return string === undefined ? { name } : { name, types: string === "true" ? TEXT : JSON_TYPES };
}
