/** Sampler chains and candidates. */
import assert from "node:assert/strict";
import { Batch, Candidates, type Llama, openLibrary, type SamplerStep, type Vocab } from "../../ffi/mod.ts";
import { libDir, vocabModel } from "../support/paths.ts";
import { tinyModel } from "../support/tiny_models.ts";

async function withVocab(run: (llama: Llama, vocab: Vocab) => void): Promise<void> {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(vocabModel("gpt-2"), { vocabOnly: true });
  run(llama, model.vocab);
}

const EVERY_STEP: SamplerStep[] = [
  { type: "logit_bias", biases: [{ token: 3, bias: 5 }] },
  { type: "penalties", lastN: 8, repeat: 1.1, freq: 0.1, present: 0.1 },
  {
    type: "dry",
    multiplier: 0.8,
    base: 1.75,
    allowedLength: 2,
    penaltyLastN: 64,
    sequenceBreakers: ["\n", "é"],
  },
  { type: "top_n_sigma", n: 3 },
  { type: "top_k", k: 40 },
  { type: "typical", p: 0.99 },
  { type: "top_p", p: 0.99 },
  { type: "min_p", p: 0.01 },
  { type: "xtc", p: 0.1, t: 0.1, seed: 1 },
  { type: "temp_ext", t: 0.8, delta: 0.1, exponent: 1 },
  { type: "temp", t: 0.8 },
  { type: "infill" },
];
const EVERY_CHOICE: SamplerStep[] = [
  { type: "greedy" },
  { type: "dist", seed: 42 },
  { type: "mirostat", seed: 42, tau: 5, eta: 0.1, m: 100 },
  { type: "mirostat_v2", seed: 42, tau: 5, eta: 0.1 },
  { type: "adaptive_p", target: 0.5, decay: 0.9, seed: 42 },
];

Deno.test("Candidates are whole again at each use after XTC has cut at the front", () =>
  withVocab((llama, vocab) => {
    const candidates = new Candidates(4);
    using chain = llama.createSamplerChain(vocab, [{ type: "xtc", p: 1, t: 0.2, seed: 1 }, {
      type: "greedy",
    }]);
    for (let use = 0; use < 3; use++) {
      // Probabilities 0.52, 0.32, 0.12 and 0.04: of the two above 0.2 the less likely one stays.
      candidates.set([10, 11, 12, 13], [4, 3.5, 2.5, 1.5]);
      chain.apply(candidates);
      assert.equal(candidates.selected(), 11, `use ${use}`);
      assert.deepEqual([0, 1, 2].map((i) => candidates.id(i)), [11, 12, 13]);
      assert.deepEqual([0, 1, 2].map((i) => candidates.logit(i)), [3.5, 2.5, 1.5]);
      assert.equal(candidates.size, 3);
    }
  }));

Deno.test("SamplerChain.apply() works with every kind of step", () =>
  withVocab((llama, vocab) => {
    const ids = Array.from({ length: 100 }, (_, i) => i);
    const candidates = new Candidates(100);
    for (const choice of EVERY_CHOICE) {
      for (const step of [...EVERY_STEP, undefined]) {
        using chain = llama.createSamplerChain(vocab, step === undefined ? [choice] : [step, choice]);
        candidates.set(ids, ids.map((i) => Math.sin(i)));
        chain.apply(candidates);
        const token = candidates.selected();
        assert.ok(token >= 0 && token < vocab.nTokens, `${step?.type} ${choice.type} ${token}`);
      }
    }
    using everything = llama.createSamplerChain(vocab, [...EVERY_STEP.slice(0, -1), {
      type: "dist",
      seed: 7,
    }]);
    assert.equal(everything.seed, 7);
  }));

