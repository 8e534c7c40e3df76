import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { Embedder } from "../../../src/engine/embedder.ts";
import { type EmbeddingRuntime, embedTexts, rerankTexts } from "../../../src/pipeline/embedding.ts";
import { normalize } from "../../../src/pipeline/embedding_norm.ts";
import { pairTokens } from "../../../src/pipeline/embedding_pair.ts";
import { FakeEmbedSource } from "../../support/fake_embed_source.ts";
import { BYTE_CODEC } from "../../support/fake_runtime.ts";

const NEVER = new AbortController().signal;
const PAIRS = { template: undefined, before: [256], between: [257], after: [258] };

function runtime(changes: Partial<FakeEmbedSource> = {}): EmbeddingRuntime & { source: FakeEmbedSource } {
  const source = Object.assign(new FakeEmbedSource(), changes);
  return {
    source,
    embedder: new Embedder(source, { maxQueue: 8, maxStepMs: 150 }),
    pairs: PAIRS,
    ending: [299],
  };
}

const kind = (expected: string) => (error: unknown) =>
  error instanceof ServerError && error.kind === expected;
const close = (a: ArrayLike<number>, b: readonly number[]) =>
  assert.ok(
    a.length === b.length && b.every((x, i) => Math.abs(a[i]! - x) < 1e-5 * Math.max(1, Math.abs(x))),
    `${a} is not ${b}`,
  );

Deno.test("normalize() divides by llama-server's norms", () => {
  const vector = () => Float32Array.of(3, -4, 0);
  close(normalize(vector(), -1), [3, -4, 0]);
  close(normalize(vector(), 0), [24_570, -32_760, 0]);
  close(normalize(vector(), 1), [3 / 7, -4 / 7, 0]);
  close(normalize(vector(), 2), [0.6, -0.8, 0]);
  close(normalize(vector(), 3), [3 / 91 ** (1 / 3), -4 / 91 ** (1 / 3), 0]);
  close(normalize(new Float32Array(2), 2), [0, 0]);
});

Deno.test("embedTexts() cuts to the dimensions and normalises what is left", async () => {
  const model = runtime();
  await using _ = model.embedder;
  const [embedding] = await embedTexts(model, BYTE_CODEC, ["\x03ab\x04"], {
    overflow: "error",
    normalize: 2,
    dimensions: 2,
  }, NEVER);
  close(embedding!.vectors[0]!, [0.6, 0.8]);
  assert.equal(embedding!.tokens, 4);
  await assert.rejects(
    embedTexts(model, BYTE_CODEC, ["a"], { overflow: "error", normalize: 2, dimensions: 4 }, NEVER),
    (error: unknown) =>
      error instanceof ServerError && error.kind === "validation" && error.field === "dimensions",
  );
});

Deno.test("embedTexts() drops the end of a long input, keeping the tokenizer's end mark, or refuses it", async () => {
  const model = runtime();
  await using _ = model.embedder;
  const text = "abcdefghijklmnopqrstuvwxyz";
  const cut = await embedTexts(model, BYTE_CODEC, [text, [...Array(20).keys()]], {
    overflow: "truncate",
    normalize: -1,
  }, NEVER);
  assert.deepEqual(cut.map(({ vectors, tokens }) => [tokens, ...vectors[0]!]), [[16, 97, 16, 299], [
    16,
    0,
    16,
    15,
  ]]);
  const refused = embedTexts(model, BYTE_CODEC, [text], { overflow: "error", normalize: -1 }, NEVER);
  await assert.rejects(refused, kind("context_length"));
});

Deno.test("embedTexts() gives a vector for each token, as it is, with pooling none", async () => {
  const model = runtime({ pooling: "none" });
  await using _ = model.embedder;
  const [embedding] = await embedTexts(
    model,
    BYTE_CODEC,
    [[3, 4]],
    { overflow: "error", normalize: 2 },
    NEVER,
  );
  assert.deepEqual(embedding!.vectors.map((vector) => Array.from(vector)), [[3, 2, 4], [3, 2, 4]]);
});

Deno.test("rerankTexts() scores each pair; embedding and scoring refuse each other's models", async () => {
  const ranker = runtime({ pooling: "rank" });
  const embedder = runtime();
  await using _ranker = ranker.embedder;
  await using _embedder = embedder.embedder;
  const ranking = await rerankTexts(ranker, BYTE_CODEC, "q", ["a", "bc"], { overflow: "error" }, NEVER);
  assert.deepEqual(ranking, { scores: [256, 256], tokens: 11 });
  assert.deepEqual(ranker.source.batches[0]!.map((input) => Array.from(input)), [
    [256, 113, 257, 97, 258],
    [256, 113, 257, 98, 99, 258],
  ]);
  await assert.rejects(
    embedTexts(ranker, BYTE_CODEC, ["a"], { overflow: "error", normalize: 2 }, NEVER),
    kind("not_supported"),
  );
  await assert.rejects(
    rerankTexts(embedder, BYTE_CODEC, "q", ["a"], { overflow: "error" }, NEVER),
    kind("not_supported"),
  );
});

Deno.test("pairTokens() cuts the document, never the query or the marks", async () => {
  const encode = (text: string) => BYTE_CODEC.encodeLater(text, { addSpecial: false, parseSpecial: false });
  assert.deepEqual(await pairTokens("q", "abcdef", PAIRS, encode, 6), [256, 113, 257, 97, 98, 258]);
  assert.equal((await pairTokens("qqqqqqqq", "abc", PAIRS, encode, 6)).length, 14);
});

Deno.test("pairTokens() fills a template once, whatever the texts hold", async () => {
  const read = async (query: string, document: string) => {
    const marks = { ...PAIRS, template: "Q {query} D {document}" };
    let text = "";
    await pairTokens(query, document, marks, (given, parseSpecial) => {
      assert.ok(parseSpecial);
      text = given;
      return Promise.resolve(new Int32Array());
    }, 10);
    return text;
  };
  assert.equal(await read("a {document}", "b $& {query}"), "Q a {document} D b $& {query}");
});
