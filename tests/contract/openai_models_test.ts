import assert from "node:assert/strict";
import { FAKE_CARD } from "../support/fake_service.ts";
import { Harness } from "./harness.ts";

Deno.test("GET /v1/models lists the model with llama-server's meta", async () => {
  const h = new Harness();
  for (const path of ["/v1/models", "/models"]) {
    const json = await (await h.get(path)).json();
    assert.equal(json.object, "list");
    assert.deepEqual(json.data[0], {
      id: "tiny",
      aliases: ["llama", "tiny.gguf"],
      tags: [],
      object: "model",
      created: 1735787045,
      owned_by: "llamacpp",
      type: "model",
      display_name: "tiny",
      created_at: "2025-01-02T03:04:05.678Z",
      lifecycle: "active",
      max_input_tokens: 4096,
      max_tokens: 4096,
      meta: {
        vocab_type: 0,
        n_ctx: 4096,
        n_ctx_train: 32768,
        n_vocab: 1000,
        n_embd: 896,
        n_params: 494032768,
        size: 1234,
        ftype: "Q8_0",
      },
    });
    assert.deepEqual([json.models.length, json.models[0].name, json.models[0].details.format], [
      1,
      "tiny",
      "gguf",
    ]);
    assert.deepEqual([json.has_more, json.first_id, json.last_id], [false, "tiny", "tiny"]);
  }
});

Deno.test("GET /v1/models/:id takes ids with slashes and colons, raw and escaped", async () => {
  const h = new Harness();
  h.service.card = { ...FAKE_CARD, id: "org/tiny:q8" };
  for (const id of ["org/tiny:q8", "org%2Ftiny%3Aq8", "org%2Ftiny:q8", "llama", "llama:latest"]) {
    const response = await h.get(`/v1/models/${id}`);
    assert.equal(response.status, 200, id);
    assert.equal((await response.json()).id, "org/tiny:q8");
  }
});

Deno.test("GET /v1/models/:id answers 404 for an unknown model", async () => {
  const response = await new Harness().get("/v1/models/nope");
  assert.equal(response.status, 404);
  assert.deepEqual(await response.json(), {
    error: {
      message: "model 'nope' not found",
      type: "invalid_request_error",
      param: "model",
      code: "model_not_found",
    },
  });
});

Deno.test("POST /v1/chat/completions finds the model by id, alias, file name, any case and :latest", async () => {
  const h = new Harness();
  const messages = [{ role: "user", content: "x" }];
  for (const model of ["tiny", "TINY", "llama", "tiny.gguf", "llama:latest", "", null, undefined]) {
    const { status, json } = await h.postJson("/v1/chat/completions", { model, messages });
    assert.equal(status, 200, String(model));
    assert.equal(json.at("model"), model || "tiny");
  }
  assert.equal((await h.postJson("/v1/chat/completions", { model: "gpt-4", messages })).status, 404);
});
