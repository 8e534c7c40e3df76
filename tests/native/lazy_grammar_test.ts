/** Grammars that begin with a trigger, and reasoning with a budget, on a real vocabulary. */

import assert from "node:assert/strict";
import { Candidates, openLibrary } from "../../ffi/mod.ts";
import { DEFAULT_SAMPLING, type SamplingParams } from "../../src/core/sampling_params.ts";
import { LlamaSampler } from "../../src/engine/llama_sampler.ts";
import { libDir, vocabModel } from "../support/paths.ts";

const GRAMMAR = 'root ::= "<call>" ("yes" | "no") "</call>"';

/**
 * What a model wants to say, token by token, against what the sampler lets it say: a wish that is not allowed is
 * answered with the token of the lowest id that is.
 */
async function said(wishes: readonly string[], params: Partial<SamplingParams>): Promise<string> {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(vocabModel("gpt-2"), { vocabOnly: true });
  const { vocab } = model;
  let wish = 0;
  const rows = wishes.map((text) => vocab.tokenize(text, false, true)).flatMap((tokens) => [...tokens]);
  using sampler = new LlamaSampler(
    {
      llama,
      vocab,
      nCtx: 512,
      ends: new Set([vocab.eos]),
      candidates: new Candidates(vocab.nTokens),
      logits: () => {
        const logits = Float32Array.from({ length: vocab.nTokens }, (_, id) => -id / vocab.nTokens);
        logits[rows[wish++] ?? vocab.eos] = 10;
        return logits;
      },
    },
    { ...DEFAULT_SAMPLING, temperature: 0, ...params },
    [],
  );
  const bytes: number[] = [];
  for (let step = 0; step < 40; step++) {
    const token = sampler.sample(0);
    if (token === vocab.eos) break;
    bytes.push(...vocab.pieceBytes(token, true));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

const TRIGGER = { patterns: ["<call>"], tokens: [] };

Deno.test("LlamaSampler leaves an answer alone that does not trigger its grammar", async () => {
  assert.equal(await said(["Hello <cal"], { grammar: GRAMMAR, grammarTrigger: TRIGGER }), "Hello <cal");
});

Deno.test("LlamaSampler constrains what follows a trigger, wherever tokens cut it", async () => {
  const params = { grammar: GRAMMAR, grammarTrigger: TRIGGER };
  for (const wishes of [["Hi <call>maybe"], ["Hi <", "call", ">", "maybe"], ["x<ca", "ll>maybe"]]) {
    assert.match(await said(wishes, params), /^(Hi |x)<call>(yes|no)<\/call>$/, JSON.stringify(wishes));
  }
});

Deno.test("LlamaSampler chooses again when the token that triggers says more than the grammar allows", async () => {
  // In this vocabulary ">>" is one token.
  const text = await said(["<call", ">>"], { grammar: GRAMMAR, grammarTrigger: TRIGGER });
  assert.match(text, /^<call>(yes|no)<\/call>$/);
});

Deno.test("LlamaSampler triggers on a token id", async () => {
  const text = await said(["a<call>b"], {
    grammar: 'root ::= "<" [a-z]+ "!"',
    grammarTrigger: { patterns: [], tokens: [27] }, // "<"
  });
  assert.match(text, /^a<[a-z]+!$/);
});

const REASONING = { start: "<think>", end: "</think>", endsBefore: [], open: true, budget: -1, closing: [] };

Deno.test("LlamaSampler lets reasoning speak of the trigger", async () => {
  const params = { grammar: GRAMMAR, grammarTrigger: TRIGGER, reasoning: REASONING };
  const text = await said(["I say <call>maybe</think>", "<call>maybe"], params);
  assert.match(text, /^I say <call>maybe<\/think><call>(yes|no)<\/call>$/);
});

Deno.test("LlamaSampler closes reasoning that has used up its budget", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(vocabModel("gpt-2"), { vocabOnly: true });
  const closing = Array.from(model.vocab.tokenize("\n</think>\n\n", false, true));
  const wishes = [" one", " two", " three", ...Array<string>(closing.length - 1).fill(" x"), " done"];
  assert.equal(
    await said(wishes, { reasoning: { ...REASONING, budget: 2, closing } }),
    " one two\n</think>\n\n done",
  );
});

Deno.test("LlamaSampler gives forced tokens first", async () => {
  assert.equal(await said(["x", "y", " end"], { forced: [32, 33] }), "AB end");
});
