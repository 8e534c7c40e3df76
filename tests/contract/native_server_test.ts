import assert from "node:assert/strict";
import { Harness } from "./harness.ts";

Deno.test("GET /props tells the model, the defaults and what the memory can do", async () => {
  const h = new Harness({ defaults: { overflow: "rotate", maxTokens: 99, sampling: { topK: 7 } } });
  const props = await (await h.get("/props")).json();
  assert.deepEqual(
    [props.model_alias, props.model_path, props.total_slots, props.default_generation_settings.n_ctx],
    ["tiny", "/models/tiny.gguf", 2, 4096],
  );
  const { params } = props.default_generation_settings;
  assert.deepEqual([params.top_k, params.n_predict, params.temperature], [7, 99, 0.8]);
  assert.deepEqual(props.memory, { can_shift: true, can_share_prefix: true, reason: "" });
  assert.deepEqual(props.modalities, { vision: false, video: false, audio: false });
  assert.deepEqual([props.bos_token, props.eos_token], ["\0", "\x01"]);
  assert.equal(props.chat_template_caps.supports_tools, true);
  assert.equal((await h.post("/props", {})).status, 501);
});

Deno.test("POST /tokenize gives bytes for a piece that is no whole character", async () => {
  const h = new Harness();
  const { json } = await h.postJson("/tokenize", { content: [97, 200], with_pieces: true });
  assert.deepEqual(json.value, { tokens: [{ id: 97, piece: "a" }, { id: 200, piece: [200] }] });
  assert.deepEqual((await h.postJson("/tokenize", {})).json.value, { tokens: [] });
  assert.deepEqual((await h.postJson("/detokenize", {})).json.value, { content: "" });
});

Deno.test("POST /slots/:id is 501 without --slot-save-path", async () => {
  const h = new Harness();
  assert.equal((await h.post("/slots/0?action=erase", {})).status, 501);
});

Deno.test("POST /slots/:id saves, restores and erases", async () => {
  const h = new Harness({ slotSavePath: "/saved/" });
  const ask = async (action: string) =>
    (await h.postJson(`/slots/1?action=${action}`, { filename: "a b.bin" })).json.value;
  assert.deepEqual(await ask("save"), {
    id_slot: 1,
    filename: "a b.bin",
    n_saved: 12,
    n_written: 345,
    timings: { save_ms: 6 },
  });
  assert.deepEqual(await ask("restore"), {
    id_slot: 1,
    filename: "a b.bin",
    n_restored: 12,
    n_read: 345,
    timings: { restore_ms: 6 },
  });
  assert.deepEqual(await ask("erase"), { id_slot: 1, n_erased: 12 });
  assert.deepEqual(h.service.slotFiles, ["/saved/a b.bin", "/saved/a b.bin"]);
});

Deno.test("POST /slots/:id refuses names that lead out of the folder, ids and actions that are none", async () => {
  const h = new Harness({ slotSavePath: "/saved" });
  const names = [
    "",
    "..",
    ".",
    "../a",
    "a/b",
    "a\\b",
    "/etc/x",
    "a\0b",
    "a:b",
    " a",
    "a.",
    "x".repeat(256),
    "．．",
  ];
  for (const filename of names) {
    const { status, json } = await h.postJson("/slots/0?action=save", { filename });
    assert.equal(status, 422, `${JSON.stringify(filename)} ${JSON.stringify(json.value)}`);
  }
  assert.equal((await h.postJson("/slots/0?action=save", {})).status, 422);
  assert.equal((await h.postJson("/slots/0?action=copy", { filename: "a" })).status, 422);
  assert.equal((await h.postJson("/slots/0", { filename: "a" })).status, 422);
  assert.equal((await h.postJson("/slots/x?action=erase", {})).status, 422);
  assert.equal((await h.get("/slots/0")).status, 405);
  assert.deepEqual(h.service.slotFiles, []);
});

Deno.test("GET and POST /lora-adapters list and scale; adapters that are not named get 0", async () => {
  const h = new Harness();
  assert.deepEqual(await (await h.get("/lora-adapters")).json(), []);
  h.service.adapterList = ["a", "b"].map((path) => ({
    path,
    scale: 1,
    taskName: "t",
    promptPrefix: "",
    invocationTokens: [],
  }));
  assert.deepEqual((await h.postJson("/lora-adapters", [{ id: 1, scale: 0.25 }])).json.value, {
    success: true,
  });
  assert.deepEqual(await (await h.get("/lora-adapters")).json(), [
    { id: 0, path: "a", scale: 0, task_name: "t", prompt_prefix: "" },
    { id: 1, path: "b", scale: 0.25, task_name: "t", prompt_prefix: "" },
  ]);
  assert.equal((await h.postJson("/lora-adapters", [{ id: 2, scale: 1 }])).status, 422);
  assert.equal((await h.postJson("/lora-adapters", { id: 1 })).status, 422);
});

Deno.test("GET /metrics has the names of llama-server", async () => {
  const text = await (await new Harness().get("/metrics")).text();
  for (const name of ["n_decode_total 33", "n_busy_slots_per_decode 2", "n_tokens_max 25"]) {
    assert.ok(text.includes(`\nllamacpp:${name}\n`), name);
  }
});
