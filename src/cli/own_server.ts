/** A server in this process for one command: on a free port of the loopback interface, gone with the command. */

import type { OllamaClient } from "./client.ts";
import type { CommandCall } from "./command.ts";
import { networkClient } from "./connection.ts";
import type { OwnModel } from "./own_model.ts";
import { serve } from "./serve.ts";
import type { ServeOptions } from "./serve_options.ts";

/** Nobody else is to find the server: no keys, no HTTPS, no waiting at the end. */
const PRIVATE = {
  host: "127.0.0.1",
  port: 0,
  apiKeys: [],
  apiKeyFile: undefined,
  sslKeyFile: undefined,
  sslCertFile: undefined,
  drainTimeout: 0,
} as const satisfies Partial<ServeOptions>;

/** See the module comment. */
export interface OwnServer extends AsyncDisposable {
  client: OllamaClient;
}

/**
 * Starts it and waits until the model is loaded.
 * @param model what to load
 * @throws Error when it cannot start
 */
export async function startOwnServer(
  { options, version }: Pick<CommandCall, "options" | "version">,
  { changes, stored }: OwnModel,
): Promise<OwnServer> {
  const ready = Promise.withResolvers<number>();
  const stop = Promise.withResolvers<void>();
  const ended = serve(
    { ...options, ...changes, ...PRIVATE },
    version,
    stop.promise,
    {
      ready: ready.resolve,
      failed: (message) => ready.reject(new Error(message)),
      ...(stored === undefined ? {} : { stored }),
    },
  );
  const port = await ready.promise;
  return {
    client: networkClient({ url: `http://127.0.0.1:${port}` }),
    async [Symbol.asyncDispose]() {
      stop.resolve();
      await ended;
    },
  };
}
