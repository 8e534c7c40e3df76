/** PyPI litellm, unmodified, against a started server. Each check of the script is a step. */

import { CLIENTS, LITELLM, runChecks } from "../support/client_tools.ts";
import { ServerProcess } from "../support/server_process.ts";

Deno.test({
  name: `PyPI litellm: its providers work against the server${LITELLM.note}`,
  ignore: !LITELLM.found,
  fn: async (t) => {
    await using server = await ServerProcess.start();
    await runChecks(
      t,
      [LITELLM.path, `${CLIENTS}litellm_client.py`],
      server.url,
    );
  },
});
