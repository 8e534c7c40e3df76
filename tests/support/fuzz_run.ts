/** One run of the API's fuzzer (tests/e2e/clients/fuzz_api.py) against a server of its own. */

import { CLIENTS, FUZZER, runTool } from "./client_tools.ts";
import { startFuzzServer } from "./fuzz_server.ts";

/** What the fuzzer shall do. */
export interface FuzzOptions {
  cases: number;
  seed: number;
  /** Only operations whose name holds this text. */
  only?: string;
}

/** Failures of one kind. */
export interface FuzzFailure {
  operation: string;
  kind: string;
  count: number;
  message: string;
  example: string;
}

/** What came of a run. */
export interface FuzzReport {
  failures: FuzzFailure[];
  summary: {
    cases: number;
    operations: number;
    statuses: Record<string, number>;
  };
}

/** Milliseconds for a case; most take a tenth of it. */
const CASE_MS = 1_000;

/** Runs it. @throws Error when the server does not answer afterwards */
export async function runFuzzer(
  { cases, seed, only = "" }: FuzzOptions,
): Promise<FuzzReport> {
  await using server = await startFuzzServer();
  const script = [
    FUZZER.path,
    `${CLIENTS}fuzz_api.py`,
    "--cases",
    String(cases),
    "--seed",
    String(seed),
    "--only",
    only,
  ];
  const output = await runTool(
    script,
    { BASE_URL: server.url },
    60_000 + cases * CASE_MS,
  );
  const lines = output.trim().split("\n").map((line) => JSON.parse(line));
  const summary = lines.pop() as FuzzReport["summary"];
  try {
    await server.ask("/api/generate", { prompt: "Hi", stream: false });
  } catch (error) {
    throw new Error(
      `The server does not answer after the run: ${error}\n${server.stderr.slice(-2000)}\n${
        output.slice(-20_000)
      }`,
    );
  }
  return { failures: lines as FuzzFailure[], summary };
}
