/** Grammars of JSON schemas in libllama: they compile, and a model under them writes nothing else. */
import assert from "node:assert/strict";
import { DEFAULT_SAMPLING, type SamplingParams } from "../../src/core/sampling_params.ts";
import { LlamaSampler, type SamplerResources } from "../../src/engine/llama_sampler.ts";
import {
  type CompiledSchema,
  compileJsonSchema,
  SchemaError,
} from "../../src/text/json_schema/json_schema.ts";
import { JSON_OBJECT, JSON_RULES } from "../../src/text/json_schema/json_rules.ts";
import { writeGrammar } from "../../src/text/grammar/gbnf.ts";
import { Detokenizer } from "../../src/text/detokenizer.ts";
import { Batch, Candidates, type Context, type Llama, type Model, openLibrary } from "../../ffi/mod.ts";
import { libDir } from "../support/paths.ts";
import { tinyModel } from "../support/tiny_models.ts";
import { readSchemas } from "../unit/text/json_schema/schema_files.ts";
import { GbnfOracle } from "../unit/text/grammar/gbnf_oracle.ts";

const GENERATIONS = 2_000;
/** Besides these, of schemas whose grammar does not enforce everything. */
const LOOSE_GENERATIONS = 100;
const MAX_TOKENS = 160;
const PARALLEL = 32;
/** Texts that end something; a random-weight model would leave most strings open. */
const CLOSING = ['"', "}", "]"];

/** A schema with its grammar. */
interface Compiled extends CompiledSchema {
  name: string;
}

function compileAll(): Compiled[] {
  return readSchemas().flatMap(({ name, schema }) => {
    try {
      return [{ name, ...compileJsonSchema(schema) }];
    } catch (error) {
      if (error instanceof SchemaError) return [];
      throw error;
    }
  });
}

Deno.test("compileJsonSchema() gives grammars that libllama takes", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(tinyModel("llama"), { vocabOnly: true });
  const all = compileAll();
  assert.ok(all.length >= 200, `${all.length} schemas`);
  for (const { name, gbnf } of all) {
    assert.doesNotThrow(
      () => llama.createSamplerChain(model.vocab, [{ type: "grammar", grammar: gbnf }])[Symbol.dispose](),
      name,
    );
  }
  using json = llama.createSamplerChain(model.vocab, [{
    type: "grammar",
    grammar: writeGrammar(JSON_RULES, JSON_OBJECT),
  }]);
  const tokens = model.vocab.tokenize('{"a": [1, null]}', false, false);
  for (const token of tokens) json.accept(token);
  assert.ok(json.allows(model.vocab.eos));
});

Deno.test(`LlamaSampler under ${GENERATIONS} grammars writes JSON of the schema, or a beginning of it`, async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(tinyModel("llama"));
  using context = model.createContext({
    nCtx: PARALLEL * (MAX_TOKENS + 8),
    nSeqMax: PARALLEL,
    kvUnified: true,
    nThreads: 1,
    nThreadsBatch: 1,
  });
  const all = compileAll();
  const exact = all.filter(({ relaxed }) => relaxed.length === 0);
  const loose = all.filter(({ relaxed }) => relaxed.length > 0);
  const started = performance.now();
  const counts = { valid: 0, cutOff: 0, relaxed: 0, tokens: 0 };
  const generator = new Generator(llama, model, context);
  const answers = [...Array(GENERATIONS).keys().map((n) => exact[n % exact.length]!)];
  answers.push(...Array(LOOSE_GENERATIONS).keys().map((n) => loose[n % loose.length]!));
  for await (const { schema, text, ended, tokens } of generator.run(answers)) {
    counts.tokens += tokens;
    if (!ended) {
      counts.cutOff++;
      assert.ok(new GbnfOracle(schema.gbnf).begins(text), `${schema.name}: ${text}`);
      continue;
    }
    const fault = schema.validate(JSON.parse(text));
    if (fault === undefined) counts.valid++;
    else {
      assert.ok(schema.relaxed.length > 0, `${schema.name}: ${fault} in ${text}`);
      counts.relaxed++;
    }
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${answers.length} generations, ${counts.tokens} tokens, ${seconds} s: ${counts.valid} valid, ` +
      `${counts.relaxed} of ${LOOSE_GENERATIONS} outside of a relaxed bound, ${counts.cutOff} cut off`,
  );
  assert.ok(counts.valid > 0.8 * GENERATIONS, JSON.stringify(counts));
});

interface Answer {
  schema: Compiled;
  text: string;
  ended: boolean;
  tokens: number;
}

/** One answer in the making. */
interface Slot extends Answer {
  sampler: LlamaSampler;
  detokenizer: Detokenizer;
  last: number;
}

/** Generates with several sequences in one context. */
class Generator {
  readonly #resources: SamplerResources;
  readonly #ends: Set<number>;
  readonly #bias: { token: number; bias: number }[];

  constructor(readonly llama: Llama, readonly model: Model, readonly context: Context) {
    const { vocab } = model;
    const tokens = Array.from({ length: vocab.nTokens }, (_, token) => token);
    this.#ends = new Set(tokens.filter((token) => vocab.isEog(token)));
    this.#bias = CLOSING.map((text) => ({ token: vocab.tokenize(text, false, false).at(-1)!, bias: 10 }));
    this.#resources = {
      llama,
      vocab,
      nCtx: MAX_TOKENS,
      ends: this.#ends,
      candidates: new Candidates(vocab.nTokens),
      logits: (row) => context.logits(row),
    };
  }

  async *run(schemas: readonly Compiled[]): AsyncGenerator<Answer> {
    const batch = new Batch(PARALLEL);
    const slots: (Slot | undefined)[] = Array.from({ length: PARALLEL });
    let begun = 0;
    for (let done = 0; done < schemas.length;) {
      batch.clear();
      const rows: [number, Slot][] = [];
      for (let seq = 0; seq < PARALLEL; seq++) {
        if (slots[seq] === undefined && begun < schemas.length) {
          slots[seq] = this.#begin(schemas[begun]!, begun++);
        }
        const slot = slots[seq];
        if (slot === undefined) continue;
        rows.push([seq, slot]);
        batch.add(slot.last, slot.tokens, seq, true);
      }
      await this.context.decode(batch);
      for (const [row, [seq, slot]] of rows.entries()) {
        if (!this.#step(slot, row)) continue;
        slot.sampler[Symbol.dispose]();
        slots[seq] = undefined;
        this.context.memory.seqRm(seq, -1, -1);
        done++;
        yield slot;
      }
    }
  }

  #begin(schema: Compiled, n: number): Slot {
    const params: SamplingParams = {
      ...DEFAULT_SAMPLING,
      temperature: n % 5 === 0 ? 0 : 1,
      seed: n,
      logitBias: this.#bias,
      grammar: schema.gbnf,
    };
    const sampler = new LlamaSampler(this.#resources, params, []);
    return {
      schema,
      sampler,
      detokenizer: new Detokenizer(),
      text: "",
      ended: false,
      tokens: 0,
      last: 10 + n % 200,
    };
  }

  /** True when the answer is over. */
  #step(slot: Slot, row: number): boolean {
    slot.last = slot.sampler.sample(row);
    slot.tokens++;
    slot.ended = this.#ends.has(slot.last);
    if (slot.ended) slot.text += slot.detokenizer.flush();
    else slot.text += slot.detokenizer.push(this.model.vocab.pieceBytes(slot.last, true));
    return slot.ended || slot.tokens >= MAX_TOKENS;
  }
}
