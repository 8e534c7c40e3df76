/** Models that come and go under a running server: adapters, deletion, refusal for want of memory, broken content. */

import assert from "node:assert/strict";
import { digestOf } from "../../src/models/store/digest.ts";
import { runCli } from "../support/cli_process.ts";
import { FakeRegistry, patternBytes } from "../support/fake_registry.ts";
import { writeLoraAdapter } from "../support/lora_adapter.ts";
import { generativeModel } from "../support/paths.ts";
import { ServerProcess } from "../support/server_process.ts";
import { filesBelow, TemporaryFolder } from "../support/temporary_folder.ts";
import { tinyModel } from "../support/tiny_models.ts";

let folder: TemporaryFolder;
let server: ServerProcess;
Deno.test.beforeAll(async () => {
  folder = new TemporaryFolder();
  Deno.mkdirSync(folder.file("store"));
  Deno.mkdirSync(folder.file("models"));
  // Its header asks for a context of 2^30 tokens, hundreds of GB.
  Deno.copyFileSync(
    tinyModel("llama", { nCtx: 2 ** 30 }),
    folder.file("models", "huge.gguf"),
  );
  Deno.copyFileSync(tinyModel("llama"), folder.file("models", "plain.gguf"));
  server = await ServerProcess.start({
    args: [
      "--models-store",
      folder.file("store"),
      "--models-dir",
      folder.file("models"),
      "--ctx-size",
      "0",
      "--keep-alive",
      "7m",
    ],
  });
});
Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Step {
  status?: string;
  error?: string;
}

interface Generated {
  response: string;
  eval_count: number;
}

/** The last line of an answer in lines. */
async function last(path: string, body: object): Promise<Step> {
  const text = await (await server.post(path, body)).text();
  return JSON.parse(text.trim().split("\n").at(-1) ?? "{}") as Step;
}

async function get<T>(path: string): Promise<T> {
  return await (await fetch(server.url + path)).json() as T;
}

async function names(path: "/api/tags" | "/api/ps"): Promise<string[]> {
  const { models } = await get<{ models: { name: string }[] }>(path);
  return models.map(({ name }) => name).sort();
}

/** Uploads a file. @returns its digest */
async function upload(path: string): Promise<string> {
  const bytes = Deno.readFileSync(path);
  const digest = digestOf(bytes);
  const response = await fetch(`${server.url}/api/blobs/${digest}`, {
    method: "POST",
    body: bytes,
  });
  assert.ok(response.ok, await response.text());
  return digest;
}

async function generate(model: string): Promise<string> {
  const options = { temperature: 0, num_predict: 12 };
  const body = {
    model,
    prompt: "one two three",
    raw: true,
    stream: false,
    options,
  };
  return (await server.ask<Generated>("/api/generate", body)).response;
}

async function remove(model: string): Promise<number> {
  const init = { method: "DELETE", body: JSON.stringify({ model }) };
  const response = await fetch(`${server.url}/api/delete`, init);
  await response.body?.cancel();
  return response.status;
}

