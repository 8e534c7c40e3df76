/**
 * Finds and runs what official clients need besides Deno: curl, Node with its packages, Python with its packages.
 * A test that needs a tool which is not there is skipped by name: its name says what is missing.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runs } from "./runs.ts";

/** A program that a test needs. */
export interface ClientTool {
  found: boolean;
  path: string;
  /** To be appended to a test's name: empty, or why the test is skipped. */
  note: string;
}

const E2E = fileURLToPath(new URL("../e2e/", import.meta.url));
const VENV_PYTHON = pythonOf(".venv-clients");

/** Folder of the client scripts; Node finds its packages above it. */
export const CLIENTS = `${E2E}clients/`;

/** curl, and a POSIX shell to quote as the examples do. */
export const CURL: ClientTool = tool(
  "curl",
  runs("curl", ["--version"]) && runs("sh", ["-c", "true"]),
  "no curl",
);

/** Node with the packages of tests/e2e/package.json. */
export const NODE: ClientTool = tool(
  "node",
  existsSync(`${E2E}node_modules/openai`) &&
    existsSync(`${E2E}node_modules/ai`) &&
    existsSync(`${E2E}node_modules/@anthropic-ai/sdk`) &&
    runs("node", ["--version"]),
  "no node or no tests/e2e/node_modules, see `make test`",
);

/** Node with LangChain's packages, of tests/e2e/package.json as well. */
export const LANGCHAIN: ClientTool = tool(
  "node",
  NODE.found && existsSync(`${E2E}node_modules/@langchain/openai`),
  "no node or no tests/e2e/node_modules, see `make test`",
);

/** Python with the packages of tests/e2e/requirements-clients.txt. */
export const PYTHON: ClientTool = tool(
  VENV_PYTHON,
  existsSync(VENV_PYTHON) &&
    runs(VENV_PYTHON, ["-c", "import openai, ollama, anthropic"]),
  "no Python with tests/.venv-clients, see `make test`",
);

/** Python with the parser of PyPI prometheus_client. */
export const PROMETHEUS: ClientTool = tool(
  VENV_PYTHON,
  existsSync(VENV_PYTHON) &&
    runs(VENV_PYTHON, ["-c", "import prometheus_client"]),
  "no prometheus_client in tests/.venv-clients, see `make test`",
);

/** Python with PyPI schemathesis: tests/e2e/requirements-fuzz.txt, whose versions are its own. */
export const FUZZER: ClientTool = ownPython("fuzz", "schemathesis");

/** Python with PyPI litellm: tests/e2e/requirements-litellm.txt, whose versions are its own. */
export const LITELLM: ClientTool = ownPython("litellm", "litellm");

/** A Python with a virtual environment of its own. Only asked whether it is there: imports would take seconds. */
function ownPython(name: string, module: string): ClientTool {
  const path = pythonOf(`.venv-${name}`);
  return tool(path, existsSync(path), `no ${module}, see \`make test\``);
}

function pythonOf(venv: string): string {
  const folder = fileURLToPath(new URL(`../${venv}/`, import.meta.url));
  return folder +
    (Deno.build.os === "windows" ? "Scripts/python.exe" : "bin/python");
}

function tool(path: string, found: boolean, reason: string): ClientTool {
  return { path, found, note: found ? "" : ` (skipped: ${reason})` };
}

/** Longest time for one tool in milliseconds, unless told otherwise. */
const TOOL_MS = 120_000;

/**
 * Runs a program to its end.
 * @returns what it wrote to stdout
 * @throws Error with its stderr when it fails
 */
export async function runTool(
  [command = "", ...args]: readonly string[],
  env: Record<string, string> = {},
  limitMs: number = TOOL_MS,
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    env: { NO_PROXY: "*", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(limitMs),
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) {
    throw new Error(
      `${command} ended with code ${code}:\n${decoder.decode(stderr)}${decoder.decode(stdout)}`,
    );
  }
  return decoder.decode(stdout);
}

/** What a client script reports about one of its checks. */
interface CheckResult {
  name: string;
  /** Absent when it passed. */
  error?: string;
}

/**
 * Runs a client script against a server and makes a test step of each of its checks. The script prints one line of
 * JSON for each check, `{"name", "error"?}`, and a last line `{"done": <number of checks>}`.
 */
export async function runChecks(
  t: Deno.TestContext,
  command: readonly string[],
  url: string,
): Promise<void> {
  const lines = (await runTool(command, { BASE_URL: url })).trim().split("\n");
  const { done } = JSON.parse(lines.pop() ?? "{}") as { done?: number };
  if (done === undefined || done !== lines.length || done === 0) {
    throw new Error(
      `The script reported ${lines.length} checks and then ${done}`,
    );
  }
  for (const line of lines) {
    const { name, error } = JSON.parse(line) as CheckResult;
    await t.step(name, () => {
      if (error !== undefined) throw new Error(error);
    });
  }
}
