/**
 * Making a model: weights from a model or from files, other layers over those that it had, a config that describes
 * it. Nothing has a name before everything is in the store; what a failure leaves are blobs without a name, which
 * are pruned later.
 */

import { ChatTemplate } from "../../chat/chat_template.ts";
import type { CreateModelRequest, ModelProgress } from "../../core/model_manager.ts";
import { parameterSize } from "../../core/parameter_size.ts";
import { ServerError } from "../../core/server_error.ts";
import { type ModelFacts, readFacts } from "../model_card.ts";
import { displayModelName, isRemote, type ModelName, parseModelName } from "../ollama_name.ts";
import { checkQuantizable, quantizationType } from "../quantize.ts";
import { isGoTemplate } from "../sources/stored_content.ts";
import { digestOfFile } from "../store/digest.ts";
import { freeBytes } from "../store/free_bytes.ts";
import { CONFIG_TYPE, encodeManifest, type LayerKind, layerKind, layerType } from "../store/manifest.ts";
import type { ModelStore } from "../store/model_store.ts";
import {
  type BaseLayers,
  type KnownModel,
  layersOfBlobs,
  layersOfModel,
  type NewLayer,
} from "./base_layers.ts";

/** A disk with less room than this, in bytes, is why a write failed. */
const FULL_BYTES = 256 * 1024;

/** What a creation works with. */
export interface CreateContext {
  store: ModelStore;
  /** The model of a name, for `from`. */
  find(name: string): Promise<KnownModel | undefined>;
  /** Writes a quantized copy. */
  quantize(input: string, output: string, type: string): Promise<void>;
}

/** Makes a model. @throws ServerError `bad_request` when the request cannot be met, `model_not_found` for `from` */
export async function* createModel(
  request: CreateModelRequest,
  context: CreateContext,
  signal: AbortSignal,
): AsyncGenerator<ModelProgress, void, undefined> {
  const name = parseModelName(request.name);
  const quantization = checkRequest(request, name);
  const { store } = context;
  const base = yield* baseLayers(request, context, signal);
  const parameters = await oldParameters(store, base.layers);
  const layers = withoutReplaced(base.layers, request);
  using pins = new DisposableStack();
  for (const { digest } of layers) pins.use(store.pin(digest));
  if (request.adapters) layers.push(...layersOfBlobs(store, request.adapters, "adapter"));
  let model = onlyModel(layers);
  let facts = await readFacts(store.blobPath(model.digest));
  if (quantization !== undefined && quantization !== facts.quantization) {
    checkQuantizable(facts.quantization);
    yield { status: `quantizing ${facts.quantization} model to ${quantization}` };
    const quantized = await quantizedLayer(model, quantization, context, signal);
    pins.use(store.pin(quantized.digest));
    layers[layers.indexOf(model)] = quantized;
    model = quantized;
    facts = await readFacts(store.blobPath(model.digest));
  }
  for (const [kind, bytes] of textLayers(request, parameters)) {
    const { digest, created } = await store.putBytes(bytes);
    pins.use(store.pin(digest));
    layers.push({ mediaType: layerType(kind), digest, size: bytes.length, created });
  }
  for (const { digest, created } of layers) {
    yield { status: `${created ? "creating new" : "using existing"} layer ${digest}` };
  }
  signal.throwIfAborted();
  const config = configOf(facts, layers, base.config ?? {});
  const { digest } = await store.putBytes(config);
  pins.use(store.pin(digest));
  yield { status: "writing manifest" };
  const descriptors = layers.map(({ created: _created, ...descriptor }) => descriptor);
  await store.writeManifest(
    name,
    encodeManifest({ mediaType: CONFIG_TYPE, digest, size: config.length }, descriptors),
  );
  yield { status: "success" };
}

/** What can be said before anything is done. @returns the quantization wanted */
function checkRequest(request: CreateModelRequest, name: ModelName): string | undefined {
  if (isRemote(name)) {
    throw new ServerError(
      "bad_request",
      `Cannot create "${displayModelName(name)}": the tag is Ollama's cloud's`,
      {
        field: "model",
      },
    );
  }
  if (!request.from && Object.keys(request.files ?? {}).length === 0) {
    throw new ServerError("bad_request", "neither 'from' or 'files' was specified", { field: "from" });
  }
  const { template } = request;
  if (template && !isGoTemplate(template)) checkTemplate(template);
  return request.quantize ? quantizationType(request.quantize) : undefined;
}

function checkTemplate(template: string): void {
  try {
    new ChatTemplate(template, { bosToken: "", eosToken: "" });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServerError("bad_request", `template: ${reason}`, { field: "template", cause });
  }
}

