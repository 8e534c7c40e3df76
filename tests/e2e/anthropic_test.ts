/** Anthropic's official SDKs, unmodified, against a started server. Each check of a script is a step. */

import { CLIENTS, type ClientTool, NODE, PYTHON, runChecks } from "../support/client_tools.ts";
import { ServerProcess } from "../support/server_process.ts";

let server: ServerProcess;
Deno.test.beforeAll(async () => {
  server = await ServerProcess.start();
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const SCRIPTS: readonly { name: string; tool: ClientTool; script: string }[] = [
  { name: "npm @anthropic-ai/sdk", tool: NODE, script: "anthropic.mjs" },
  { name: "PyPI anthropic", tool: PYTHON, script: "anthropic_client.py" },
];

for (const { name, tool, script } of SCRIPTS) {
  Deno.test({
    name: `${name}: the SDK works against the server${tool.note}`,
    ignore: !tool.found,
    fn: (t) => runChecks(t, [tool.path, CLIENTS + script], server.url),
  });
}
