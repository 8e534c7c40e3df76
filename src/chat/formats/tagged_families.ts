/**
 * Families whose calls are tagged (`tagged_calls.ts`): only the markers, the reasoning and how a template is recognised.
 *
 * Always true: a family is recognised by what its template writes, never by a model's name.
 */

import { charClass, literal, repeat, seq } from "../../text/grammar/gbnf.ts";
import { familyFormat } from "./call_syntax.ts";
import { type FormatCandidate, hasAll } from "./format_candidate.ts";
import { words } from "./grammar_builder.ts";
import { THINK_TAGS } from "./reasoning.ts";
import { type TaggedArguments, taggedCalls } from "./tagged_calls.ts";

const DIGITS = repeat(charClass([[0x30, 0x39]]), 1, 3);
/** Characters of the ids that Solar is told to make up. */
const ID = repeat(charClass([[0x30, 0x39], [0x61, 0x7a]]), 10, 10);

/** Arguments as `<arg_key>k</arg_key><arg_value>v</arg_value>`. @param suffix within every tag */
function argumentPairs(suffix = ""): TaggedArguments {
  return {
    open: `<arg_key${suffix}>`,
    nameEnd: `</arg_key${suffix}>`,
    valueOpen: `<arg_value${suffix}>`,
    close: `</arg_value${suffix}>`,
  };
}

/** `<tool_call>name<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>`. */
const PAIR_CALLS = taggedCalls({ open: "<tool_call>", close: "</tool_call>", arguments: argumentPairs() });

/** GLM 4.5 to 4.7 and Spark 2.5. */
const GLM: FormatCandidate = {
  name: "glm",
  matches: (template) => hasAll(template, "<tool_call>", "<arg_key>", "<arg_value>"),
  create: () => familyFormat({ name: "glm", reasoning: THINK_TAGS, syntax: PAIR_CALLS }),
};

/** Poolside's Laguna: as GLM; the model may spell its end of turn out. */
const LAGUNA: FormatCandidate = {
  name: "laguna",
  matches: (template) => hasAll(template, "laguna_glm_thinking", "<arg_key>"),
  create: () =>
    familyFormat({ name: "laguna", reasoning: THINK_TAGS, syntax: PAIR_CALLS, stops: ["</assistant>"] }),
};

/** Ling 3 (Bailing): as GLM; a call may come before the reasoning is closed, and the end of turn may be spelt out. */
const LING: FormatCandidate = {
  name: "ling",
  matches: (template) => hasAll(template, "<role>ASSISTANT</role>", "<arg_key>"),
  create: () =>
    familyFormat({
      name: "ling",
      reasoning: { ...THINK_TAGS, endsBefore: ["<tool_call>"] },
      syntax: PAIR_CALLS,
      stops: ["<|role_end|>"],
    }),
};

/** Tencent's Hy3: as GLM in a section, the name closed by a separator; every tag ends with the same suffix. */
const HY3: FormatCandidate = {
  name: "hy3",
  matches: (template) => hasAll(template, "hy_Assistant", "<tool_sep", "<arg_key"),
  create: (template) => {
    const suffix = /set HYTK = '([^']*)'/.exec(template)?.[1] ?? "";
    return familyFormat({
      name: "hy3",
      reasoning: { start: `<think${suffix}>`, end: `</think${suffix}>` },
      syntax: taggedCalls({
        section: { open: `<tool_calls${suffix}>`, close: `</tool_calls${suffix}>` },
        open: `<tool_call${suffix}>`,
        nameEnd: `<tool_sep${suffix}>`,
        close: `</tool_call${suffix}>`,
        arguments: argumentPairs(suffix),
      }),
    });
  },
};

/** ByteDance's Seed-OSS. */
const SEED_OSS: FormatCandidate = {
  name: "seed_oss",
  matches: (template) => hasAll(template, "<seed:tool_call>", "<parameter="),
  create: () =>
    familyFormat({
      name: "seed_oss",
      reasoning: { start: "<seed:think>", end: "</seed:think>" },
      syntax: taggedCalls({
        section: { open: "<seed:tool_call>", close: "</seed:tool_call>", each: true },
        open: "<function=",
        nameEnd: ">",
        close: "</function>",
        arguments: { open: "<parameter=", nameEnd: ">", close: "</parameter>" },
      }),
    }),
};

/** MiniMax M2. */
const MINIMAX_M2: FormatCandidate = {
  name: "minimax_m2",
  matches: (template) => hasAll(template, "<minimax:tool_call>", "<invoke name="),
  create: () =>
    familyFormat({
      name: "minimax_m2",
      reasoning: THINK_TAGS,
      syntax: taggedCalls({
        section: { open: "<minimax:tool_call>", close: "</minimax:tool_call>" },
        open: '<invoke name="',
        nameEnd: '">',
        close: "</invoke>",
        arguments: { open: '<parameter name="', nameEnd: '">', close: "</parameter>" },
      }),
    }),
};

