import assert from "node:assert/strict";
import { Harness } from "./harness.ts";

const PATHS = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/messages",
  "/api/chat",
  "/api/generate",
];
const BODY = { messages: [{ role: "user", content: "x" }], prompt: "x" };
/** Most milliseconds from a client's leaving to the end of its generation. */
const SOON = 500;

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 2000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, "waited two seconds");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

Deno.test("a client that aborts a whole answer frees the engine", async () => {
  for (const path of PATHS) {
    const h = new Harness();
    h.service.script.delayMs = Infinity;
    const controller = new AbortController();
    const response = h.post(path, { ...BODY, stream: false }, { signal: controller.signal });
    await until(() => h.service.running === 1);
    const left = performance.now();
    controller.abort();
    assert.equal((await response).status, 499);
    assert.equal(h.service.running, 0);
    assert.ok((h.service.abortedAt[0] ?? Infinity) - left < SOON, path);
    assert.deepEqual(h.logged, [], "a client's leaving is no defect");
  }
});

Deno.test("a client that cancels a stream frees the engine", async () => {
  for (const path of PATHS) {
    const h = new Harness();
    h.service.script.delayMs = 5;
    h.service.script.pieces = Array(1000).fill("x");
    const response = await h.post(path, { ...BODY, stream: true });
    const reader = response.body?.getReader();
    await reader?.read();
    const left = performance.now();
    await reader?.cancel();
    await until(() => h.service.running === 0);
    assert.ok((h.service.abortedAt[0] ?? Infinity) - left < SOON, path);
  }
});

Deno.test("a client that leaves before the first token of a stream frees the engine", async () => {
  for (const path of PATHS) {
    const h = new Harness();
    h.service.script.delayMs = Infinity;
    const response = await h.post(path, { ...BODY, stream: true, n: 2 });
    await until(() => h.service.running >= 1);
    await response.body?.cancel();
    await until(() => h.service.running === 0);
  }
});

/** Serves the harness on a free port for as long as `use` runs. */
async function withServer(h: Harness, use: (url: string) => Promise<void>): Promise<void> {
  // Aborted, not shut down: a generation that never ends must fail the test, not hang it.
  const stop = new AbortController();
  const options = { port: 0, hostname: "127.0.0.1", signal: stop.signal, onListen: () => {} };
  const server = Deno.serve(options, h.app.fetch);
  try {
    await use(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    stop.abort();
    await server.finished;
  }
}

Deno.test("a disconnect over a real socket frees the engine, streaming or not", async () => {
  const h = new Harness();
  h.service.script.delayMs = Infinity;
  await withServer(h, async (url) => {
    for (const path of PATHS) {
      for (const stream of [false, true]) {
        const controller = new AbortController();
        const request = fetch(url + path, {
          method: "POST",
          body: JSON.stringify({ ...BODY, stream }),
          signal: controller.signal,
        }).then((response) => response.text()).catch(() => "aborted");
        await until(() => h.service.running === 1);
        h.service.abortedAt.length = 0;
        const left = performance.now();
        controller.abort();
        await until(() => h.service.running === 0);
        assert.ok((h.service.abortedAt[0] ?? Infinity) - left < SOON, `${path} stream=${stream}`);
        assert.equal(await request, "aborted");
      }
    }
  });
});

Deno.test("a body over the limit gets its 413 over a real socket, and the server goes on", async () => {
  const h = new Harness({ bodyLimit: 100_000 });
  await withServer(h, async (url) => {
    for (const size of [150_000, 700_000]) {
      const response = await fetch(`${url}/v1/completions`, { method: "POST", body: "x".repeat(size) });
      assert.equal(response.status, 413);
      await response.text();
    }
    const good = await fetch(`${url}/v1/completions`, { method: "POST", body: JSON.stringify(BODY) });
    assert.equal(good.status, 200);
    await good.text();
  });
});
