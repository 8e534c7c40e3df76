/** Facts about a model, from its file's header alone; no weight is read and libllama is not needed. */

import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { CHATML_TEMPLATE, ChatTemplate } from "../chat/chat_template.ts";
import type { ModelCard } from "../core/inference_service.ts";
import { fileTypeName, ggmlType } from "./ggml_type.ts";
import { type GgufTensor, type GgufValue, readGguf } from "./gguf.ts";
import { type CheckedGguf, checkGguf, otherParts } from "./gguf_check.ts";
import { tensorElements } from "./gguf_check_tensors.ts";
import { modelAliases, modelId } from "./model_names.ts";

/** What the user decided about a model. */
export interface DescribeOptions {
  /** Name to list the model under. */
  alias?: string;
  /** Jinja source instead of the file's own template. */
  chatTemplate?: string;
}

/** Bytes of the file's beginning that go into its digest. */
const DIGEST_BYTES = 1024 * 1024;
/** Longest array that a card keeps, as Ollama's `/api/show` does. */
const CARD_ARRAY_LENGTH = 5;

/** What a model's own file tells: a card without names. */
export type ModelFacts = Omit<ModelCard, "id" | "aliases" | "stored">;

/**
 * Checks a model file and describes it.
 * @param checked what a check of this file has found already
 * @throws ModelFileError when the file cannot be used
 * @throws ServerError `not_supported` when `options.chatTemplate` does not parse
 */
export async function describeModel(
  path: string,
  options: DescribeOptions = {},
  checked: CheckedGguf = checkGguf(resolve(path)),
): Promise<ModelCard> {
  const absolute = resolve(path);
  const { header, tensors, totalSize } = checked;
  return {
    id: modelId(absolute, options.alias),
    aliases: modelAliases(absolute, options.alias),
    ...await factsOf({ path: absolute, metadata: header.metadata, tensors, size: totalSize }, options),
  };
}

/**
 * Describes a model file without checking whether it can be loaded: faster, for lists.
 * @throws ModelFileError when the header cannot be read
 */
export async function readFacts(path: string): Promise<ModelFacts> {
  const options = { maxArrayLength: CARD_ARRAY_LENGTH };
  const header = readGguf(path, options);
  const others = otherParts(path, header).map((part) => readGguf(part, options));
  const headers = [header, ...others];
  return await factsOf({
    path,
    metadata: header.metadata,
    tensors: headers.flatMap(({ tensors }) => tensors),
    size: headers.reduce((sum, { fileSize }) => sum + fileSize, 0),
  }, {});
}

/** A file's header, and those of the other parts of a split model. */
interface ModelHeader {
  path: string;
  metadata: ReadonlyMap<string, GgufValue>;
  tensors: readonly GgufTensor[];
  /** Bytes of all files. */
  size: number;
}

async function factsOf(
  { path, metadata, tensors, size }: ModelHeader,
  options: DescribeOptions,
): Promise<ModelFacts> {
  const modifiedAt = (await Deno.stat(path)).mtime ?? new Date(0);
  const architecture = String(metadata.get("general.architecture"));
  const chatTemplate = options.chatTemplate ?? ownTemplate(metadata) ?? CHATML_TEMPLATE;
  const number = (key: string) => numberOf(metadata.get(`${architecture}.${key}`));
  return {
    path,
    size,
    modifiedAt,
    digest: await fileIdentity(path, size, modifiedAt),
    architecture,
    parameterCount: tensors.reduce((sum, tensor) => sum + tensorElements(tensor), 0),
    quantization: quantizationOf(metadata, tensors),
    contextLengthTrain: number("context_length"),
    embeddingLength: number("embedding_length"),
    vocabSize: vocabSize(metadata),
    capabilities: capabilitiesOf(metadata, architecture, chatTemplate, options.chatTemplate !== undefined),
    chatTemplate,
    metadata: cardMetadata(metadata, CARD_ARRAY_LENGTH),
  };
}

/**
 * Identifies a file without reading all of it: SHA-256 over its first MiB (the header, which names every tensor),
 * its size and its modification time. Not a checksum of the weights.
 * @returns 64 hexadecimal digits
 */
async function fileIdentity(path: string, size: number, modifiedAt: Date): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(64 * 1024);
  for (let done = 0; done < DIGEST_BYTES;) {
    const read = await file.read(buffer.subarray(0, Math.min(buffer.length, DIGEST_BYTES - done)));
    if (read === null) break;
    hash.update(buffer.subarray(0, read));
    done += read;
  }
  return hash.update(`\n${size}\n${modifiedAt.getTime()}`).digest("hex");
}

function ownTemplate(metadata: ReadonlyMap<string, GgufValue>): string | undefined {
  const template = metadata.get("tokenizer.chat_template");
  return typeof template === "string" && template !== "" ? template : undefined;
}

function capabilitiesOf(
  metadata: ReadonlyMap<string, GgufValue>,
  architecture: string,
  chatTemplate: string,
  mustParse: boolean,
): string[] {
  const pooling = metadata.get(`${architecture}.pooling_type`);
  const causal = metadata.get(`${architecture}.attention.causal`) !== false;
  if ((typeof pooling === "number" && pooling > 0) || !causal) return ["embedding"];
  const words = ["completion"];
  const { tools, thinking } = templateCapabilities(chatTemplate, mustParse);
  if (tools) words.push("tools");
  if (thinking) words.push("thinking");
  const has = (...keys: string[]) => keys.some((key) => metadata.has(`tokenizer.ggml.${key}_token_id`));
  if (has("fim_pre", "prefix") && has("fim_suf", "suffix")) words.push("insert");
  return words;
}

/** A user's template must parse; a file's template that does not is reported where the model is loaded for chat. */
function templateCapabilities(source: string, mustParse: boolean): { tools: boolean; thinking: boolean } {
  try {
    return new ChatTemplate(source, { bosToken: "", eosToken: "" }).capabilities;
  } catch (error) {
    if (mustParse) throw error;
    return { tools: false, thinking: false };
  }
}

/** The file's own word, else the type that holds most weights. */
function quantizationOf(metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): string {
  const fileType = metadata.get("general.file_type");
  const named = typeof fileType === "number" ? fileTypeName(fileType) : undefined;
  return named ?? commonestType(tensors);
}

function commonestType(tensors: readonly GgufTensor[]): string {
  const elements = new Map<number, number>();
  for (const tensor of tensors) {
    elements.set(tensor.type, (elements.get(tensor.type) ?? 0) + tensorElements(tensor));
  }
  const [best] = [...elements].sort((a, b) => b[1] - a[1]);
  return (best && ggmlType(best[0])?.name) ?? "unknown";
}

function vocabSize(metadata: ReadonlyMap<string, GgufValue>): number {
  const tokens = metadata.get("tokenizer.ggml.tokens");
  return typeof tokens === "object" ? tokens.length : 0;
}

function numberOf(value: GgufValue | undefined): number {
  return typeof value === "number" ? value : 0;
}

/** Plain values that survive JSON: arrays longer than `longest` are empty, integers beyond 2^53 are text. */
export function cardMetadata(
  metadata: ReadonlyMap<string, GgufValue>,
  longest: number,
): Record<string, unknown> {
  const plain = (value: GgufValue): unknown => {
    if (typeof value === "bigint") return value.toString();
    if (typeof value !== "object") return value;
    const values = value.values ?? [];
    return values.length > longest ? [] : values.map(plain);
  };
  return Object.fromEntries([...metadata].map(([key, value]) => [key, plain(value)]));
}