async function* baseLayers(
  request: CreateModelRequest,
  context: CreateContext,
  signal: AbortSignal,
): AsyncGenerator<ModelProgress, BaseLayers, undefined> {
  if (request.from) {
    const known = await context.find(request.from);
    if (known === undefined) {
      throw new ServerError("model_not_found", `model '${request.from}' not found`, { field: "from" });
    }
    return yield* layersOfModel(context.store, known, signal);
  }
  yield { status: "parsing GGUF" };
  return { layers: layersOfBlobs(context.store, request.files ?? {}) };
}

/** Layers of the base that the request does not replace. */
function withoutReplaced(layers: readonly NewLayer[], request: CreateModelRequest): NewLayer[] {
  const replaced = new Set<string>();
  if (request.template) replaced.add("template").add("prompt");
  if (request.system) replaced.add("system");
  if (request.messages && request.messages.length > 0) replaced.add("messages");
  if (hasParameters(request)) replaced.add("params");
  return layers.filter((layer) => !replaced.has(layerKind(layer) ?? ""));
}

function hasParameters({ parameters }: CreateModelRequest): boolean {
  return parameters !== undefined && Object.keys(parameters).length > 0;
}

function onlyModel(layers: readonly NewLayer[]): NewLayer {
  const [model, second] = layers.filter((layer) => layerKind(layer) === "model");
  if (model === undefined) {
    throw new ServerError(
      "bad_request",
      "Cannot create the model: none of the files holds a model's weights",
      {
        field: "files",
      },
    );
  }
  if (second !== undefined) {
    throw new ServerError("bad_request", "Cannot create the model: only one file may hold its weights", {
      field: "files",
    });
  }
  return model;
}

async function quantizedLayer(
  model: NewLayer,
  type: string,
  { store, quantize }: CreateContext,
  signal: AbortSignal,
): Promise<NewLayer> {
  const temporary = await store.temporaryPath();
  try {
    await quantize(store.blobPath(model.digest), temporary, type);
    const { size } = await Deno.stat(temporary);
    const digest = await digestOfFile(temporary, signal);
    const created = store.blobSize(digest) === undefined;
    await store.adopt(digest, temporary);
    const { from } = model;
    return { mediaType: layerType("model"), digest, size, created, ...(from === undefined ? {} : { from }) };
  } catch (error) {
    // libllama does not say why it could not write. What it wrote is still there.
    const free = await freeBytes(store.blobFolder);
    await Deno.remove(temporary).catch(() => {});
    if (free === undefined || free >= FULL_BYTES) throw error;
    throw new ServerError("unavailable", "Cannot quantize: the disk is full", { cause: error });
  }
}

/** Parameters of the base: those that the request does not name stay. */
async function oldParameters(
  store: ModelStore,
  layers: readonly NewLayer[],
): Promise<Record<string, unknown>> {
  const layer = layers.find((each) => layerKind(each) === "params");
  if (layer === undefined) return {};
  const value: unknown = JSON.parse(await Deno.readTextFile(store.blobPath(layer.digest)));
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

/** Layers that the request brings, as bytes. */
function textLayers(
  request: CreateModelRequest,
  old: Record<string, unknown>,
): [LayerKind, Uint8Array<ArrayBuffer>][] {
  const layers: [LayerKind, string][] = [];
  const { template, system, licenses = [], messages = [], parameters } = request;
  if (template) layers.push(["template", template]);
  if (system) layers.push(["system", system]);
  for (const license of licenses) if (license !== "") layers.push(["license", license]);
  if (hasParameters(request)) layers.push(["params", JSON.stringify({ ...old, ...parameters })]);
  if (messages.length > 0) layers.push(["messages", JSON.stringify(messages)]);
  return layers.map(([kind, text]) => [kind, new TextEncoder().encode(text)]);
}

/** The config blob: what Ollama lists a model by. Members of the base that we do not know are kept. */
function configOf(
  facts: ModelFacts,
  layers: readonly NewLayer[],
  base: Readonly<Record<string, unknown>>,
): Uint8Array<ArrayBuffer> {
  const families = [facts.architecture];
  if (layers.some((layer) => layerKind(layer) === "projector")) families.push("clip");
  const config = {
    ...base,
    model_format: "gguf",
    model_family: facts.architecture,
    model_families: families,
    model_type: parameterSize(facts.parameterCount),
    file_type: facts.quantization,
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  };
  return new TextEncoder().encode(JSON.stringify(config));
}
