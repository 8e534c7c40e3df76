import assert from "node:assert/strict";
import { DEFAULT_SAMPLING, type SamplingParams } from "../../src/core/sampling_params.ts";
import { ServerError } from "../../src/core/server_error.ts";
import { LlamaSampler, type SamplerResources } from "../../src/engine/llama_sampler.ts";
import { GrammarFilter } from "../../src/engine/grammar_filter.ts";
import { GrammarCache } from "../../src/text/grammar/grammar.ts";
import { TokenTree } from "../../src/engine/token_tree.ts";
import { Candidates, openLibrary, type SamplerStep } from "../../ffi/mod.ts";
import { libDir } from "../support/paths.ts";
import { Random } from "../support/random.ts";
import { tinyModel } from "../support/tiny_models.ts";

/** Samplers on made-up logits; `logits` of a row depend on the row's number only. */
async function setup() {
  const llama = openLibrary(libDir());
  const model = await llama.loadModel(tinyModel("qwen2"), { vocabOnly: true });
  const { vocab } = model;
  const rows = Array.from({ length: 40 }, (_, row) => {
    const random = new Random(row);
    return Float32Array.from({ length: vocab.nTokens }, () => 12 * (random.next() - 0.5));
  });
  const resources: SamplerResources = {
    llama,
    vocab,
    nCtx: 512,
    ends: new Set(Array.from({ length: vocab.nTokens }, (_, id) => id).filter((id) => vocab.isEog(id))),
    candidates: new Candidates(vocab.nTokens),
    logits: (row) => rows[row]!,
  };
  const sampler = (changes: Partial<SamplingParams>, history: number[] = []) =>
    new LlamaSampler(resources, { ...DEFAULT_SAMPLING, seed: 42, ...changes }, history);
  const drawn = (changes: Partial<SamplingParams>, history: number[] = []) => {
    using one = sampler(changes, history);
    return rows.map((_, row) => one.sample(row));
  };
  /** The plain chain: every step over the whole vocabulary. */
  const plain = (steps: SamplerStep[], history: number[] = []) => {
    using chain = llama.createSamplerChain(vocab, steps);
    for (const token of history) chain.accept(token);
    return rows.map((row) => {
      resources.candidates.setAll(row);
      chain.apply(resources.candidates);
      const token = resources.candidates.selected();
      chain.accept(token);
      return token;
    });
  };
  const close = () => {
    model[Symbol.dispose]();
    llama[Symbol.dispose]();
  };
  /** The plain way with a grammar: the chain over everything, and again over what the grammar allows. */
  const plainConstrained = (steps: SamplerStep[], grammar: string) => {
    using chain = llama.createSamplerChain(vocab, steps);
    using rules = llama.createSamplerChain(vocab, [{ type: "grammar", grammar }]);
    return rows.map((row) => {
      resources.candidates.setAll(row);
      chain.apply(resources.candidates);
      let token = resources.candidates.selected();
      if (!rules.allows(token)) {
        resources.candidates.setAll(row);
        rules.apply(resources.candidates);
        chain.apply(resources.candidates);
        token = resources.candidates.selected();
      }
      rules.accept(token);
      chain.accept(token);
      return token;
    });
  };
  return { llama, resources, rows, sampler, drawn, plain, plainConstrained, close, vocab };
}

