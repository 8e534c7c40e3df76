/** The Responses endpoints through OpenAI's official SDKs, unmodified, against a started server. Each check of a script is a step. */

import { CLIENTS, type ClientTool, NODE, PYTHON, runChecks } from "../support/client_tools.ts";
import { ServerProcess } from "../support/server_process.ts";

let server: ServerProcess;
Deno.test.beforeAll(async () => {
  server = await ServerProcess.start();
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const SCRIPTS: readonly { name: string; tool: ClientTool; script: string }[] = [
  { name: "npm openai, responses", tool: NODE, script: "responses.mjs" },
  {
    name: "PyPI openai, responses",
    tool: PYTHON,
    script: "responses_client.py",
  },
];

for (const { name, tool, script } of SCRIPTS) {
  Deno.test({
    name: `${name}: the SDK works against the server${tool.note}`,
    ignore: !tool.found,
    fn: (t) => runChecks(t, [tool.path, CLIENTS + script], server.url),
  });
}
