/**
 * Finds who answers a command: the running server, or the same application in this process, without a port and
 * without a model in memory. A server that the user named must be there.
 */

import { OllamaClient } from "./client.ts";
import type { CommandCall } from "./command.ts";
import { type ServerAddress, serverAddress } from "./server_address.ts";

/** Longest wait for a server to say that it is one, in milliseconds. */
const PROBE_MS = 3000;

/** Who answers. */
export interface Connection {
  client: OllamaClient;
  /** There is no server: models can be managed, but not used. */
  offline: boolean;
}

/** The running server; undefined when none answers. @throws Error when the user named one that does not */
export async function runningServer(
  call: CommandCall,
): Promise<OllamaClient | undefined> {
  const address = serverAddress(call);
  if (await isServer(address.url)) {
    return networkClient(address, call.options.apiKeys[0]?.key);
  }
  if (!address.explicit) return undefined;
  throw new Error(
    `could not connect to a server at ${address.url}, run 'llamacpp-server serve' to start it`,
  );
}

/** The running server. @throws Error when none answers */
export async function requireServer(call: CommandCall): Promise<OllamaClient> {
  const client = await runningServer(call);
  if (client !== undefined) return client;
  const { url } = serverAddress(call);
  throw new Error(
    `could not connect to a server at ${url}, run 'llamacpp-server serve' to start it`,
  );
}

/** The running server, else this process. */
export async function connect(call: CommandCall): Promise<Connection> {
  const client = await runningServer(call);
  if (client !== undefined) return { client, offline: false };
  const { offlineAsk } = await import("./offline.ts");
  return { client: new OllamaClient(offlineAsk(call)), offline: true };
}

/** A client of a server at a URL. */
export function networkClient(
  { url }: Pick<ServerAddress, "url">,
  apiKey?: string,
): OllamaClient {
  return new OllamaClient(async (path, init) => {
    try {
      return await fetch(url + path, init);
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`could not reach the server at ${url}: ${why}`, {
        cause,
      });
    }
  }, apiKey);
}

/** Whether what listens there speaks Ollama's API. */
export async function isServer(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/api/version`, {
      signal: AbortSignal.timeout(PROBE_MS),
    });
    const text = await response.text();
    // One that wants a key is a server as well.
    return response.status === 401 ||
      response.ok && typeof JSON.parse(text).version === "string";
  } catch {
    return false;
  }
}
