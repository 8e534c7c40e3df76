/** Ctrl-C ends the process at once and cleanly: exit code 0, nothing but the banner on stderr. */

import assert from "node:assert/strict";
import { ServerProcess } from "../support/server_process.ts";

/** "At once", in milliseconds: open connections may get a moment to end. */
const AT_ONCE = 2000;

/** Milliseconds after which a server that does not end is given up. */
const GIVE_UP = 20_000;

/** Sends a signal and waits for the end, which must be clean. */
async function assertEnds(
  server: ServerProcess,
  signal: Deno.Signal,
): Promise<void> {
  const started = performance.now();
  server.signal(signal);
  const timer = setTimeout(() => server.signal("SIGKILL"), GIVE_UP);
  const { code, signal: killedBy } = await server.status;
  clearTimeout(timer);
  const took = performance.now() - started;
  assert.deepEqual([code, killedBy], [0, null], server.stderr);
  assert.ok(took < AT_ONCE, `the process ended after ${Math.round(took)} ms`);
  assert.doesNotMatch(server.stderr, /\.ts:\d+|Uncaught|GGML_ASSERT| error /);
}

const ENDLESS = {
  messages: [{ role: "user", content: "Hello" }],
  max_tokens: 100_000,
  ignore_eos: true,
  stream: true,
};

/** Reads a stream until it ends or breaks off. */
async function drain(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (
      let next = await reader.read();
      !next.done;
      next = await reader.read()
    ) {
      text += decoder.decode(next.value, { stream: true });
    }
  } catch {
    // The connection was closed.
  }
  return text;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  const ignore = Deno.build.os === "windows";

  Deno.test({
    name: `${signal} ends an idle server with code 0`,
    ignore,
    async fn() {
      await using server = await ServerProcess.start();
      await assertEnds(server, signal);
      await assert.rejects(
        fetch(`${server.url}/health`),
        "nobody listens any more",
      );
    },
  });

  Deno.test({
    name: `${signal} ends a server in the middle of a stream`,
    ignore,
    async fn() {
      await using server = await ServerProcess.start();
      const response = await server.post("/v1/chat/completions", ENDLESS);
      const reader = response.body!.getReader();
      await reader.read();
      const rest = drain(reader);
      await assertEnds(server, signal);
      assert.ok(
        !(await rest).includes("[DONE]"),
        "a stream that broke off does not claim to be complete",
      );
    },
  });
}

Deno.test({
  name: "SIGINT ends a server in the middle of a long prefill, with requests waiting behind it",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await ServerProcess.start();
    const body = {
      prompt: "many words and ".repeat(1000),
      max_tokens: 100_000,
      ignore_eos: true,
    };
    const pending = Array.from({ length: 3 }, async () => {
      try {
        const response = await server.post("/v1/completions", body);
        // The response may have started; it is not complete then.
        await response.text();
        return response.status;
      } catch {
        return "closed";
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await assertEnds(server, "SIGINT");
    for (const outcome of await Promise.all(pending)) {
      assert.notEqual(outcome, 200);
    }
  },
});

Deno.test({
  name: "a second SIGINT ends the server without waiting",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await ServerProcess.start();
    server.signal("SIGINT");
    server.signal("SIGINT");
    const { code } = await server.status;
    // The two signals may arrive as one.
    assert.ok(code === 130 || code === 0, `code ${code}`);
  },
});
