/**
 * Families whose calls are JSON objects between markers (`object_calls.ts`): only the markers, the reasoning and how a
 * template is recognised.
 *
 * Always true: a family is recognised by what its template writes, never by a model's name.
 */

import { familyFormat } from "./call_syntax.ts";
import { type FormatCandidate, hasAll } from "./format_candidate.ts";
import { NAME_AND_ARGUMENTS, objectCalls, type ObjectMembers } from "./object_calls.ts";
import { type ReasoningTags, THINK_TAGS } from "./reasoning.ts";

/** Cohere's members. */
const COHERE_MEMBERS: ObjectMembers = { id: "tool_call_id", name: "tool_name", arguments: "parameters" };
const COHERE_CALLS = objectCalls({
  open: "<|START_ACTION|>",
  close: "<|END_ACTION|>",
  list: true,
  members: COHERE_MEMBERS,
});
const COHERE_THINKING: ReasoningTags = { start: "<|START_THINKING|>", end: "<|END_THINKING|>" };

/** Command R7B: an answer without calls stands between response markers. */
const COMMAND_R7B: FormatCandidate = {
  name: "command_r7b",
  matches: (template) => hasAll(template, "<|START_ACTION|>", "<|START_RESPONSE|>"),
  create: () =>
    familyFormat({
      name: "command_r7b",
      reasoning: { ...COHERE_THINKING, endsBefore: ["<|START_RESPONSE|>", "<|START_ACTION|>"] },
      frames: ["<|START_RESPONSE|>", "<|END_RESPONSE|>"],
      wrap: ["<|START_RESPONSE|>", "<|END_RESPONSE|>"],
      syntax: COHERE_CALLS,
    }),
};

/** Cohere's mixture of experts: as Command R7B, with text markers; the prompt opens the reasoning. */
const COHERE_MOE: FormatCandidate = {
  name: "cohere_moe",
  matches: (template) => hasAll(template, "<|START_ACTION|>", "<|START_TEXT|>"),
  create: () =>
    familyFormat({
      name: "cohere_moe",
      reasoning: { ...COHERE_THINKING, endsBefore: ["<|START_TEXT|>", "<|START_ACTION|>"] },
      frames: ["<|START_TEXT|>", "<|END_TEXT|>", "<|END_OF_TURN_TOKEN|>"],
      wrap: ["<|START_TEXT|>", "<|END_TEXT|>"],
      syntax: COHERE_CALLS,
    }),
};

/** Command R+. */
const COMMAND_R_PLUS: FormatCandidate = {
  name: "command_r_plus",
  matches: (template) => hasAll(template, "<|CHATBOT_TOKEN|>", "Action:", "```json", '"tool_name"'),
  create: () =>
    familyFormat({
      name: "command_r_plus",
      syntax: objectCalls({
        open: "Action:\n```json",
        close: "```",
        list: true,
        members: { name: "tool_name", arguments: "parameters" },
      }),
    }),
};

/** Granite 3: the marker, then a list. */
const GRANITE_3: FormatCandidate = {
  name: "granite_3",
  matches: (template) => hasAll(template, "<|start_of_role|>", "<|tool_call|>"),
  create: () =>
    familyFormat({
      name: "granite_3",
      reasoning: THINK_TAGS,
      frames: ["<response>", "</response>"],
      syntax: objectCalls({ open: "<|tool_call|>", close: "", list: true, members: NAME_AND_ARGUMENTS }),
    }),
};

/** FireFunction v2. */
const FIREFUNCTION: FormatCandidate = {
  name: "firefunction",
  matches: (template) => hasAll(template, "functools["),
  create: () =>
    familyFormat({
      name: "firefunction",
      syntax: objectCalls({
        open: "functools[",
        close: "]",
        list: false,
        separator: ", ",
        members: NAME_AND_ARGUMENTS,
      }),
    }),
};

/** Nemotron Nano v2. */
const NEMOTRON_2: FormatCandidate = {
  name: "nemotron_2",
  matches: (template) => hasAll(template, "<TOOLCALL>"),
  create: () =>
    familyFormat({
      name: "nemotron_2",
      reasoning: THINK_TAGS,
      syntax: objectCalls({
        open: "<TOOLCALL>",
        close: "</TOOLCALL>",
        list: true,
        members: NAME_AND_ARGUMENTS,
      }),
    }),
};

/** MiniMax M1: one object a line. */
const MINIMAX_M1: FormatCandidate = {
  name: "minimax_m1",
  matches: (template) => hasAll(template, "<tool_calls>", "<beginning_of_sentence>"),
  create: () =>
    familyFormat({
      name: "minimax_m1",
      reasoning: THINK_TAGS,
      syntax: objectCalls({
        open: "<tool_calls>",
        close: "</tool_calls>",
        list: false,
        members: NAME_AND_ARGUMENTS,
      }),
    }),
};

/** Apriel 1.5 and 1.6: the reasoning begins with a sentence and ends with a mark. */
const APRIEL: FormatCandidate = {
  name: "apriel",
  matches: (template) => hasAll(template, "<tool_calls>[", "[BEGIN FINAL RESPONSE]"),
  create: () =>
    familyFormat({
      name: "apriel",
      reasoning: { start: "Here are my reasoning steps:", end: "[BEGIN FINAL RESPONSE]" },
      frames: ["[END FINAL RESPONSE]"],
      syntax: objectCalls({
        open: "<tool_calls>",
        close: "</tool_calls>",
        list: true,
        members: NAME_AND_ARGUMENTS,
      }),
    }),
};

/** Apertus: the tool's name is the only key of a call. */
const APERTUS: FormatCandidate = {
  name: "apertus",
  matches: (template) => hasAll(template, "<|tools_prefix|>", "<|tools_suffix|>"),
  create: () =>
    familyFormat({
      name: "apertus",
      reasoning: { start: "<|inner_prefix|>", end: "<|inner_suffix|>" },
      syntax: objectCalls({
        open: "<|tools_prefix|>",
        close: "<|tools_suffix|>",
        list: true,
        members: "name-as-key",
      }),
    }),
};

/** GigaChat 3.1. */
const GIGACHAT_3_1: FormatCandidate = {
  name: "gigachat_3_1",
  matches: (template) => hasAll(template, "<|function_call|>", "<|role_sep|>"),
  create: () =>
    familyFormat({
      name: "gigachat_3_1",
      syntax: objectCalls({
        open: "<|function_call|>",
        close: "",
        list: false,
        single: true,
        members: NAME_AND_ARGUMENTS,
      }),
    }),
};

/** GigaChat 3: a call is a message of its own. */
const GIGACHAT_3: FormatCandidate = {
  name: "gigachat_3",
  matches: (template) => hasAll(template, "<|message_sep|>", "<|role_sep|>", "function call"),
  create: () =>
    familyFormat({
      name: "gigachat_3",
      syntax: objectCalls({
        open: "<|message_sep|>\n\nfunction call<|role_sep|>\n",
        close: "",
        list: false,
        single: true,
        members: NAME_AND_ARGUMENTS,
      }),
    }),
};

/** All of them; the most particular first. */
export const OBJECT_FAMILIES: readonly FormatCandidate[] = [
  COHERE_MOE,
  COMMAND_R7B,
  COMMAND_R_PLUS,
  GRANITE_3,
  FIREFUNCTION,
  NEMOTRON_2,
  MINIMAX_M1,
  APRIEL,
  APERTUS,
  GIGACHAT_3_1,
  GIGACHAT_3,
];
