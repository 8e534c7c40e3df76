/** Options of benchmarks: `--name value`. */

import { benchModel } from "../support/bench_model.ts";
import { peerProgram } from "./peer.ts";

/** A number; `fallback` when the option is absent. @throws Error when its value is no number */
export function numberOption(args: readonly string[], name: string, fallback: number): number {
  const text = textOption(args, name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  throw new Error(`Cannot read --${name}: "${text}" is not a number`);
}

/** A text; undefined when the option is absent. */
export function textOption(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? undefined : args[at + 1];
}

/** The model to measure with: `--model FILE`, else the random-weight 0.5B one, which is made when it is missing. */
export async function benchmarkModel(args: readonly string[]): Promise<string> {
  return textOption(args, "model") ?? await benchModel({ quantizer: peerProgram("llama-quantize") });
}
