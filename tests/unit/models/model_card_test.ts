import { strict as assert } from "node:assert";
import { join } from "node:path";
import { CHATML_TEMPLATE } from "../../../src/chat/chat_template.ts";
import { describeModel } from "../../../src/models/model_card.ts";
import { matchesModel } from "../../../src/models/model_names.ts";
import { tinyModelWriter } from "../../support/tiny_models.ts";
import { TINY_CHAT_TEMPLATE } from "../../support/tiny_vocabulary.ts";

const SMALL = { nCtx: 64, nVocab: 300 };

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await run(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("describeModel() gives the facts of a chat model", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "Tiny-Llama.gguf");
    tinyModelWriter("llama", { ...SMALL, type: "Q8_0" }).write(path);
    const card = await describeModel(path);
    assert.equal(card.id, "Tiny-Llama");
    assert.deepEqual(card.aliases, ["llama", "Tiny-Llama.gguf", path]);
    assert.equal(card.path, path);
    assert.equal(card.size, Deno.statSync(path).size);
    assert.match(card.digest, /^[0-9a-f]{64}$/);
    assert.equal(card.architecture, "llama");
    // Embeddings and output, final norm, then two layers: norms, attention, feed-forward.
    const layer = 2 * 64 + 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128;
    assert.equal(card.parameterCount, 2 * 300 * 64 + 64 + 2 * layer);
    assert.equal(card.quantization, "Q8_0");
    assert.deepEqual([card.contextLengthTrain, card.embeddingLength, card.vocabSize], [64, 64, 300]);
    assert.deepEqual(card.capabilities, ["completion", "tools", "thinking"]);
    assert.equal(card.chatTemplate, TINY_CHAT_TEMPLATE);
    assert.deepEqual(card.metadata["tokenizer.ggml.tokens"], []);
    assert.equal(card.metadata["general.architecture"], "llama");
    JSON.stringify(card);
  });
});

Deno.test("describeModel() takes alias and template of the user, and ChatML when there is no template", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "m.gguf");
    const writer = tinyModelWriter("qwen2", SMALL).remove("tokenizer.chat_template").remove(
      "general.file_type",
    );
    writer.write(path);
    const plain = await describeModel(path);
    assert.equal(plain.chatTemplate, CHATML_TEMPLATE);
    assert.deepEqual(plain.capabilities, ["completion"]);
    assert.equal(plain.quantization, "F32");
    const chosen = await describeModel(path, { alias: "my-model", chatTemplate: "{{ tools | tojson }}" });
    assert.equal(chosen.id, "my-model");
    assert.deepEqual(chosen.aliases, ["llama", "m.gguf", "m", path]);
    assert.deepEqual(chosen.capabilities, ["completion", "tools"]);
    await assert.rejects(describeModel(path, { chatTemplate: "{% if %}" }), /Cannot parse the chat template/);
  });
});

Deno.test("describeModel() knows embedding and fill-in-the-middle models", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "m.gguf");
    tinyModelWriter("bert", SMALL).write(path);
    assert.deepEqual((await describeModel(path)).capabilities, ["embedding"]);
    const writer = tinyModelWriter("llama", SMALL).remove("tokenizer.chat_template");
    writer.set("tokenizer.ggml.fim_pre_token_id", "uint32", 1).set(
      "tokenizer.ggml.fim_suf_token_id",
      "uint32",
      2,
    ).write(path);
    assert.deepEqual((await describeModel(path)).capabilities, ["completion", "insert"]);
  });
});

Deno.test("describeModel() gives another digest to another file and the same one to the same", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "m.gguf");
    tinyModelWriter("llama", SMALL).write(path);
    const first = (await describeModel(path)).digest;
    assert.equal((await describeModel(path)).digest, first);
    tinyModelWriter("llama", { ...SMALL, seed: 2 }).write(path);
    assert.notEqual((await describeModel(path)).digest, first);
  });
});

Deno.test("describeModel() rejects a damaged file", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "m.gguf");
    Deno.writeTextFileSync(path, "<html>");
    await assert.rejects(describeModel(path), {
      name: "ModelFileError",
      message: /not a GGUF file: it begins with "<htm"/,
    });
  });
});

Deno.test("matchesModel() accepts every name of the model, in any case, with :latest or without", () => {
  const card = { id: "Qwen-0.5B", aliases: ["llama", "qwen.gguf", "/models/qwen.gguf"] };
  for (
    const name of [
      "Qwen-0.5B",
      "qwen-0.5b",
      "llama",
      "LLAMA",
      "llama:latest",
      "qwen.gguf",
      "QWEN-0.5B:latest",
      " llama ",
    ]
  ) {
    assert.ok(matchesModel(name, card), name);
  }
  for (const name of ["", "qwen", "llama2", "llama:7b", "gpt-4"]) assert.ok(!matchesModel(name, card), name);
});
