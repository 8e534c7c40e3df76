/** Ollama's parameters (`PARAMETER`, `/set parameter`): text to values. Pure. */

type Kind = "whole" | "decimal" | "truth" | "text" | "texts";

/** Every parameter that a model or a session may set, with what its value is. */
export const PARAMETER_KINDS: Readonly<Record<string, Kind>> = {
  num_ctx: "whole",
  num_batch: "whole",
  num_gpu: "whole",
  main_gpu: "whole",
  num_thread: "whole",
  use_mmap: "truth",
  num_keep: "whole",
  num_predict: "whole",
  draft_num_predict: "whole",
  seed: "whole",
  temperature: "decimal",
  top_k: "whole",
  top_p: "decimal",
  min_p: "decimal",
  typical_p: "decimal",
  repeat_last_n: "whole",
  repeat_penalty: "decimal",
  presence_penalty: "decimal",
  frequency_penalty: "decimal",
  stop: "texts",
};

/** Parameters that older Modelfiles have and nothing reads any more. */
const RETIRED = [
  "mirostat",
  "mirostat_eta",
  "mirostat_tau",
  "tfs_z",
  "penalize_newline",
  "low_vram",
  "f16_kv",
  "logits_all",
  "vocab_only",
  "use_mlock",
  "numa",
  "num_gqa",
  "rope_frequency_base",
  "rope_frequency_scale",
  "embedding_only",
];

/** Whether a name is one of the past, to be passed over. */
export function isRetired(name: string): boolean {
  return RETIRED.includes(name);
}

/**
 * A parameter's value; several texts for `stop`.
 * @throws Error when there is no such parameter or the text is no such value
 */
export function parseParameter(
  name: string,
  texts: readonly string[],
): unknown {
  const kind = Object.hasOwn(PARAMETER_KINDS, name) ? PARAMETER_KINDS[name] : undefined;
  if (kind === undefined) throw new Error(`unknown parameter '${name}'`);
  if (kind === "texts") return [...texts];
  const text = texts[texts.length - 1] ?? "";
  if (kind === "text") return text;
  if (kind === "truth") {
    if (/^(true|false|1|0|t|f)$/i.test(text)) return /^(true|1|t)$/i.test(text);
    throw new Error(
      `parameter '${name}': expected true or false, got ${JSON.stringify(text)}`,
    );
  }
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value) || kind === "whole" && !Number.isSafeInteger(value)) {
    const expected = kind === "whole" ? "a whole number" : "a number";
    throw new Error(
      `parameter '${name}': expected ${expected}, got ${JSON.stringify(text)}`,
    );
  }
  return value;
}
