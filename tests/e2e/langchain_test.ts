/** LangChain's packages for OpenAI and Ollama, unmodified, against a started server. Each check of the script is a step. */

import { CLIENTS, LANGCHAIN, runChecks } from "../support/client_tools.ts";
import { ServerProcess } from "../support/server_process.ts";

Deno.test({
  name: `npm @langchain/openai and @langchain/ollama: the packages work against the server${LANGCHAIN.note}`,
  ignore: !LANGCHAIN.found,
  fn: async (t) => {
    await using server = await ServerProcess.start();
    await runChecks(t, [LANGCHAIN.path, `${CLIENTS}langchain.mjs`], server.url);
  },
});
