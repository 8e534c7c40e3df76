/**
 * The machines that a model is split over (`--rpc`): each is asked whether it answers before libllama is told of it,
 * because ggml ends the process when a server cannot be reached, is busy or speaks another version.
 *
 * The wire format is that of ggml-rpc.cpp: a byte for the command, its length as 64 bits, its data. `HELLO` carries what
 * the connection could do beyond TCP (nothing here) and is answered with the version.
 */

import { ServerError } from "../core/server_error.ts";

/** Version of ggml's RPC protocol at the pinned release (`RPC_PROTO_*_VERSION`): the same major, no newer minor. */
export const RPC_PROTOCOL = { major: 7, minor: 0 } as const;

/** Milliseconds to wait for a connection, and then for an answer. */
export const RPC_LIMITS = { connect: 2000, answer: 3000 } as const;

const HELLO = 14; // RPC_CMD_HELLO, "must be always 14"
const CAPABILITIES = 24; // RPC_CONN_CAPS_SIZE
const ANSWER_BYTES = 8 + 4 + CAPABILITIES;

/** What of an opened library (`Llama` of `ffi/`) is needed. */
export interface RpcLibrary {
  /** The file of libllama. */
  readonly path: string;
  /** The libraries have the RPC backend. */
  readonly supportsRpc: boolean;
  /** A model in memory is connected to this server. */
  usesRpcServer(server: string): boolean;
  /** Registers the devices of a server; it must answer. */
  addRpcServer(server: string): Promise<void>;
}

/**
 * Makes the devices of these servers known to libllama. Servers that a model in memory is connected to are not asked:
 * they answer nobody else.
 * @throws ServerError `unavailable` when one cannot be used, `not_supported` when the libraries have no RPC backend
 */
export async function connectRpcServers(llama: RpcLibrary, servers: readonly string[]): Promise<void> {
  if (servers.length === 0) return;
  if (!llama.supportsRpc) {
    throw new ServerError(
      "not_supported",
      `Cannot use --rpc ${servers.join()}: the libraries beside "${llama.path}" have no RPC backend (libggml-rpc). ` +
        `"make lib" builds it; prebuilt libraries come without`,
    );
  }
  await Promise.all(
    servers.filter((server) => !llama.usesRpcServer(server)).map((server) => checkRpcServer(server)),
  );
  // In the order that the user gave: it is that of the devices.
  for (const server of servers) await llama.addRpcServer(server);
}

/**
 * Asks a server whether it is there, free, and of our version.
 * @param server `host:port`
 * @throws ServerError `unavailable` that names the server
 */
export async function checkRpcServer(
  server: string,
  limits: { connect: number; answer: number } = RPC_LIMITS,
): Promise<void> {
  const colon = server.lastIndexOf(":");
  const [hostname, port] = [server.slice(0, colon), Number(server.slice(colon + 1))];
  const signal = AbortSignal.timeout(limits.connect);
  const connection = await Deno.connect({ hostname, port, signal }).catch((cause) => {
    const why = signal.aborted ? `no connection within ${limits.connect / 1000} s` : messageOf(cause);
    throw unusable(server, why, cause);
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), limits.answer));
    const answer = await Promise.race([hello(connection), late]);
    if (answer === "late") {
      throw unusable(
        server,
        `no answer within ${
          limits.answer / 1000
        } s; a server serves one process at a time: does another use it?`,
      );
    }
    checkVersion(server, answer);
  } catch (error) {
    if (error instanceof ServerError) throw error;
    throw unusable(server, messageOf(error), error);
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

/** @returns the whole answer, or what came of it before the connection ended */
async function hello(connection: Deno.TcpConn): Promise<Uint8Array> {
  const request = new Uint8Array(1 + 8 + CAPABILITIES);
  request[0] = HELLO;
  new DataView(request.buffer).setBigUint64(1, BigInt(CAPABILITIES), true);
  for (let sent = 0; sent < request.length;) sent += await connection.write(request.subarray(sent));
  const answer = new Uint8Array(ANSWER_BYTES);
  let length = 0;
  while (length < ANSWER_BYTES) {
    const read = await connection.read(answer.subarray(length));
    if (read === null) break;
    length += read;
  }
  return answer.subarray(0, length);
}

function checkVersion(server: string, answer: Uint8Array): void {
  const { major, minor } = RPC_PROTOCOL;
  const length = answer.length < 8 ? 0n : new DataView(answer.buffer).getBigUint64(0, true);
  const [theirMajor = 0, theirMinor = 0] = answer.subarray(8);
  if (answer.length < ANSWER_BYTES || length !== BigInt(ANSWER_BYTES - 8)) {
    throw unusable(server, "what answers there is no ggml-rpc-server of this release");
  }
  if (theirMajor === major && theirMinor <= minor) return;
  throw unusable(
    server,
    `it speaks version ${theirMajor}.${theirMinor} of the protocol, needed is ${major}.${minor}: ` +
      "take ggml-rpc-server of the same llama.cpp release",
  );
}

function unusable(server: string, why: string, cause?: unknown): ServerError {
  return new ServerError("unavailable", `Cannot use the RPC server ${server}: ${why}`, { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
