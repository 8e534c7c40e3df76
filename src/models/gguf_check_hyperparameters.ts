/** Hyperparameters on whose values libllama would end the process (`llama_model_base::load_hparams`, v0.5.0). */

import type { GgufTensor, GgufValue } from "./gguf.ts";
import {
  DOUBLE_STATE,
  EQUAL_HEADS,
  NEEDS_EXPERTS,
  PROJECTS,
  WHOLE_HEAD_ROPE,
  WITHOUT_HEADS,
} from "./gguf_check_architecture.ts";
import { ModelFileError } from "./model_file_error.ts";

const MAX_LAYERS = 512; // LLAMA_MAX_LAYERS
const MAX_EXPERTS = 1024; // LLAMA_MAX_EXPERTS
const MAX_WIDTH = 1 << 24;
const MAX_HEADS = 1 << 20;
const EPSILONS = ["layer_norm_epsilon", "layer_norm_rms_epsilon", "group_norm_epsilon"];
const ROPE_SCALING_TYPES = ["none", "linear", "yarn", "longrope"];

/** One file's hyperparameters, looked up without the architecture in front. */
class Hyperparameters {
  constructor(
    readonly path: string,
    readonly architecture: string,
    readonly metadata: ReadonlyMap<string, GgufValue>,
  ) {}

  value(key: string): GgufValue | undefined {
    return this.metadata.get(`${this.architecture}.${key}`);
  }

  fail(key: string, wanted: string): never {
    const value = this.value(key);
    const shown = value === undefined ? "missing" : typeof value === "object" ? "an array" : String(value);
    throw new ModelFileError(this.path, `${this.architecture}.${key} is ${shown}, ${wanted}`);
  }

  /** A number; of an array, which holds one for each layer, the first where `first` is set. */
  number(key: string, first = false): number | undefined {
    const value = this.value(key);
    if (typeof value === "object") {
      const element = first ? value.values?.[0] : undefined;
      return typeof element === "number" ? element : undefined;
    }
    return value === undefined || typeof value === "number" ? value : this.fail(key, "not a number");
  }

  within(key: string, low: number, high: number, required = false): void {
    const value = this.number(key);
    if (value === undefined ? required && this.value(key) === undefined : !(value >= low && value <= high)) {
      this.fail(key, `it must be from ${low} to ${high}`);
    }
  }
}

/**
 * @param architecture prefix of the model's own keys
 * @param tensors all of the model's
 * @throws ModelFileError naming the key and its value
 */
export function checkHyperparameters(
  path: string,
  architecture: string,
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufTensor[],
): void {
  const given = new Hyperparameters(path, architecture, metadata);
  given.within("block_count", 1, MAX_LAYERS, true);
  given.within("context_length", 1, 0x7fffffff, true);
  given.within("embedding_length", 1, MAX_WIDTH, true);
  given.within("nextn_predict_layers", 0, given.number("block_count")! - 1);
  for (const name of EPSILONS) given.within(`attention.${name}`, 0, Number.MAX_VALUE);
  checkExperts(given);
  checkHeads(given);
  const scaling = given.value("rope.scaling.type");
  if (scaling !== undefined && !(typeof scaling === "string" && ROPE_SCALING_TYPES.includes(scaling))) {
    given.fail("rope.scaling.type", `it must be one of ${ROPE_SCALING_TYPES.join(", ")}`);
  }
  const [width, state] = [given.number("embedding_length")!, given.number("ssm.inner_size")];
  const out = given.number("embedding_length_out") ?? width;
  // Only a layer for it makes embeddings of another width, and then its shape is checked; else libllama reads on.
  const projects = PROJECTS.has(architecture) && tensors.some(({ name }) => name.startsWith("dense_2"));
  if (out !== width && !projects) {
    given.fail("embedding_length_out", `but embedding_length is ${width} and no tensor changes it`);
  }
  if (DOUBLE_STATE.has(architecture) && state !== undefined && state !== 2 * width) {
    given.fail("ssm.inner_size", `it must be twice embedding_length (${width})`);
  }
}

function checkExperts(given: Hyperparameters): void {
  given.within("expert_count", NEEDS_EXPERTS.has(given.architecture) ? 1 : 0, MAX_EXPERTS);
  const experts = given.number("expert_count") ?? 0;
  if (experts === 0 && NEEDS_EXPERTS.has(given.architecture)) {
    given.fail("expert_count", "but this architecture has experts");
  }
  // One number for all layers, or one for each.
  const used = given.value("expert_used_count");
  if (typeof used === "object") {
    const most = Math.max(0, ...(used.values ?? []).map(Number));
    if (!(most <= experts && (experts === 0 || most > 0))) {
      given.fail("expert_used_count", `whose largest is ${most} of ${experts} experts`);
    }
  } else if (used !== undefined) given.within("expert_used_count", experts > 0 ? 1 : 0, experts);
  else if (experts > 0) given.fail("expert_used_count", `but there are ${experts} experts`);

  const groups = given.number("expert_group_count") ?? 0;
  given.within("expert_group_count", 0, Math.max(0, experts - 1));
  if (groups > 1) {
    if (experts % groups !== 0) given.fail("expert_group_count", `it must divide expert_count (${experts})`);
    given.within("expert_group_used_count", 1, groups - 1, true);
  }
}

function checkHeads(given: Hyperparameters): void {
  const { architecture } = given;
  const noHeads = WITHOUT_HEADS.has(architecture);
  given.within("attention.head_count", noHeads ? 0 : 1, MAX_HEADS, !noHeads);
  const [heads, headsKv] = [given.number("attention.head_count"), given.number("attention.head_count_kv")];
  if (heads !== undefined && headsKv !== undefined && headsKv > 0 && heads % headsKv !== 0) {
    given.fail("attention.head_count_kv", `it must divide attention.head_count (${heads})`);
  }
  const first = given.number("attention.head_count", true) ?? 0;
  if (first === 0) return; // without heads libllama takes all sizes of heads for 0
  const whole = Math.floor(given.number("embedding_length")! / first);
  const key = given.number("attention.key_length") ?? whole;
  const value = given.number("attention.value_length") ?? whole;
  const rotated = given.number("rope.dimension_count") ?? key;
  const wholeRope = WHOLE_HEAD_ROPE.has(architecture);
  if (key !== value && (wholeRope || EQUAL_HEADS.has(architecture))) {
    throw new ModelFileError(
      given.path,
      `keys of a head have ${key} numbers and values ${value}: ${architecture} models need as many of both`,
    );
  }
  if (wholeRope && rotated !== key) {
    given.fail("rope.dimension_count", `but keys of a head have ${key} numbers`);
  }
  const wide = Math.max(key, given.number("attention.key_length_mla") ?? 0);
  if (rotated > wide) given.fail("rope.dimension_count", `but keys of a head have only ${wide} numbers`);
  // Layers with a sliding window may have heads of another size.
  const wideSwa = given.number("attention.key_length_swa") ?? wide;
  if ((given.number("rope.dimension_count_swa") ?? 0) > wideSwa) {
    given.fail("rope.dimension_count_swa", `but keys of such a head have only ${wideSwa} numbers`);
  }
  if (rotated % 2 !== 0) {
    throw new ModelFileError(
      given.path,
      `${rotated} numbers of a head are rotated (RoPE), not an even count`,
    );
  }
}
