/** The tokenizer against the vectors that llama.cpp keeps beside its vocabularies. */
import assert from "node:assert/strict";
import { openLibrary } from "../../ffi/mod.ts";
import { Tokenizer } from "../../src/text/tokenizer.ts";
import { libDir, llamaSrc, vocabModel } from "../support/paths.ts";

const SEPARATOR = "\n__ggml_vocab_test__\n";

/** Names of the vocabularies that have both an input and an output file. */
function vectorNames(): string[] {
  const files = [...Deno.readDirSync(`${llamaSrc()}/models`)].map((entry) => entry.name);
  return files.flatMap((file) => /^ggml-vocab-(.+)\.gguf\.inp$/.exec(file)?.[1] ?? []).sort();
}

/** Pairs of text and the tokens it must give. */
function readVectors(name: string): [string, number[]][] {
  const inputs = Deno.readTextFileSync(`${vocabModel(name)}.inp`).split(SEPARATOR);
  const lines = Deno.readTextFileSync(`${vocabModel(name)}.out`).split("\n");
  if (inputs.at(-1) === "") inputs.pop();
  return inputs.map((text, i) => [text, (lines[i] ?? "").trim().split(/\s+/).filter(Boolean).map(Number)]);
}

for (const name of vectorNames()) {
  Deno.test(`Tokenizer.encode() gives the tokens of the ${name} vectors`, async () => {
    using llama = openLibrary(libDir());
    using model = await llama.loadModel(vocabModel(name), { vocabOnly: true });
    const tokenizer = new Tokenizer(model.vocab);
    const vectors = readVectors(name);
    assert.ok(vectors.length > 30, `only ${vectors.length} vectors`);
    for (const [text, expected] of vectors) {
      assert.deepEqual([...tokenizer.encode(text)], expected, JSON.stringify(text));
    }
  });
}

Deno.test("Tokenizer.decode() gives back the text of byte-level vocabularies", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(vocabModel("qwen2"), { vocabOnly: true });
  const tokenizer = new Tokenizer(model.vocab);
  const texts = [
    "",
    " ",
    "Hello, wörld!",
    "🦙🦙 – é",
    "\ufeffbom",
    "a\n\n\tb\r\n",
    "ｈｅｌｌｏ",
    "nul\0byte",
  ];
  for (const text of texts) assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
});

Deno.test("Tokenizer.pieceBytes() cuts a character into its bytes and caches them", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(vocabModel("qwen2"), { vocabOnly: true });
  const tokenizer = new Tokenizer(model.vocab);
  const tokens = [...tokenizer.encode("𓀀")];
  assert.ok(tokens.length > 1);
  const bytes = tokens.flatMap((token) => [...tokenizer.pieceBytes(token)]);
  assert.deepEqual(bytes, [0xf0, 0x93, 0x80, 0x80]);
  const [first] = tokens as [number];
  assert.equal(tokenizer.pieceBytes(first), tokenizer.pieceBytes(first));
  assert.throws(() => tokenizer.pieceBytes(-1), RangeError);
  assert.throws(() => tokenizer.pieceBytes(model.vocab.nTokens), RangeError);
});

Deno.test("Tokenizer.encode() reads special tokens only when told to", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(vocabModel("qwen2"), { vocabOnly: true });
  const tokenizer = new Tokenizer(model.vocab);
  const [end] = tokenizer.encode("<|im_end|>", { parseSpecial: true }) as unknown as [number];
  assert.equal(tokenizer.encode("<|im_end|>", { parseSpecial: true }).length, 1);
  assert.ok(tokenizer.encode("<|im_end|>").length > 1);
  assert.ok(tokenizer.isEog(end) && tokenizer.isEog(end));
  assert.equal(tokenizer.isEog(100), false);
  assert.equal(tokenizer.decode([end]), "");
  assert.equal(tokenizer.decode([end], true), "<|im_end|>");
});

Deno.test("Tokenizer.encode() adds BOS when the model asks for it", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(vocabModel("llama-spm"), { vocabOnly: true });
  const tokenizer = new Tokenizer(model.vocab);
  assert.equal(tokenizer.addBos, true);
  assert.equal(tokenizer.encode("Hi", { addSpecial: true })[0], model.vocab.bos);
  assert.notEqual(tokenizer.encode("Hi")[0], model.vocab.bos);
});

Deno.test("Vocab.tokenize() grows its buffer and refuses bytes that are not UTF-8", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(vocabModel("gpt-2"), { vocabOnly: true });
  const text = "a b ".repeat(5000);
  const tokens = model.vocab.tokenize(text, false, false);
  assert.ok(tokens.length >= 10_000, `${tokens.length}`);
  assert.equal(new Tokenizer(model.vocab).decode(tokens), text);
  assert.throws(() => model.vocab.tokenize(new Uint8Array([0xff, 0xfe]), false, false), /not valid UTF-8/);
  assert.deepEqual(
    [...model.vocab.tokenize(new TextEncoder().encode("Hello"), false, false)],
    [...model.vocab.tokenize("Hello", false, false)],
  );
});

Deno.test("Tokenizer.encodeLater() gives the tokens of encode() while the event loop goes on, in any order", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(vocabModel("qwen2"), { vocabOnly: true });
  const tokenizer = new Tokenizer(model.vocab);
  const sentence = "The quick brown fox, 🦙 and Übergrößen: <|im_end|> 12345\n";
  const texts = [
    "",
    "short",
    sentence.repeat(400),
    sentence.repeat(2000),
    "x".repeat(100_000),
  ];
  for (const parseSpecial of [false, true]) {
    const options = { addSpecial: true, parseSpecial };
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const later = await Promise.all(
      texts.map((text) => tokenizer.encodeLater(text, options)),
    );
    clearInterval(timer);
    assert.ok(turns > 5, `the event loop had ${turns} turns`);
    texts.forEach((text, i) =>
      assert.deepEqual(
        later[i],
        tokenizer.encode(text, options),
        text.slice(0, 20),
      )
    );
  }
});

Deno.test("Tokenizer.encodeLater() keeps the model alive until it is done", async () => {
  using llama = openLibrary(libDir());
  const model = await llama.loadModel(vocabModel("qwen2"), { vocabOnly: true });
  const tokenizer = new Tokenizer(model.vocab);
  const pending = tokenizer.encodeLater("some words ".repeat(50_000));
  await new Promise((resolve) => setTimeout(resolve, 5));
  model[Symbol.dispose]();
  assert.ok((await pending).length >= 100_000);
  await assert.rejects(
    tokenizer.encodeLater("some words ".repeat(50_000)),
    /disposed/,
  );
});