Deno.test("LlamaSampler draws with its shortcuts what the plain chain draws", async () => {
  const { drawn, plain, close, vocab } = await setup();
  const history = [1, 2, 3, 4, 5, 6, 7, 1, 2, 3];
  const dryBreakers = ["\n", ":", '"', "*"];
  const cases: [Partial<SamplingParams>, SamplerStep[]][] = [
    [{}, [
      { type: "penalties", lastN: 64, repeat: 1, freq: 0, present: 0 },
      { type: "top_k", k: 40 },
      { type: "typical", p: 1, minKeep: 0 },
      { type: "top_p", p: 0.95, minKeep: 0 },
      { type: "min_p", p: 0.05, minKeep: 0 },
      { type: "xtc", p: 0, t: 0.1, minKeep: 0, seed: 42 },
      { type: "temp_ext", t: 0.8, delta: 0, exponent: 1 },
      { type: "dist", seed: 42 },
    ]],
    [{ repeatPenalty: 1.3, presencePenalty: 0.5, frequencyPenalty: 0.2, dryMultiplier: 0.8 }, [
      { type: "penalties", lastN: 64, repeat: 1.3, freq: 0.2, present: 0.5 },
      {
        type: "dry",
        multiplier: 0.8,
        base: 1.75,
        allowedLength: 2,
        penaltyLastN: 512,
        sequenceBreakers: dryBreakers,
      },
      { type: "top_k", k: 40 },
      { type: "top_p", p: 0.95, minKeep: 0 },
      { type: "min_p", p: 0.05, minKeep: 0 },
      { type: "temp_ext", t: 0.8, delta: 0, exponent: 1 },
      { type: "dist", seed: 42 },
    ]],
    [{ xtcProbability: 1, xtcThreshold: 0.02 }, [
      { type: "top_k", k: 40 },
      { type: "top_p", p: 0.95, minKeep: 0 },
      { type: "min_p", p: 0.05, minKeep: 0 },
      { type: "xtc", p: 1, t: 0.02, minKeep: 0, seed: 42 },
      { type: "temp_ext", t: 0.8, delta: 0, exponent: 1 },
      { type: "dist", seed: 42 },
    ]],
    [{ temperature: 0 }, [{ type: "greedy" }]],
    [{ topK: 0, topP: 1, minP: 0, temperature: 1.5 }, [
      { type: "temp_ext", t: 1.5, delta: 0, exponent: 1 },
      { type: "dist", seed: 42 },
    ]],
    [{ mirostat: 2 }, [{ type: "temp", t: 0.8 }, { type: "mirostat_v2", seed: 42, tau: 5, eta: 0.1 }]],
    [{ mirostat: 1 }, [{ type: "temp", t: 0.8 }, { type: "mirostat", seed: 42, tau: 5, eta: 0.1, m: 100 }]],
    [{ logitBias: [{ token: 7, bias: 3 }, { token: 9, bias: -Infinity }] }, [
      { type: "logit_bias", biases: [{ token: 7, bias: 3 }, { token: 9, bias: -Infinity }] },
      { type: "top_k", k: 40 },
      { type: "top_p", p: 0.95, minKeep: 0 },
      { type: "min_p", p: 0.05, minKeep: 0 },
      { type: "temp_ext", t: 0.8, delta: 0, exponent: 1 },
      { type: "dist", seed: 42 },
    ]],
    [{ logitBias: [{ token: 7, bias: 100 }], temperature: 0 }, [
      { type: "logit_bias", biases: [{ token: 7, bias: 100 }] },
      { type: "greedy" },
    ]],
  ];
  for (const [params, steps] of cases) {
    assert.deepEqual(drawn(params, history), plain(steps, history), JSON.stringify(params));
  }
  assert.ok(vocab.nTokens > 256);
  close();
});

Deno.test("LlamaSampler with ignoreEos never ends", async () => {
  const { drawn, close, vocab } = await setup();
  const always = drawn({ ignoreEos: true, logitBias: [{ token: vocab.eos, bias: 50 }] });
  assert.ok(always.every((token) => token !== vocab.eos));
  close();
});

Deno.test("LlamaSampler keeps to a grammar, greedy and sampled", async () => {
  const { rows, sampler, close, vocab } = await setup();
  for (const temperature of [0, 1]) {
    using constrained = sampler({ temperature, grammar: 'root ::= ("ab" | "cd") root' });
    const tokens = rows.map((_, row) => constrained.sample(row));
    const text = tokens.map((token) => new TextDecoder().decode(vocab.pieceBytes(token, false))).join("");
    assert.match(text, /^(ab|cd)*[ac]?$/);
    assert.ok(text.length >= rows.length);
  }
  close();
});