/** MiniCPM 5: a value may stand in CDATA. */
const MINICPM: FormatCandidate = {
  name: "minicpm",
  matches: (template) => hasAll(template, '<function name="', '<param name="'),
  create: () =>
    familyFormat({
      name: "minicpm",
      reasoning: THINK_TAGS,
      syntax: taggedCalls({
        open: '<function name="',
        nameEnd: '">',
        close: "</function>",
        arguments: {
          open: '<param name="',
          nameEnd: '">',
          close: "</param>",
          quote: { open: "<![CDATA[", close: "]]>" },
        },
      }),
    }),
};

/** Kimi K2 and K2 Thinking: the id holds the name; the section may be missing, and a call may come within reasoning. */
const KIMI_K2: FormatCandidate = {
  name: "kimi_k2",
  matches: (template) => hasAll(template, "<|tool_calls_section_begin|>", "<|tool_call_begin|>"),
  create: () => {
    const section = {
      open: "<|tool_calls_section_begin|>",
      close: "<|tool_calls_section_end|>",
      optional: true,
    };
    const open = "<|tool_call_begin|>";
    return familyFormat({
      name: "kimi_k2",
      reasoning: { ...THINK_TAGS, endsBefore: [section.open, open] },
      syntax: taggedCalls({
        section,
        open,
        nameEnd: "<|tool_call_argument_begin|>",
        close: "<|tool_call_end|>",
        arguments: "json",
        head: {
          read: (text) => {
            const name = /^(?:functions\.)?(.+?)(?::\d+)?$/.exec(text.trim())?.[1];
            return name === undefined ? undefined : { name, id: text.trim() };
          },
          write: (name) => words("functions.", name, ":", DIGITS),
        },
      }),
    });
  },
};

/** Functionary 3.1. */
const FUNCTIONARY_3_1: FormatCandidate = {
  name: "functionary_3_1",
  matches: (template) => hasAll(template, "<function=", "has_code_interpreter"),
  create: () =>
    familyFormat({
      name: "functionary_3_1",
      syntax: taggedCalls({ open: "<function=", nameEnd: ">", close: "</function>", arguments: "json" }),
    }),
};

/** Upstage's Solar Open: every part of the answer is a message with its own markers. */
const SOLAR: FormatCandidate = {
  name: "solar",
  matches: (template) => hasAll(template, "<|tool_calls|>", "<|tool_call:name|>"),
  create: () =>
    familyFormat({
      name: "solar",
      reasoning: { start: "<|think|>", end: "<|end|>" },
      frames: ["<|content|>", "<|end|>", "<|begin|>assistant"],
      before: "<|begin|>assistant",
      wrap: ["<|content|>", "<|end|>"],
      syntax: taggedCalls({
        section: { open: "<|tool_calls|>", close: "<|calls|>" },
        open: "<|tool_call:begin|>",
        nameEnd: "<|tool_call:args|>",
        close: "<|tool_call:end|>",
        arguments: "json",
        head: {
          read: (text) => {
            const [id, name] = text.split("<|tool_call:name|>");
            return id === undefined || name === undefined ? undefined : { name: name.trim(), id: id.trim() };
          },
          write: (name) => seq(ID, literal(`<|tool_call:name|>${name}`)),
        },
      }),
    }),
};

/** Kimi K3: everything is an element between markers, arguments carry their type. */
const KIMI_K3: FormatCandidate = {
  name: "kimi_k3",
  matches: (template) => hasAll(template, "<|open|>", "<|close|>", "<|end_of_msg|>"),
  create: () => {
    const response = element("response");
    const tools = element("tools");
    return familyFormat({
      name: "kimi_k3",
      reasoning: {
        start: element("think").open,
        end: element("think").close,
        endsBefore: [response.open, tools.open],
      },
      frames: [response.open, response.close, element("message").close, "<|end_of_msg|>"],
      wrap: [response.open, response.close],
      syntax: taggedCalls({
        section: tools,
        open: '<|open|>call tool="',
        nameEnd: "<|sep|>",
        close: element("call").close,
        head: {
          read: (text) => ({ name: attribute(text) }),
          write: (name) => words(escapeAttribute(name), '" index="', DIGITS, '"'),
        },
        arguments: {
          open: '<|open|>argument key="',
          nameEnd: "<|sep|>",
          close: element("argument").close,
          head: {
            read: (text) => ({ name: attribute(text) }),
            write: (name, _grammar, parameter) =>
              literal(
                `${escapeAttribute(name)}" type="${parameter?.types.values().next().value ?? "string"}"`,
              ),
          },
        },
      }),
    });
  },
};

function element(name: string): { open: string; close: string } {
  return { open: `<|open|>${name}<|sep|>`, close: `<|close|>${name}<|sep|>` };
}

/** The attribute whose value `text` begins with. */
function attribute(text: string): string {
  return text.slice(0, Math.max(0, text.indexOf('"'))).replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}

function escapeAttribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
}

/** All of them; the most particular first. */
export const TAGGED_FAMILIES: readonly FormatCandidate[] = [
  HY3,
  LING,
  LAGUNA,
  GLM,
  SEED_OSS,
  MINIMAX_M2,
  KIMI_K2,
  KIMI_K3,
  SOLAR,
  MINICPM,
  FUNCTIONARY_3_1,
];
