/** A model split over other machines, `ggml-rpc-server` on each; here they are network namespaces of this one. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { libDir } from "../support/paths.ts";
import { namespacesMissing, NetworkNamespace } from "../support/network_namespace.ts";
import { runToEnd, ServerProcess } from "../support/server_process.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const PROGRAM = `${libDir()}/ggml-rpc-server${Deno.build.os === "windows" ? ".exe" : ""}`;
const PORT = 50052;

const MISSING = existsSync(PROGRAM) ? undefined : "no ggml-rpc-server in the library folder";
const NO_NAMESPACES = MISSING ?? namespacesMissing();

/** A test with its name saying why it is skipped. */
function test(name: string, missing: string | undefined, fn: () => Promise<void>): void {
  const note = missing === undefined ? "" : ` (skipped: ${missing})`;
  Deno.test({ name: `${name}${note}`, ignore: missing !== undefined, fn });
}

/** Two of them go over a step of the prompt, and in all the model has many chances to choose otherwise. */
const PROMPTS = [
  "Once upon a time",
  "The capital of France is",
  "One day a fox",
  "def main():",
  "Question: What is two and three? Answer:",
  `${"The sun rose over the hill and the birds began to sing. ".repeat(40)}Then`,
];

interface Completion {
  content: string;
  tokens: number[];
}

async function greedyTexts(server: ServerProcess): Promise<string[]> {
  const texts: string[] = [];
  for (const prompt of PROMPTS) {
    const { content } = await server.ask<Completion>("/completion", {
      prompt,
      n_predict: 64,
      temperature: 0,
      cache_prompt: false,
    });
    texts.push(content);
  }
  return texts;
}

async function chat(server: ServerProcess, text: string): Promise<string> {
  const { choices } = await server.ask<
    { choices: { message: { content: string } }[] }
  >(
    "/v1/chat/completions",
    {
      messages: [{ role: "user", content: text }],
      temperature: 0,
      max_tokens: 48,
    },
  );
  return choices[0]!.message.content;
}

async function startRpc(namespace: NetworkNamespace): Promise<Deno.ChildProcess> {
  const child = namespace.spawn(PROGRAM, [
    "-H",
    namespace.address,
    "-p",
    String(PORT),
    "-t",
    "1",
  ]);
  await waitForPort(namespace.address, PORT);
  return child;
}

