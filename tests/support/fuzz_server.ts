/** A server that made-up requests can do no harm: empty folders of its own, no way out, short answers. */

import { ServerProcess } from "./server_process.ts";

/** Starts it; folders go with it. @param args further flags */
export async function startFuzzServer(
  args: readonly string[] = [],
): Promise<ServerProcess & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "fuzz-api-" });
  const slots = `${folder}/slots`;
  await Deno.mkdir(slots);
  // Nothing listens there: names of made-up registries end at once, and reach nobody.
  const nowhere = "http://127.0.0.1:9";
  const server = await ServerProcess.start({
    args: [
      "--n-predict",
      "16",
      "--models-store",
      `${folder}/models`,
      "--slot-save-path",
      slots,
      ...args,
    ],
    inspected: true,
    env: { HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere, NO_PROXY: "" },
  });
  const stop = server[Symbol.asyncDispose].bind(server);
  server[Symbol.asyncDispose] = async () => {
    await stop();
    await Deno.remove(folder, { recursive: true });
  };
  return server;
}
