/** The figures that --verbose prints after an answer. Pure. */

import type { AnswerChunk } from "../api_types.ts";
import { shortDuration } from "../human_time.ts";

/** Width of the labels. */
const WIDTH = 22;

/** Lines about the last chunk of an answer. */
export function timingsText(chunk: AnswerChunk): string {
  const rows: [string, string | undefined][] = [
    ["total duration", duration(chunk.total_duration)],
    ["load duration", duration(chunk.load_duration)],
    ["prompt eval count", tokens(chunk.prompt_eval_count)],
    ["prompt eval duration", duration(chunk.prompt_eval_duration)],
    [
      "prompt eval rate",
      rate(chunk.prompt_eval_count, chunk.prompt_eval_duration),
    ],
    ["eval count", tokens(chunk.eval_count)],
    ["eval duration", duration(chunk.eval_duration)],
    ["eval rate", rate(chunk.eval_count, chunk.eval_duration)],
  ];
  return rows.filter(([, value]) => value !== undefined)
    .map(([label, value]) => `${`${label}:`.padEnd(WIDTH)}${value}\n`).join("");
}

function duration(nanoseconds: number | undefined): string | undefined {
  return nanoseconds ? shortDuration(nanoseconds) : undefined;
}

function tokens(count: number | undefined): string | undefined {
  return count === undefined ? undefined : `${count} token${count === 1 ? "" : "s"}`;
}

function rate(
  count: number | undefined,
  nanoseconds: number | undefined,
): string | undefined {
  return count && nanoseconds ? `${(count / (nanoseconds / 1e9)).toFixed(2)} tokens/s` : undefined;
}
