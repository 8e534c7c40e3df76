/**
 * Owns the list of samplers that libllama offers and how each is made.
 * Always holds: what libllama would end the process over (a bad trigger pattern, a token outside of the vocabulary) is
 * refused with an error before it is passed on.
 */
import { cString, cStringArray, NATIVE, type Native } from "./native.ts";
import { StructView } from "./struct_view.ts";
import type { Vocab } from "./vocab.ts";

/** One step of a sampler chain; each is an `llama_sampler_init_*` of llama.h, where the algorithms are cited. */
export type SamplerStep =
  /** Takes the likeliest token. */
  | { type: "greedy" }
  /** Draws by probability; `seed` 0xFFFFFFFF draws a seed. */
  | { type: "dist"; seed: number }
  /** Keeps the k likeliest; k <= 0 does nothing. */
  | { type: "top_k"; k: number }
  | { type: "top_p"; p: number; minKeep?: number }
  | { type: "min_p"; p: number; minKeep?: number }
  | { type: "typical"; p: number; minKeep?: number }
  /** Divides logits by t; t <= 0 leaves only the likeliest. */
  | { type: "temp"; t: number }
  /** Temperature between t - delta and t + delta, by entropy. */
  | { type: "temp_ext"; t: number; delta: number; exponent: number }
  | { type: "xtc"; p: number; t: number; minKeep?: number; seed: number }
  | { type: "top_n_sigma"; n: number }
  /** Selects; m is usually 100. */
  | { type: "mirostat"; seed: number; tau: number; eta: number; m: number }
  /** Selects. */
  | { type: "mirostat_v2"; seed: number; tau: number; eta: number }
  /** Allows only what the GBNF grammar allows. */
  | { type: "grammar"; grammar: string; root?: string }
  /** Starts to apply when a pattern (ECMAScript, matched from the start) or a token occurs. */
  | {
    type: "grammar_lazy";
    grammar: string;
    root?: string;
    triggerPatterns: readonly string[];
    triggerTokens: readonly number[];
  }
  /** lastN tokens count; 0 disables (-1 is not understood). repeat > 0; 1 disables. */
  | { type: "penalties"; lastN: number; repeat: number; freq: number; present: number }
  /** penaltyLastN tokens count; 0 disables (-1 is not understood). */
  | {
    type: "dry";
    multiplier: number;
    base: number;
    allowedLength: number;
    penaltyLastN: number;
    sequenceBreakers: readonly string[];
  }
  /** Selects. */
  | { type: "adaptive_p"; target: number; decay: number; seed: number }
  /** Adds to logits; -Infinity excludes a token. */
  | { type: "logit_bias"; biases: readonly { token: number; bias: number }[] }
  /** For fill-in-the-middle, after top_k and top_p. */
  | { type: "infill" };

/** Steps that choose a token: the last step of a chain that `sample()` is called on. */
const SELECTING = new Set<SamplerStep["type"]>(["greedy", "dist", "mirostat", "mirostat_v2", "adaptive_p"]);

/** True for a step that chooses a token. */
export function selects(step: SamplerStep): boolean {
  return SELECTING.has(step.type);
}

/** Makes the native sampler of a step; the caller owns it. @throws Error when it is refused */
export function createSampler(
  native: Native,
  vocab: Vocab,
  step: SamplerStep,
): Deno.PointerObject {
  const sampler = initSampler(native.llama, vocab, step);
  if (sampler !== null) return sampler;
  if (step.type === "grammar" || step.type === "grammar_lazy") {
    throw new Error(`Cannot create grammar sampler: libllama rejects the grammar ${quote(step.grammar)}`);
  }
  throw new Error(`Cannot create sampler: libllama rejects ${quote(JSON.stringify(step))}`);
}

