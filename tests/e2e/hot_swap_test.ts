/**
 * Two models behind one port, exchanged on demand: everybody is answered, requests are grouped, memory comes back.
 * Prints the swaps and the memory, for who reads the log.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ServerProcess } from "../support/server_process.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tinyModel } from "../support/tiny_models.ts";
import type { WireChat } from "../support/wire_types.ts";

const DEMO = fileURLToPath(
  new URL("../../lib/demo/demo.gguf", import.meta.url),
);
const MIB = 1024 * 1024;
const CLIENTS = 8;
const REQUESTS = 10;

interface RunningModel {
  name: string;
  size: number;
  size_vram: number;
  context_length: number;
  expires_at: string;
}

interface LoadAnswer {
  done_reason: string;
  load_duration?: number;
}

let folder: TemporaryFolder;
let server: ServerProcess;
Deno.test.beforeAll(async () => {
  folder = new TemporaryFolder();
  await Deno.copyFile(DEMO, join(folder.path, "second.gguf"));
  await Deno.copyFile(tinyModel("llama"), join(folder.path, "tiny.gguf"));
  await Deno.writeTextFile(join(folder.path, "broken.gguf"), "no model");
  server = await ServerProcess.start({ args: ["--models-dir", folder.path] });
});
Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function running(): Promise<RunningModel[]> {
  const response = await fetch(`${server.url}/api/ps`);
  return (await response.json() as { models: RunningModel[] }).models;
}

/** Times that a model was loaded on demand since the start. */
function swaps(): number {
  return server.stderr.match(/Loaded \S+ in \d+ ms/g)?.length ?? 0;
}

async function chat(model: string): Promise<WireChat> {
  return await server.ask<WireChat>("/v1/chat/completions", {
    model,
    messages: [{ role: "user", content: "Hello!" }],
    max_tokens: 12,
  });
}

async function unload(model: string): Promise<void> {
  const answer = await server.ask<LoadAnswer>("/api/generate", {
    model,
    keep_alive: 0,
  });
  assert.equal(answer.done_reason, "unload");
}

async function until(
  condition: () => Promise<boolean>,
  ms: number,
): Promise<void> {
  const end = performance.now() + ms;
  while (!await condition()) {
    assert.ok(performance.now() < end, `nothing happened in ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

Deno.test("8 clients that ask for either of two models are all answered, with fewer swaps than batches of requests", async () => {
  const before = swaps();
  const startedAt = performance.now();
  let asked = 0;
  let changes = 0;
  let last = "";
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    for (let i = 0; i < REQUESTS; i++) {
      const model = Math.random() < 0.5 ? "demo" : "second";
      if (model !== last) changes++;
      last = model;
      asked++;
      const answer = await chat(model);
      assert.equal(answer.model, model);
      assert.ok(answer.choices[0]?.message.content);
    }
  }));
  const count = swaps() - before;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `${asked} requests, ${changes} changes of model in their order, ${count} swaps, ${seconds} s`,
  );
  // A batch is what waits for a model when it comes: with 8 clients at least two requests on average.
  assert.ok(count >= 1 && count <= asked / 2, `${count} swaps`);
});

Deno.test("memory returns to the baseline when a model's keep_alive is over, sixteen times", async () => {
  await chat("demo");
  await unload("demo");
  await until(async () => (await running()).length === 0, 5000);
  const measured: number[] = [];
  for (let i = 0; i < 16; i++) {
    const model = i % 2 === 0 ? "second" : "tiny";
    const answer = await server.ask<LoadAnswer>("/api/generate", {
      model,
      prompt: "x",
      stream: false,
      keep_alive: "100ms",
      options: { num_predict: 4 },
    });
    assert.ok(
      answer.load_duration! > 1e6,
      `load_duration is ${answer.load_duration}`,
    );
    const [loaded] = await running();
    if (loaded) {
      assert.ok(
        server.residentBytes() > 0 && loaded.size > 0 && loaded.size_vram === 0,
      );
    }
    await until(async () => (await running()).length === 0, 5000);
    measured.push(Math.round(server.residentBytes() / MIB));
  }
  console.log(`resident after each unload: ${measured.join(", ")} MiB`);
  // A load that left its cache behind would add 20 MiB each time. What is not yet garbage collected comes and goes.
  assert.ok(measured.at(-1)! - measured[0]! <= 5 * measured.length, measured.join(", "));
});

Deno.test("/api/ps tells what is loaded and when it expires; -1 keeps it for ever", async () => {
  await server.ask("/api/generate", { model: "tiny", keep_alive: "10m" });
  const [model, ...more] = await running();
  assert.ok(model && more.length === 0);
  assert.equal(model.name, "tiny:latest");
  assert.equal(model.context_length, 4096);
  const minutes = (new Date(model.expires_at).getTime() - Date.now()) / 60_000;
  assert.ok(minutes > 9.5 && minutes <= 10, model.expires_at);
  await server.ask("/api/chat", {
    model: "tiny",
    messages: [],
    keep_alive: -1,
  });
  const [forever] = await running();
  assert.ok(
    new Date(forever!.expires_at).getFullYear() > new Date().getFullYear() + 50,
  );
  await unload("tiny");
  assert.deepEqual(await running(), []);
});

Deno.test("all models are listed, an unknown one is 404, a broken one says why and disturbs nobody", async () => {
  const { data } = await (await fetch(`${server.url}/v1/models`)).json() as {
    data: { id: string }[];
  };
  const ids = data.map(({ id }) => id);
  for (const id of ["demo", "second", "tiny"]) {
    assert.ok(ids.includes(id), ids.join(", "));
  }
  const unknown = await server.post("/v1/chat/completions", {
    model: "nobody",
    messages: [{ role: "user", content: "x" }],
  });
  assert.equal(unknown.status, 404);
  await unknown.body?.cancel();
  const broken = await server.post("/api/chat", {
    model: "broken",
    messages: [{ role: "user", content: "x" }],
  });
  assert.ok(
    broken.status === 400 || broken.status === 404,
    String(broken.status),
  );
  await broken.body?.cancel();
  assert.ok((await chat("demo")).choices[0]);
});

Deno.test("a model whose file disappears before it is loaded is refused and the one before is still answered", async () => {
  const path = join(folder.path, "third.gguf");
  await Deno.copyFile(DEMO, path);
  await Deno.truncate(path, 2 * MIB);
  const response = await server.post("/api/generate", {
    model: "third",
    prompt: "x",
  });
  const { error } = await response.json() as { error: string };
  assert.equal(response.status, 400, error);
  assert.match(error, /third/);
  assert.ok((await chat("demo")).choices[0]);
});
