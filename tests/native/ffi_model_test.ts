/** Loading models, their facts, and who keeps whom alive. */
import assert from "node:assert/strict";
import { openLibrary } from "../../ffi/mod.ts";
import { libDir, vocabModel } from "../support/paths.ts";
import { tinyModel } from "../support/tiny_models.ts";

Deno.test("Llama.loadModel() reports progress from 0 to 1 and gives the model's facts", async () => {
  using llama = openLibrary(libDir());
  const fractions: number[] = [];
  using model = await llama.loadModel(tinyModel("llama"), {}, (fraction) => fractions.push(fraction) > 0);
  assert.ok(fractions.length >= 2 && fractions.at(-1) === 1, JSON.stringify(fractions));
  assert.equal(model.metadataValue("general.architecture"), "llama");
  assert.equal(model.metadata().get("general.architecture"), "llama");
  assert.equal(model.metadataValue("no.such.key"), undefined);
  assert.equal(model.nLayer, 2);
  assert.equal(model.nEmbd, 64);
  assert.equal(model.vocab.nTokens, 384);
  assert.ok(model.sizeBytes > 0 && model.nParams > 0 && model.desc.includes("llama"));
  assert.deepEqual([model.isRecurrent, model.isHybrid, model.hasEncoder, model.hasDecoder], [
    false,
    false,
    false,
    true,
  ]);
});

Deno.test("Llama.loadModel() rejects with libllama's reason", async () => {
  using llama = openLibrary(libDir());
  await assert.rejects(
    llama.loadModel("/no/such.gguf"),
    /^Error: Cannot load model "\/no\/such\.gguf": .*failed to open/,
  );
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "this is no GGUF file at all, however long it may be");
  await assert.rejects(llama.loadModel(file), /Cannot load model .*(magic|GGUF)/);
  await Deno.remove(file);
  await assert.rejects(llama.loadModel("a\0b"), /it holds a NUL/);
});

Deno.test("Llama.loadModel() stops when the progress callback says so or throws", async () => {
  using llama = openLibrary(libDir());
  await assert.rejects(llama.loadModel(tinyModel("llama"), {}, () => false), /the load was stopped/);
  const load = llama.loadModel(tinyModel("llama"), {}, () => {
    throw new TypeError("from the callback");
  });
  await assert.rejects(load, /TypeError: from the callback/);
});

Deno.test("Llama.loadModel() keeps the event loop running", async () => {
  using llama = openLibrary(libDir());
  const order: string[] = [];
  const load = llama.loadModel(vocabModel("qwen2"), { vocabOnly: true }).then((model) => {
    order.push("loaded");
    return model;
  });
  await new Promise((resolve) => setTimeout(resolve, 0));
  order.push("tick");
  using _model = await load;
  assert.deepEqual(order, ["tick", "loaded"]);
});

Deno.test("Model[Symbol.dispose]() waits for contexts and is idempotent", async () => {
  using llama = openLibrary(libDir());
  const model = await llama.loadModel(tinyModel("llama"));
  const context = model.createContext({ nCtx: 64 });
  model[Symbol.dispose]();
  model[Symbol.dispose]();
  assert.throws(() => model.createContext({ nCtx: 64 }), /Cannot use Model: it is disposed/);
  assert.ok(model.vocab.tokenize("still here", false, false).length > 0);
  context[Symbol.dispose]();
  context[Symbol.dispose]();
  assert.throws(() => model.vocab.tokenize("gone", false, false), /Cannot use Model: it is disposed/);
});

Deno.test("Model.createContext() gives the reason of a refusal", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(tinyModel("llama"));
  assert.throws(
    () => model.createContext({ nCtx: 64, nSeqMax: 100_000 }),
    /Cannot create context of 64 .*n_seq_max/,
  );
  assert.throws(() => model.createContext({ nCtx: 64, typeK: "q9" as "q8_0" }), /unknown type "q9"/);
  using vocabOnly = await llama.loadModel(vocabModel("gpt-2"), { vocabOnly: true });
  assert.throws(() => vocabOnly.createContext({ nCtx: 64 }), /vocabulary-only/);
});

Deno.test("Model tells recurrent and sliding-window models", async () => {
  using llama = openLibrary(libDir());
  using mamba = await llama.loadModel(tinyModel("mamba"));
  assert.equal(mamba.isRecurrent, true);
  using gemma = await llama.loadModel(tinyModel("gemma3"));
  assert.equal(gemma.nSwa, 32);
});

Deno.test("Vocab refuses tokens that it does not have", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(vocabModel("gpt-2"), { vocabOnly: true });
  const { vocab } = model;
  for (const token of [-1, vocab.nTokens, 1.5, NaN]) {
    assert.throws(() => vocab.isEog(token), RangeError);
    assert.throws(() => vocab.text(token), RangeError);
    assert.throws(() => vocab.attr(token), RangeError);
    assert.throws(() => vocab.pieceBytes(token, true), RangeError);
  }
});