Deno.test("Candidates shows what samplers leave", () =>
  withVocab((llama, vocab) => {
    const candidates = new Candidates(8);
    candidates.set([10, 20, 30, 40], [1, 4, 3, 2]);
    assert.equal(candidates.selected(), -1);
    using chain = llama.createSamplerChain(vocab, [{ type: "top_k", k: 2 }, { type: "greedy" }]);
    chain.apply(candidates);
    assert.deepEqual([candidates.size, candidates.sorted, candidates.selected()], [2, true, 20]);
    assert.deepEqual([candidates.id(0), candidates.logit(0), candidates.id(1)], [20, 4, 30]);
    candidates.set([50], [0]);
    assert.deepEqual([candidates.size, candidates.sorted, candidates.selected()], [1, false, -1]);
    assert.throws(() => candidates.set([], []), RangeError);
    assert.throws(() => candidates.setAll(new Float32Array(9)), RangeError);
  }));

Deno.test("SamplerChain with a grammar allows only its tokens and refuses others", () =>
  withVocab((llama, vocab) => {
    using chain = llama.createSamplerChain(vocab, [{ type: "grammar", grammar: 'root ::= "yes" | "no"' }]);
    const token = (text: string) => vocab.tokenize(text, false, false)[0] as number;
    const [yes, no, zebra] = [token("yes"), token("no"), token("zebra")];
    assert.deepEqual([yes, no, zebra, vocab.eos].map((t) => chain.allows(t)), [true, true, false, false]);
    assert.throws(() => chain.accept(zebra), /the grammar does not allow it/);
    assert.throws(() => chain.accept(vocab.eos), /the grammar does not allow it/);
    using copy = chain.clone();
    chain.accept(yes);
    assert.deepEqual([chain.allows(yes), chain.allows(vocab.eos)], [false, true]);
    assert.equal(copy.allows(yes), true);
    chain.reset();
    assert.equal(chain.allows(yes), true);
  }));

Deno.test("SamplerChain with a lazy grammar allows everything until its trigger", () =>
  withVocab((llama, vocab) => {
    const [trigger] = vocab.tokenize("{", false, false) as unknown as [number];
    const [other] = vocab.tokenize("hello", false, false) as unknown as [number];
    using chain = llama.createSamplerChain(vocab, [{
      type: "grammar_lazy",
      grammar: 'root ::= "{" "}"',
      triggerPatterns: [],
      triggerTokens: [trigger],
    }]);
    assert.equal(chain.allows(other), true);
    chain.accept(other);
    chain.accept(trigger);
    assert.equal(chain.allows(other), false);
  }));

Deno.test("Llama.createSamplerChain() refuses invalid steps with an error", () =>
  withVocab((llama, vocab) => {
    const create = (step: SamplerStep) => () =>
      llama.createSamplerChain(vocab, [{ type: "top_k", k: 4 }, step]);
    assert.throws(
      create({ type: "grammar", grammar: "root := x" }),
      /libllama rejects the grammar "root := x"/,
    );
    assert.throws(create({ type: "grammar", grammar: "" }), /the grammar is ""/);
    const lazy = {
      type: "grammar_lazy",
      grammar: 'root ::= "x"',
      triggerPatterns: ["("],
      triggerTokens: [],
    } as const;
    assert.throws(create(lazy), /bad trigger pattern "\("/);
    assert.throws(create({ type: "logit_bias", biases: [{ token: -1, bias: 1 }] }), RangeError);
  }));

Deno.test("SamplerChain.sample() takes the likeliest token and refuses what would end the process", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(tinyModel("llama"));
  using context = model.createContext({ nCtx: 64, nThreads: 1, nThreadsBatch: 1 });
  const batch = new Batch(8);
  batch.add(5, 0, 0, false);
  batch.add(6, 1, 0, true);
  await context.decode(batch);
  const logits = [...context.logits(1)];
  using greedy = llama.createSamplerChain(model.vocab, [{ type: "greedy" }]);
  assert.equal(greedy.sample(context, 1), logits.indexOf(Math.max(...logits)));
  assert.throws(() => greedy.sample(context, 0), /no output of batch index 0/);
  using filter = llama.createSamplerChain(model.vocab, [{ type: "top_k", k: 4 }]);
  assert.throws(() => filter.sample(context, 1), /does not choose a token/);
});