async function answersStill(): Promise<void> {
  assert.ok((await generate("demo")).length > 0);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; !await condition(); i++) {
    assert.ok(i < 200, "nothing happened in 10 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

Deno.test("--keep-alive is when models expire that no request says it of; the first one stays", async () => {
  const minutes = async () => {
    const { models: [model] } = await get<{ models: { expires_at: string }[] }>("/api/ps");
    return (new Date(model?.expires_at ?? 0).getTime() - Date.now()) / 60_000;
  };
  assert.ok(await minutes() > 1e6, "--model");
  await generate("plain");
  const left = await minutes();
  assert.ok(left > 6.5 && left <= 7, `${left} minutes`);
  await server.ask("/api/generate", { model: "plain", keep_alive: "1h" });
  await generate("plain");
  const longer = await minutes();
  assert.ok(longer > 59 && longer <= 60, "what a request said holds for the next");
  await generate("demo");
  assert.ok(await minutes() > 1e6);
});

Deno.test("a stored LoRA adapter changes the answers of its model and of no other", async (t) => {
  const adapter = writeLoraAdapter(folder.file("style.gguf"), {
    architecture: "llama",
    nEmbd: 64,
  });
  const files = { "model.gguf": await upload(tinyModel("llama")) };
  const plain = await generate("plain");
  const adapters = () => get<{ id: number; path: string; scale: number }[]>("/lora-adapters");
  assert.deepEqual(await adapters(), []);

  await t.step("POST /api/create with adapters", async () => {
    const body = {
      model: "styled",
      files,
      adapters: { "style.gguf": await upload(adapter) },
    };
    assert.deepEqual(await last("/api/create", body), { status: "success" });
    const styled = await generate("styled");
    assert.notEqual(styled, plain);
    const [only, ...more] = await adapters();
    assert.ok(only && more.length === 0);
    assert.equal(only.scale, 1);
    assert.match(only.path, /sha256-[0-9a-f]{64}$/);
    const { modelfile } = await server.ask<{ modelfile: string }>("/api/show", {
      model: "styled",
    });
    assert.match(modelfile, /^ADAPTER .*sha256-[0-9a-f]{64}$/m);
    const chat = {
      model: "styled",
      messages: [{ role: "user", content: "hi" }],
      stream: false,
    };
    const { done } = await server.ask<{ done: boolean }>("/api/chat", {
      ...chat,
      options: { num_predict: 4 },
    });
    assert.equal(done, true);
  });

  await t.step(
    "the model without it answers as before, and back again",
    async () => {
      const styled = await generate("styled");
      assert.equal(await generate("plain"), plain);
      assert.deepEqual(await adapters(), []);
      assert.equal(await generate("styled"), styled);
    },
  );

  await t.step("the command create with ADAPTER gives the same", async () => {
    const file = folder.file("Modelfile");
    Deno.writeTextFileSync(
      file,
      `FROM ${tinyModel("llama")}\nADAPTER ./style.gguf\n`,
    );
    const { code, stderr } = await runCli(["create", "restyled", "-f", file], {
      url: server.url,
    });
    assert.equal(code, 0, stderr);
    assert.equal(await generate("restyled"), await generate("styled"));
  });

  await t.step(
    "an adapter for another model is refused, and the server goes on",
    async () => {
      const other = writeLoraAdapter(folder.file("other.gguf"), {
        architecture: "llama",
        nEmbd: 128,
      });
      const body = {
        model: "mixed",
        files,
        adapters: { "other.gguf": await upload(other) },
      };
      const created = await last("/api/create", body);
      if (created.error === undefined) {
        const response = await server.post("/api/generate", {
          model: "mixed",
          prompt: "x",
          stream: false,
        });
        const { error } = await response.json() as Step;
        assert.ok(
          response.status >= 400 && response.status < 500,
          `${response.status} ${error}`,
        );
        assert.match(error ?? "", /adapter|other/i);
        assert.equal(await remove("mixed"), 200);
      }
      await answersStill();
    },
  );

  for (const name of ["styled", "restyled"]) {
    assert.equal(await remove(name), 200);
  }
});

Deno.test("a model that is deleted while it answers ends its answer, then it is gone", async () => {
  const files = { "model.gguf": await upload(tinyModel("llama")) };
  assert.deepEqual(await last("/api/create", { model: "gone", files }), {
    status: "success",
  });
  const options = { num_predict: 400, temperature: 0 };
  const response = await server.post("/api/generate", {
    model: "gone",
    prompt: "x",
    raw: true,
    options,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream())
    .getReader();
  let text = (await reader.read()).value ?? "";
  assert.deepEqual(await names("/api/ps"), ["gone:latest"]);
  assert.equal(await remove("gone"), 200);
  assert.equal(await remove("gone"), 404);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  const final = JSON.parse(text.trim().split("\n").at(-1) ?? "{}") as {
    done: boolean;
    eval_count: number;
  };
  assert.equal(final.done, true);
  assert.ok(final.eval_count > 1);
  await until(async () => (await names("/api/ps")).length === 0);
  assert.ok(!(await names("/api/tags")).includes("gone:latest"));
  const again = await server.post("/api/generate", {
    model: "gone",
    prompt: "x",
  });
  assert.equal(again.status, 404, await again.text());
  assert.deepEqual(
    filesBelow(folder.file("store")).filter((file) => file !== "lock"),
    [],
  );
  await answersStill();
});

Deno.test("an idle model that is deleted leaves memory at once", async () => {
  const files = { "model.gguf": await upload(tinyModel("llama")) };
  assert.deepEqual(await last("/api/create", { model: "idle", files }), {
    status: "success",
  });
  await generate("idle");
  assert.deepEqual(await names("/api/ps"), ["idle:latest"]);
  assert.equal(await remove("idle"), 200);
  assert.deepEqual(await names("/api/ps"), []);
  await answersStill();
});

Deno.test("a copy of the loaded model is listed beside it", async () => {
  const files = { "model.gguf": await upload(tinyModel("llama")) };
  assert.deepEqual(await last("/api/create", { model: "one", files }), {
    status: "success",
  });
  await generate("one");
  const copied = await server.post("/api/copy", {
    source: "one",
    destination: "two",
  });
  assert.equal(copied.status, 200, await copied.text());
  const listed = await names("/api/tags");
  for (const name of ["one:latest", "two:latest"]) {
    assert.ok(listed.includes(name), listed.join(" "));
  }
  assert.equal(await remove("one"), 200);
  assert.equal(await generate("two"), await generate("plain"));
  assert.equal(await remove("two"), 200);
});

Deno.test("a model that does not fit into memory is refused with the numbers, and the one before stays", async () => {
  await answersStill();
  const messages = [{ role: "user", content: "x" }];
  const asked: [string, object][] = [
    ["/api/generate", { model: "huge", prompt: "x" }],
    ["/api/chat", { model: "huge", messages }],
    ["/api/generate", { model: "huge" }],
    ["/v1/chat/completions", { model: "huge", messages }],
    ["/v1/messages", { model: "huge", messages, max_tokens: 4 }],
  ];
  for (const [path, body] of asked) {
    const response = await server.post(path, body);
    const text = await response.text();
    assert.equal(response.status, 400, `${path}: ${text}`);
    assert.match(
      text,
      /model 'huge' needs more memory than there is: [\d.]+ GB, [\d.]+ GB are available/,
    );
  }
  assert.deepEqual(
    await names("/api/ps"),
    ["demo:latest"],
    "it was not given up",
  );
  await answersStill();
  const { code, stderr } = await runCli(["run", "huge", "Hello"], {
    url: server.url,
  });
  assert.equal(code, 1);
  assert.match(stderr, /^Error: model 'huge' needs more memory than there is/);
});

Deno.test("a blob that is there already is read to its end before the answer", async () => {
  const bytes = patternBytes(4 * 1024 * 1024);
  const url = `${server.url}/api/blobs/${digestOf(bytes)}`;
  for (const expected of [201, 200, 200]) {
    let sent = 0;
    // A client that is answered too early finds its connection closed while it sends.
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (sent === bytes.length) return controller.close();
        const piece = bytes.slice(sent, sent + 256 * 1024);
        sent += piece.length;
        controller.enqueue(piece);
      },
    });
    const response = await fetch(url, { method: "POST", body });
    assert.equal(response.status, expected, await response.text());
    assert.equal(sent, bytes.length);
  }
});

