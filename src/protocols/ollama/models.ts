/** ModelCards in the forms of `/api/tags`, `/api/ps` and `/api/show`. */

import type { ModelCard } from "../../core/inference_service.ts";

/** A loaded model never expires here; clients want a date, and this far ahead they show "Forever". */
const FOREVER_YEARS = 100;

/** A name as Ollama shows it: always with a tag. */
export function displayName(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1).includes(":") ? id : `${id}:latest`;
}

/** A count of parameters as Ollama writes it: "7.6B", "494.03M", "512K". */
export function parameterSize(count: number): string {
  if (count >= 1e9) return `${trim(count / 1e9, 1)}B`;
  if (count >= 1e6) return `${trim(count / 1e6, 2)}M`;
  if (count >= 1e3) return `${Math.round(count / 1e3)}K`;
  return String(count);
}

function trim(value: number, digits: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(digits);
}

function details(card: ModelCard): Record<string, unknown> {
  return {
    parent_model: "",
    format: "gguf",
    family: card.architecture,
    families: [card.architecture],
    parameter_size: parameterSize(card.parameterCount),
    quantization_level: card.quantization,
  };
}

/** An item of `/api/tags`. */
export function tagObject(card: ModelCard): Record<string, unknown> {
  const name = displayName(card.id);
  return {
    name,
    model: name,
    modified_at: card.modifiedAt.toISOString(),
    size: card.size,
    digest: card.digest,
    details: details(card),
    capabilities: card.capabilities,
  };
}

/** An item of `/api/ps`. */
export function runningObject(card: ModelCard, loadedAt: Date, nCtx: number): Record<string, unknown> {
  const name = displayName(card.id);
  const expires = new Date(loadedAt);
  expires.setUTCFullYear(expires.getUTCFullYear() + FOREVER_YEARS);
  return {
    name,
    model: name,
    size: card.size,
    digest: card.digest,
    details: details(card),
    expires_at: expires.toISOString(),
    size_vram: 0,
    context_length: nCtx,
  };
}

/** The answer of `/api/show`. */
export function showObject(card: ModelCard, nCtx: number): Record<string, unknown> {
  const template = templateWithMarks(card);
  return {
    modelfile: `FROM ${card.path}\n`,
    parameters: `${"num_ctx".padEnd(30)} ${nCtx}`,
    template,
    details: details(card),
    model_info: modelInfo(card),
    capabilities: card.capabilities,
    modified_at: card.modifiedAt.toISOString(),
  };
}

/** Clients look for Ollama's words in the template to learn what a model can do; a Jinja comment gives them these. */
function templateWithMarks(card: ModelCard): string {
  const marks = [["tools", ".Tools"], ["insert", ".Suffix"]] as const;
  const missing = marks.filter(([capability, mark]) =>
    card.capabilities.includes(capability) && !card.chatTemplate.includes(mark)
  );
  if (missing.length === 0) return card.chatTemplate;
  return `${card.chatTemplate}{#- ${missing.map(([, mark]) => mark).join(" ")} -#}`;
}

function modelInfo(card: ModelCard): Record<string, unknown> {
  const { "general.name": _name, "tokenizer.chat_template": _template, ...rest } = card.metadata;
  return {
    "general.architecture": card.architecture,
    "general.parameter_count": card.parameterCount,
    [`${card.architecture}.context_length`]: card.contextLengthTrain,
    [`${card.architecture}.embedding_length`]: card.embeddingLength,
    ...rest,
  };
}
