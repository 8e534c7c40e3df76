/** Whether the client scripts call every method that npm and PyPI `ollama` have: a new release may bring more. */

import assert from "node:assert/strict";
import { CLIENTS, NODE, PYTHON, runTool } from "../support/client_tools.ts";

/** They ask ollama.com, whatever the host. */
const ELSEWHERE = ["webSearch", "webFetch", "web_search", "web_fetch"];

/** Not for users: `chat()`, `generate()` and the others call them. */
const INTERNAL = [
  "constructor",
  "processStreamableRequest",
  "encodeImage",
  "fileExists",
];

/** Text of the scripts of one language, without comments. */
function scripts(ending: string): string {
  return [...Deno.readDirSync(CLIENTS)]
    .filter(({ name }) => name.startsWith("ollama") && name.endsWith(ending))
    .map(({ name }) => Deno.readTextFileSync(CLIENTS + name).replaceAll(/^\s*(\/\/|#).*$/gm, "")).join("\n");
}

function assertCalled(
  methods: readonly string[],
  variable: string,
  text: string,
): void {
  const wanted = methods.filter((name) => !ELSEWHERE.includes(name) && !INTERNAL.includes(name));
  assert.ok(wanted.length >= 14, wanted.join(" "));
  const missing = wanted.filter((name) => !new RegExp(`\\b${variable}\\.${name}\\b`).test(text));
  assert.deepEqual(missing, [], "no script calls these");
}

Deno.test({
  name: `the scripts call every method of npm ollama${NODE.note}`,
  ignore: !NODE.found,
  async fn() {
    const methods = JSON.parse(
      await runTool([NODE.path, `${CLIENTS}ollama_methods.mjs`]),
    ) as string[];
    assertCalled(methods, "client", scripts(".mjs"));
  },
});

Deno.test({
  name: `the scripts call every method of PyPI ollama's two clients${PYTHON.note}`,
  ignore: !PYTHON.found,
  async fn() {
    const printed = await runTool([PYTHON.path, `${CLIENTS}ollama_methods.py`]);
    const methods = JSON.parse(printed) as Record<
      "Client" | "AsyncClient",
      string[]
    >;
    const text = scripts(".py");
    assertCalled(methods.Client, "client", text);
    assertCalled(methods.AsyncClient, "other", text);
  },
});