Deno.test("content that is not what its digest says, or no model, is refused and leaves no name", async (t) => {
  const before = await names("/api/tags");
  await t.step("a blob with one changed byte", async () => {
    const bytes = Deno.readFileSync(generativeModel());
    const digest = digestOf(bytes);
    bytes[bytes.length >> 1]! ^= 1;
    const url = `${server.url}/api/blobs/${digest}`;
    const response = await fetch(url, { method: "POST", body: bytes });
    assert.equal(response.status, 400, await response.text());
    assert.equal((await fetch(url, { method: "HEAD" })).status, 404);
    const created = await last("/api/create", {
      model: "broken",
      files: { "model.gguf": digest },
    });
    assert.match(created.error ?? "", /blob|digest|not found/i);
  });

  await t.step("a file that is no GGUF, and one that is cut off", async () => {
    Deno.writeTextFileSync(folder.file("text.gguf"), "no model");
    Deno.writeFileSync(
      folder.file("cut.gguf"),
      Deno.readFileSync(generativeModel()).subarray(0, 2_000_000),
    );
    for (const file of ["text.gguf", "cut.gguf"]) {
      const files = { "model.gguf": await upload(folder.file(file)) };
      const { error, status } = await last("/api/create", {
        model: "broken",
        files,
      });
      assert.equal(status, undefined);
      assert.ok(error, file);
    }
    const files = { "model.gguf": await upload(tinyModel("llama")) };
    const adapters = { "model.gguf": files["model.gguf"] };
    const { error } = await last("/api/create", {
      model: "broken",
      files,
      adapters,
    });
    assert.match(
      error ?? "",
      /expected a GGUF file of kind "adapter", found "model"/,
    );
  });

  await t.step("a pull whose bytes are changed on their way", async () => {
    const registry = new FakeRegistry();
    registry.addModel("library/m:latest", [[
      "model",
      Deno.readFileSync(generativeModel()),
    ]]);
    registry.script.corrupt = (bytes) => {
      const changed = bytes.slice();
      changed[changed.length >> 1]! ^= 1;
      return changed;
    };
    await using listening = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      registry.handle.bind(registry),
    );
    const model = `127.0.0.1:${listening.addr.port}/library/m`;
    assert.match(
      (await last("/api/pull", { model, insecure: true })).error ?? "",
      /digest mismatch/,
    );
    const { code, stderr } = await runCli(["pull", model, "--insecure"], {
      url: server.url,
    });
    assert.equal(code, 1);
    assert.match(stderr, /Error: .*digest mismatch/);
    delete registry.script.corrupt;
    assert.deepEqual(await last("/api/pull", { model, insecure: true }), {
      status: "success",
    });
    assert.equal(await generate(model), await generate("demo"));
    assert.equal(await remove(model), 200);
  });
  assert.deepEqual(await names("/api/tags"), before);
  await answersStill();
});
