/** The upper bound: llama.cpp's own decode loop without server, sampler or text. */

import { peerEnvironment, peerProgram } from "./peer.ts";

/** What to measure. */
export interface LlamaBenchOptions {
  model: string;
  threads: number;
  /** Tokens to generate. */
  tokens: number;
  /** Tokens in the cache before them. */
  depth: number;
}

/** Runs `llama-bench` once. @returns tokens a second */
export async function llamaBenchDecode(
  { model, threads, tokens, depth }: LlamaBenchOptions,
): Promise<number> {
  const args = ["-m", model, "-t", threads, "-p", 0, "-n", tokens, "-d", depth, "-r", 1, "-o", "json"].map(
    String,
  );
  const { success, stdout, stderr } = await new Deno.Command(peerProgram("llama-bench"), {
    args,
    env: peerEnvironment(),
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`llama-bench fails: ${text.decode(stderr).slice(-1000)}`);
  const [result] = JSON.parse(text.decode(stdout)) as { avg_ts: number }[];
  if (result === undefined) throw new Error("llama-bench printed no result");
  return result.avg_ts;
}
