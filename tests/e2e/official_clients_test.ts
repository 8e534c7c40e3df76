/** The official SDKs, unmodified, against a started server. Each check of a script is a step. */

import { CLIENTS, type ClientTool, NODE, PYTHON, runChecks } from "../support/client_tools.ts";
import { ServerProcess } from "../support/server_process.ts";

let server: ServerProcess;
Deno.test.beforeAll(async () => {
  server = await ServerProcess.start();
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const SCRIPTS: readonly { name: string; tool: ClientTool; script: string }[] = [
  { name: "npm openai", tool: NODE, script: "openai.mjs" },
  { name: "npm openai, tools", tool: NODE, script: "openai_tools.mjs" },
  { name: "npm ollama", tool: NODE, script: "ollama.mjs" },
  { name: "npm ollama, tools", tool: NODE, script: "ollama_tools.mjs" },
  { name: "npm ai", tool: NODE, script: "ai_sdk.mjs" },
  { name: "PyPI openai", tool: PYTHON, script: "openai_client.py" },
  {
    name: "PyPI openai, tools",
    tool: PYTHON,
    script: "openai_tools_client.py",
  },
  { name: "PyPI ollama", tool: PYTHON, script: "ollama_client.py" },
  {
    name: "PyPI ollama, tools",
    tool: PYTHON,
    script: "ollama_tools_client.py",
  },
];

for (const { name, tool, script } of SCRIPTS) {
  Deno.test({
    name: `${name}: the SDK works against the server${tool.note}`,
    ignore: !tool.found,
    fn: (t) => runChecks(t, [tool.path, CLIENTS + script], server.url),
  });
}
