/**
 * Tells reasoning and answer apart: the tags of each family, whether the prompt has already opened the reasoning, and the
 * reader of the reasoning at the beginning of an answer.
 *
 * Always true: white space next to a tag belongs to the tag, and reasoning of white space alone is none. Reasoning without
 * an end is reasoning to the end of the answer. With `split` off, nothing is touched.
 */

import type { AnswerReader, Emit, Reading } from "./answer_reader.ts";

/** How a family of models marks its reasoning. */
export interface ReasoningTags {
  /** Such as `<think>`. */
  start: string;
  /** Such as `</think>`. */
  end: string;
  /** Text that may stand between an end and the next start. */
  between?: string;
  /** Texts that end the reasoning too, and are left to be read: the beginning of a call. */
  endsBefore?: readonly string[];
}

/** The tags of most families. */
export const THINK_TAGS: ReasoningTags = { start: "<think>", end: "</think>" };

/** Tags that a template may use, in the order in which they are looked for. */
const KNOWN_TAGS: readonly ReasoningTags[] = [
  THINK_TAGS,
  { start: "[THINK]", end: "[/THINK]" },
  { start: "<|START_THINKING|>", end: "<|END_THINKING|>" },
  { start: "<seed:think>", end: "</seed:think>" },
];

/** The reasoning tags that a template's source speaks of; undefined when it knows none. */
export function templateReasoning(template: string): ReasoningTags | undefined {
  return KNOWN_TAGS.find(({ end }) => template.includes(end));
}

/** Where the reasoning of an answer stands when the answer begins. */
export interface ReasoningStart {
  tags: ReasoningTags;
  /** `open`: the prompt ends inside of the reasoning; `closed`: the prompt has ended it; `optional`: the model decides. */
  state: "open" | "closed" | "optional";
}

/** What ends a turn in one template or another: reasoning that was opened before it belongs to an earlier message. */
const TURN_MARK =
  /<\|[^|>]*\|>|<｜[^｜>]*｜>|\[\/?INST\]|<(?:start|end)_of_turn>|<\/?s>|<\/?(?:user|system|assistant)>/;

/** Finds out from the rendered prompt how the answer begins. */
export function reasoningStart(prompt: string, tags: ReasoningTags): ReasoningStart {
  if (prompt.trimEnd().endsWith(tags.end.trim())) return { tags, state: "closed" };
  const start = tags.start.trim();
  const opened = start === "" ? -1 : prompt.lastIndexOf(start);
  if (opened < 0 || prompt.indexOf(tags.end.trim(), opened) >= 0) return { tags, state: "optional" };
  const inside = prompt.slice(opened + start.length);
  return { tags, state: TURN_MARK.test(inside) ? "optional" : "open" };
}

/** Reads the reasoning at the beginning of an answer, if there is any, with the white space around it. */
export function* readReasoning(reader: AnswerReader, { tags, state }: ReasoningStart): Reading<void> {
  const opened = yield* reader.attempt(function* () {
    yield* reader.space();
    return (yield* reader.literal(tags.start.trim())) || undefined;
  });
  if (opened === undefined && state !== "open") return;
  const end = tags.end.trim();
  const found = yield* reader.before([end, ...(tags.endsBefore ?? [])], trimmed(reader.reasoning), "drop");
  if (found === end) yield* reader.literal(end);
  yield* reader.space();
}

/** Passes text on without the white space at its beginning and at its end. */
export function trimmed(emit: Emit): Emit {
  let started = false;
  let held = "";
  return (text) => {
    const rest = started ? held + text : text.trimStart();
    const kept = rest.trimEnd();
    held = rest.slice(kept.length);
    if (kept === "") return;
    started = true;
    emit(kept);
  };
}