Deno.test("LlamaSampler draws under a grammar what the plain chain over the filtered vocabulary draws", async () => {
  const { drawn, plainConstrained, close, vocab } = await setup();
  const penalties: SamplerStep = { type: "penalties", lastN: 64, repeat: 1.3, freq: 0.2, present: 0 };
  const defaults: SamplerStep[] = [
    { type: "top_k", k: 40 },
    { type: "top_p", p: 0.95, minKeep: 0 },
    { type: "min_p", p: 0.05, minKeep: 0 },
    { type: "temp_ext", t: 0.8, delta: 0, exponent: 1 },
    { type: "dist", seed: 42 },
  ];
  const bias = [{ token: 70, bias: 6 }, { token: 75, bias: -6 }];
  const cases: [Partial<SamplingParams>, SamplerStep[]][] = [
    [{ temperature: 0 }, [{ type: "greedy" }]],
    [{ temperature: 0, logitBias: bias }, [{ type: "logit_bias", biases: bias }, { type: "greedy" }]],
    [{}, defaults],
    [{ topK: 0, topP: 1, minP: 0 }, defaults.slice(3)],
    [{ logitBias: bias }, [{ type: "logit_bias", biases: bias }, ...defaults]],
    [{ repeatPenalty: 1.3, frequencyPenalty: 0.2 }, [penalties, ...defaults]],
  ];
  const grammars = [
    'root ::= "a" root | "b" [0-9] root',
    "root ::= [a-z] root | [0-9]{2} root",
    "root ::= [ -~]+ root",
    `root ::= <[70]> root | <[${vocab.nTokens - 20}]> "x" root`,
    'root ::= ("é" | "日本" | [A-Zà-ÿ] "x") root',
  ];
  for (const grammar of grammars) {
    for (const [params, steps] of cases) {
      const label = `${grammar} ${JSON.stringify(params)}`;
      assert.deepEqual(drawn({ ...params, grammar }), plainConstrained(steps, grammar), label);
    }
  }
  close();
});

Deno.test("GrammarFilter.allAllowed() finds what libllama leaves of the whole vocabulary, with and without a tree", async () => {
  const { llama, resources, close, vocab } = await setup();
  const tree = await TokenTree.build(vocab, resources.ends);
  const { candidates } = resources;
  const grammars = [
    'root ::= "{" [ \\n]{0,3} "\\"ab\\"" [^a-é]* "日本" "}"',
    'root ::= [0-9]* | "x"',
    'root ::= ("a" | "b" root "c"?)* ([a-z] [^z]?)? .{2,5}',
    'root ::= a a a\na ::= "x" a "y"? | [x-z]{0,3} | "é"+',
    'root ::= item{0,40} "end"\nitem ::= [a-e] | "ab" | "a" [b-d]',
    ...await sampleGrammars(),
  ];
  const cache = new GrammarCache(() => undefined);
  for (const grammar of grammars) {
    using rules = llama.createSamplerChain(vocab, [{ type: "grammar", grammar }]);
    const filter = new GrammarFilter(cache, { text: grammar, root: "root" }, vocab, resources.ends);
    const random = new Random(3);
    for (let step = 0; step < 30; step++) {
      candidates.setAll(new Float32Array(vocab.nTokens));
      rules.apply(candidates);
      const expected = Array.from({ length: vocab.nTokens }, (_, id) => id)
        .filter((id) => candidates.logit(id) !== -Infinity);
      // libllama decides wrongly about the first bytes of a character against a negated class.
      const partial = (id: number) => new TextDecoder().decode(vocab.pieceBytes(id, true)).includes("\uFFFD");
      const whole = (ids: Iterable<number>) =>
        [...ids].filter((id) => !grammar.includes("[^") || !partial(id));
      assert.deepEqual(whole(filter.allAllowed(tree)), whole(expected), `step ${step} of ${grammar}`);
      assert.deepEqual(filter.allAllowed(undefined), filter.allAllowed(tree), `step ${step} of ${grammar}`);
      const token = random.pick(expected.filter((id) => !resources.ends.has(id)));
      if (token === undefined) break;
      rules.accept(token);
      filter.accept(token);
    }
  }
  close();
});

/** Grammars of the compiler's own schemas. */
async function sampleGrammars(): Promise<string[]> {
  const { compileJsonSchema } = await import("../../src/text/json_schema/json_schema.ts");
  const schemas = [
    { type: "object", properties: { a: { type: "string", maxLength: 9 }, b: { type: "integer" }, c: {} } },
    { type: "array", items: { anyOf: [{ type: "number" }, { type: "null" }, { enum: ["a", "ab"] }] } },
    { type: "string", pattern: "^(a|ab)*c?[0-9]{2,4}$" },
  ];
  return schemas.map((schema) => compileJsonSchema(schema, { root: "root" }).gbnf);
}

Deno.test("LlamaSampler refuses a grammar that does not parse", async () => {
  const { sampler, close } = await setup();
  assert.throws(
    () => sampler({ grammar: "root ::= (" }),
    (error) => error instanceof ServerError && error.kind === "validation" && error.field === "grammar",
  );
  close();
});
