import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { ServerError } from "../../src/core/server_error.ts";
import {
  checkRpcServer,
  connectRpcServers,
  RPC_PROTOCOL,
  type RpcLibrary,
} from "../../src/models/rpc_servers.ts";
import { LLAMA_CPP_SOURCE } from "../support/paths.ts";

const LIMITS = { connect: 1000, answer: 200 };
const HELLO_BYTES = 1 + 8 + 24;

/** An answer to HELLO of this version. */
function answer(major: number, minor: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + 28);
  bytes.set([28, 0, 0, 0, 0, 0, 0, 0, major, minor]);
  return bytes;
}

/** A server that answers the first bytes of each connection with these, in two pieces; undefined: not at all. */
class FakeRpcServer implements AsyncDisposable {
  /** What each connection sent. */
  readonly received: Uint8Array[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections: Deno.Conn[] = [];
  readonly #ended: Promise<void>;

  constructor(reply: Uint8Array<ArrayBuffer> | undefined) {
    this.#ended = this.#serve(reply);
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  async #serve(reply: Uint8Array<ArrayBuffer> | undefined): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections.push(connection);
      const bytes = new Uint8Array(256);
      const length = await connection.read(bytes);
      this.received.push(bytes.slice(0, length ?? 0));
      if (reply === undefined) continue;
      await connection.write(reply.subarray(0, 5));
      await connection.write(reply.subarray(5));
      connection.closeWrite();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#ended.catch(() => {});
    for (const connection of this.#connections) connection.close();
  }
}

async function refusal(server: string): Promise<string> {
  const error = await checkRpcServer(server, LIMITS).then(() => undefined, (error) => error);
  assert.ok(error instanceof ServerError && error.kind === "unavailable", String(error));
  assert.ok(error.message.startsWith(`Cannot use the RPC server ${server}: `), error.message);
  return error.message;
}

Deno.test("checkRpcServer() says hello and takes a server of this release", async () => {
  await using server = new FakeRpcServer(answer(RPC_PROTOCOL.major, RPC_PROTOCOL.minor));
  await checkRpcServer(server.address, LIMITS);
  assert.deepEqual([...server.received[0]!.subarray(0, 9)], [14, 24, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(server.received[0]!.length, HELLO_BYTES);
});

Deno.test("checkRpcServer() names both versions when they differ", async () => {
  const { major, minor } = RPC_PROTOCOL;
  for (const [theirs, theirMinor] of [[major - 1, 9], [major + 1, 0], [major, minor + 1]] as const) {
    await using server = new FakeRpcServer(answer(theirs, theirMinor));
    assert.match(
      await refusal(server.address),
      new RegExp(`version ${theirs}\\.${theirMinor} .*needed is ${major}\\.${minor}`),
    );
  }
});

Deno.test("checkRpcServer() refuses what is no ggml-rpc-server", async () => {
  const http = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  const wrongLength = answer(RPC_PROTOCOL.major, 0).fill(27, 0, 1);
  for (const reply of [http, wrongLength, new Uint8Array(0), answer(RPC_PROTOCOL.major, 0).slice(0, 20)]) {
    await using server = new FakeRpcServer(reply);
    assert.match(await refusal(server.address), /no ggml-rpc-server of this release/);
  }
});

Deno.test("checkRpcServer() gives up on a server that accepts and does not answer", async () => {
  await using server = new FakeRpcServer(undefined);
  const startedAt = performance.now();
  assert.match(await refusal(server.address), /no answer within 0\.2 s; .*does another use it/);
  assert.ok(performance.now() - startedAt < 5000);
});

Deno.test("checkRpcServer() names a server that is not there, or has no such name", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  assert.match(await refusal(`127.0.0.1:${port}`), /refused/i);
  await refusal("no-such-machine.invalid:50052");
});

Deno.test("connectRpcServers() asks before it adds, in the user's order, and not those in use", async () => {
  await using first = new FakeRpcServer(answer(RPC_PROTOCOL.major, 0));
  await using second = new FakeRpcServer(answer(RPC_PROTOCOL.major, 0));
  const added: string[] = [];
  const busy = "127.0.0.1:1"; // nobody listens there: asking would fail
  const library = (changes: Partial<RpcLibrary> = {}): RpcLibrary => ({
    path: "lib/libllama.so",
    supportsRpc: true,
    usesRpcServer: (server) => server === busy,
    addRpcServer: (server) => Promise.resolve(void added.push(server)),
    ...changes,
  });
  await connectRpcServers(library(), [second.address, busy, first.address]);
  assert.deepEqual(added.splice(0), [second.address, busy, first.address]);
  assert.equal(first.received.length + second.received.length, 2);

  const notBusy = library({ usesRpcServer: () => false });
  await assert.rejects(connectRpcServers(notBusy, [first.address, busy]), /RPC server 127\.0\.0\.1:1: /);
  assert.deepEqual(added, [], "none is added when one cannot be used");

  const without = library({ supportsRpc: false });
  await connectRpcServers(without, []);
  await assert.rejects(
    connectRpcServers(without, [first.address]),
    (error) =>
      error instanceof ServerError && error.kind === "not_supported" &&
      /--rpc 127\.0\.0\.1:\d+: .*"lib\/libllama\.so" have no RPC backend/.test(error.message),
  );
});

const HEADER = `${LLAMA_CPP_SOURCE}/ggml/include/ggml-rpc.h`;

Deno.test({
  name: "RPC_PROTOCOL is the version in the pinned ggml-rpc.h",
  ignore: !existsSync(HEADER),
  fn() {
    const text = readFileSync(HEADER, "utf8");
    const version = (part: string) => Number(new RegExp(`RPC_PROTO_${part}_VERSION +(\\d+)`).exec(text)?.[1]);
    assert.deepEqual({ major: version("MAJOR"), minor: version("MINOR") }, RPC_PROTOCOL);
  },
});