async function waitForPort(hostname: string, port: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      (await Deno.connect({ hostname, port })).close();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Two machines with a server each. */
async function twoMachines() {
  await using stack = new AsyncDisposableStack();
  const machines = [0, 1].map((index) => stack.use(NetworkNamespace.create(index)));
  const servers: Deno.ChildProcess[] = [];
  for (const machine of machines) servers.push(await startRpc(machine));
  const rpc = machines.map(({ address }) => `${address}:${PORT}`).join();
  const moved = stack.move();
  return {
    machines,
    servers,
    rpc,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

test(
  "--rpc over two machines gives the greedy text of one process",
  NO_NAMESPACES,
  async () => {
    const alone = await (async () => {
      await using server = await ServerProcess.start();
      return {
        texts: await greedyTexts(server),
        chat: await chat(server, "Tell me a story."),
      };
    })();
    assert.ok(alone.texts.every((text) => text.length > 0), JSON.stringify(alone.texts));

    await using remote = await twoMachines();
    const empty = remote.machines.map((machine) => machine.traffic());
    await using server = await ServerProcess.start({
      args: ["--rpc", remote.rpc, "--tensor-split", "1,1"],
    });
    const [first, second] = remote.rpc.split(",");
    assert.match(server.stderr, new RegExp(`^Devices +RPC0 \\(${first}\\), RPC1 \\(${second}\\)$`, "m"));

    // The weights have gone there: 4.2 MB in layers of the same size, and the output.
    const loaded = remote.machines.map((machine) => machine.traffic());
    for (const [i, { to }] of loaded.entries()) {
      assert.ok(to - empty[i]!.to > 1_500_000, `machine ${i} got ${to - empty[i]!.to} bytes`);
    }
    assert.deepEqual(await greedyTexts(server), alone.texts);
    assert.equal(await chat(server, "Tell me a story."), alone.chat);
    // Every token passes through both.
    for (const [i, machine] of remote.machines.entries()) {
      const { to, from } = machine.traffic();
      assert.ok(to - loaded[i]!.to > 100_000, `machine ${i} got ${to - loaded[i]!.to} bytes while answering`);
      assert.ok(from - loaded[i]!.from > 100_000, `machine ${i} sent ${from - loaded[i]!.from} bytes`);
    }
  },
);

test(
  "--rpc: requests at once, embeddings, and models that come and go",
  NO_NAMESPACES,
  async () => {
    await using remote = await twoMachines();
    await using server = await ServerProcess.start({
      args: ["--rpc", remote.rpc],
    });
    const alone = await chat(server, "Hello!");
    const together = await Promise.all(Array.from({ length: 4 }, () => chat(server, "Hello!")));
    assert.ok(together.every((text) => text.length > 0));
    assert.equal(together[0], alone);
    const { data } = await server.ask<{ data: { embedding: number[] }[] }>(
      "/v1/embeddings",
      { input: "a fox" },
    );
    assert.ok(data[0]!.embedding.some((value) => value !== 0));
    for (let i = 0; i < 3; i++) {
      // Out of memory, and into it with the next request: the servers are free in between and asked again.
      await server.ask("/api/generate", { model: "llama", keep_alive: 0 });
      assert.equal(await chat(server, "Hello!"), alone);
      assert.equal(server.stderr.match(/Loaded demo in /g)?.length, i + 1, server.stderr);
    }
  },
);

test(
  "--rpc: a server that another process uses, and one that has gone, are named",
  NO_NAMESPACES,
  async () => {
    await using remote = await twoMachines();
    const [first = "", second = ""] = remote.rpc.split(",");
    await using server = await ServerProcess.start({
      args: ["--rpc", remote.rpc],
    });
    await assertRefused(
      first,
      new RegExp(`RPC server ${first}: no answer within 3 s; .* does another use it`),
    );

    remote.servers[1]!.kill("SIGKILL");
    await remote.servers[1]!.status;
    // ggml ends a process whose server is gone; `supervise` starts it again.
    const lost = chat(server, "Hello!").then(() => "answered", () => "lost");
    assert.equal(await lost, "lost");
    assert.equal((await server.status).success, false);
    await assertRefused(second, new RegExp(`RPC server ${second}: .*refused`));
  },
);

test(
  "--rpc: a port where nobody listens is named at once",
  MISSING,
  async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const startedAt = performance.now();
    await assertRefused(`127.0.0.1:${port}`, new RegExp(`RPC server 127\\.0\\.0\\.1:${port}: .*refused`));
    assert.ok(performance.now() - startedAt < 20_000);
  },
);

test(
  "--rpc: libraries without the RPC backend are named",
  MISSING,
  async () => {
    using folder = new TemporaryFolder();
    for (const { name } of Deno.readDirSync(libDir())) {
      if (!name.includes("rpc")) {
        Deno.symlinkSync(`${libDir()}/${name}`, folder.file(name));
      }
    }
    const { code, stderr } = await runToEnd([
      "--port",
      "0",
      "--lib-dir",
      folder.path,
      "--rpc",
      "127.0.0.1:1",
    ]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Cannot use --rpc 127\.0\.0\.1:1: .*no RPC backend .*prebuilt/);
  },
);

test("--device: a device that is not there is named", MISSING, async () => {
  const { code, stderr } = await runToEnd(["--port", "0", "--device", "RPC7"]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /there is no device "RPC7"; there are: /);
});

Deno.test("--rpc, --device and --tensor-split refuse what they cannot mean", async () => {
  for (
    const [flag, value] of [
      ["--rpc", "10.0.0.1"],
      ["--rpc", "10.0.0.1:0"],
      ["--rpc", "[::1]:50052"],
      ["--rpc", "a:1,a:1"],
      ["--tensor-split", "3,x"],
      ["--device", ","],
    ] as const
  ) {
    const { code, stderr } = await runToEnd(["--port", "0", flag, value]);
    assert.equal(code, 2, stderr);
    assert.ok(stderr.includes(`${flag}: expected`) && stderr.includes(JSON.stringify(value)), stderr);
  }
});

/** A start with this server fails with one line, in a moment. */
async function assertRefused(server: string, message: RegExp): Promise<void> {
  const { code, stderr } = await runToEnd(["--port", "0", "--rpc", server]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, message);
  assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
}