function initSampler(llama: Native["llama"], vocab: Vocab, step: SamplerStep): Deno.PointerValue {
  const minKeep = "minKeep" in step ? BigInt(step.minKeep ?? 1) : 1n;
  switch (step.type) {
    case "greedy":
      return llama.llama_sampler_init_greedy();
    case "dist":
      return llama.llama_sampler_init_dist(step.seed);
    case "top_k":
      return llama.llama_sampler_init_top_k(step.k);
    case "top_p":
      return llama.llama_sampler_init_top_p(step.p, minKeep);
    case "min_p":
      return llama.llama_sampler_init_min_p(step.p, minKeep);
    case "typical":
      return llama.llama_sampler_init_typical(step.p, minKeep);
    case "temp":
      return llama.llama_sampler_init_temp(step.t);
    case "temp_ext":
      return llama.llama_sampler_init_temp_ext(step.t, step.delta, step.exponent);
    case "xtc":
      return llama.llama_sampler_init_xtc(step.p, step.t, minKeep, step.seed);
    case "top_n_sigma":
      return llama.llama_sampler_init_top_n_sigma(step.n);
    case "mirostat":
      return llama.llama_sampler_init_mirostat(vocab.nTokens, step.seed, step.tau, step.eta, step.m);
    case "mirostat_v2":
      return llama.llama_sampler_init_mirostat_v2(step.seed, step.tau, step.eta);
    case "penalties":
      return llama.llama_sampler_init_penalties(
        vocab.nTokens,
        step.lastN,
        step.repeat,
        step.freq,
        step.present,
      );
    case "adaptive_p":
      return llama.llama_sampler_init_adaptive_p(step.target, step.decay, step.seed);
    case "infill":
      return llama.llama_sampler_init_infill(vocab[NATIVE]().pointer);
    case "grammar":
      return initGrammar(llama, vocab, step);
    case "grammar_lazy":
      return initLazyGrammar(llama, vocab, step);
    case "dry":
      return initDry(llama, vocab, step);
    case "logit_bias":
      return initLogitBias(llama, vocab, step);
  }
}

type Step<T extends SamplerStep["type"]> = Extract<SamplerStep, { type: T }>;

function initGrammar(llama: Native["llama"], vocab: Vocab, step: Step<"grammar">): Deno.PointerValue {
  assertGrammar(vocab, step.grammar);
  return llama.llama_sampler_init_grammar(
    vocab[NATIVE]().pointer,
    cString(step.grammar),
    cString(step.root ?? "root"),
  );
}

function initLazyGrammar(
  llama: Native["llama"],
  vocab: Vocab,
  step: Step<"grammar_lazy">,
): Deno.PointerValue {
  assertGrammar(vocab, step.grammar);
  for (const pattern of step.triggerPatterns) {
    try {
      new RegExp(pattern);
    } catch (cause) {
      throw new Error(`Cannot create grammar sampler: bad trigger pattern ${quote(pattern)}`, { cause });
    }
  }
  const patterns = cStringArray(step.triggerPatterns);
  const tokens = Int32Array.from([...step.triggerTokens, 0]);
  const sampler = llama.llama_sampler_init_grammar_lazy_patterns(
    vocab[NATIVE]().pointer,
    cString(step.grammar),
    cString(step.root ?? "root"),
    patterns.pointers,
    BigInt(patterns.strings.length),
    tokens,
    BigInt(step.triggerTokens.length),
  );
  patterns.strings.length = 0; // kept referenced until here
  return sampler;
}

function initDry(llama: Native["llama"], vocab: Vocab, step: Step<"dry">): Deno.PointerValue {
  const breakers = cStringArray(step.sequenceBreakers);
  const sampler = llama.llama_sampler_init_dry(
    vocab[NATIVE]().pointer,
    step.multiplier,
    step.base,
    step.allowedLength,
    step.penaltyLastN,
    breakers.pointers,
    BigInt(breakers.strings.length),
  );
  breakers.strings.length = 0; // kept referenced until here
  return sampler;
}

function initLogitBias(llama: Native["llama"], vocab: Vocab, step: Step<"logit_bias">): Deno.PointerValue {
  const entry = new StructView("llama_logit_bias");
  const size = entry.bytes.length;
  const bytes = new Uint8Array(new ArrayBuffer(Math.max(1, step.biases.length) * size));
  step.biases.forEach(({ token, bias }, i) => {
    if (!Number.isInteger(token) || token < 0 || token >= vocab.nTokens) {
      throw new RangeError(`Cannot bias token ${token}: the vocabulary has tokens 0 to ${vocab.nTokens - 1}`);
    }
    bytes.set(entry.setAll({ token, bias }).bytes, i * size);
  });
  return llama.llama_sampler_init_logit_bias(vocab.nTokens, step.biases.length, bytes);
}

function assertGrammar(vocab: Vocab, grammar: string): void {
  if (vocab.type === "none") throw new Error("Cannot create grammar sampler: the model has no vocabulary");
  if (grammar === "") throw new Error('Cannot create grammar sampler: the grammar is ""');
}

function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
