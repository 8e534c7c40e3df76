/**
 * The server's inference side as protocols see it: finds the model that a request names, has it loaded, and hands out
 * sessions on it. Owns the model in memory through its `ModelHost`.
 *
 * Always true: using the model that is in memory waits for nothing but a microtask. What engines count goes on rising
 * when models are exchanged.
 */

import { basename } from "node:path";
import type { AnswerFormat } from "../chat/formats/answer_format.ts";
import type {
  InferenceService,
  LoadedModel,
  ModelCard,
  ModelLease,
  ServiceState,
  UseOptions,
} from "../core/inference_service.ts";
import { ServerError } from "../core/server_error.ts";
import type { ServiceStatus } from "../core/service_status.ts";
import { EngineMetrics } from "../engine/engine_metrics.ts";
import { DEFAULT_MODEL_NAME, matchesModel } from "../models/model_names.ts";
import { type HostCounters, ModelHost } from "./model_host.ts";
import { disposeRuntime, type ModelRuntime } from "./model_runtime.ts";
import { RuntimeSession, type SessionOptions } from "./runtime_session.ts";
import type { SwapTimes } from "./swap_policy.ts";

/** Where other models than the first come from. Without it there are none. */
export interface ModelSupply {
  /** The model of a name; undefined when there is none. */
  resolve(name: string): Promise<ModelCard | undefined>;
  /**
   * @param isFirst it is the model that the server was started with
   * @param metrics its engine counts into this
   * @throws ServerError when it cannot be loaded
   */
  load(card: ModelCard, isFirst: boolean, metrics: EngineMetrics): Promise<ModelRuntime>;
  /**
   * Refuses a model that does not fit into memory.
   * @param freedBytes bytes that removing the present model gives back
   * @throws ServerError `not_supported` with the numbers
   */
  check?(card: ModelCard, freedBytes: number): Promise<void>;
}

/** What may be set for all requests. */
export interface PipelineOptions extends SessionOptions {
  models?: ModelSupply;
  /** Requests that may wait for a model to be loaded; default 64. */
  maxQueue?: number;
  /** Milliseconds that an idle model stays in memory, but for the first one; default five minutes. */
  keepAlive?: number;
  swapTimes?: SwapTimes;
}

/** As Ollama's. */
const KEEP_ALIVE_MS = 5 * 60_000;

const MAX_QUEUE = 64;

/** Milliseconds for which a name means the same model without looking again. */
const NAME_MS = 2000;

/** Names that are remembered at most. */
const MAX_NAMES = 1000;

/** However it is written, it means the loaded model. */
const DEFAULT_NAME = new RegExp(`^${DEFAULT_MODEL_NAME}(:latest)?$`, "i");

/** A model in memory, with a session for each of the cards that share its weights. */
class Resident implements AsyncDisposable {
  readonly runtime: ModelRuntime;
  readonly #options: SessionOptions;
  readonly #format: AnswerFormat | undefined;
  readonly #onEnd: (last: ServiceStatus) => void;
  readonly #sessions = new Map<string, RuntimeSession>();

  /** @param onEnd told what the engine had done, when the model leaves memory */
  constructor(
    runtime: ModelRuntime,
    options: SessionOptions,
    onEnd: (last: ServiceStatus) => void,
    format?: AnswerFormat,
  ) {
    this.runtime = runtime;
    this.#onEnd = onEnd;
    this.#options = options;
    this.#format = format;
  }

  /** The session of a card. Sessions hold nothing but what the card says. */
  session(card: ModelCard): RuntimeSession {
    const key = `${card.digest} ${card.id}`;
    let session = this.#sessions.get(key);
    if (session === undefined) {
      session = new RuntimeSession(this.#runtimeFor(card), this.#options, this.#format);
      this.#sessions.set(key, session);
    }
    return session;
  }

  #runtimeFor(card: ModelCard): ModelRuntime {
    const { runtime } = this;
    if (card === runtime.card) return runtime;
    const { template, templateOf } = runtime;
    const same = card.chatTemplate === runtime.card.chatTemplate || templateOf === undefined;
    return { ...runtime, card, template: same ? template : templateOf(card.chatTemplate) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#onEnd(this.runtime.engine.status);
    await disposeRuntime(this.runtime);
  }
}

/** See the module comment. */
export class InferencePipeline implements InferenceService, AsyncDisposable {
  readonly #state: ServiceState = { ready: false, progress: 0 };
  readonly #options: PipelineOptions;
  readonly #host: ModelHost<Resident>;
  readonly #names = new Map<string, { card: ModelCard; until: number }>();
  /** The model that the server was started with. */
  #first: ModelCard | undefined;
  #lastStatus: ServiceStatus | undefined;
  /** What the engines of all models count into, the first one's too. */
  readonly metrics = new EngineMetrics();
  readonly #nCtx: number;

  /** @param nCtx context size to report while no model is loaded, in tokens */
  constructor(nCtx: number, options: PipelineOptions = {}) {
    const { maxQueue = MAX_QUEUE, keepAlive = KEEP_ALIVE_MS, swapTimes } = options;
    this.#nCtx = nCtx;
    this.#options = options;
    this.#host = new ModelHost<Resident>({
      keyOf: (card) => card === this.#first ? FIRST_KEY : weightsKey(card),
      load: (card) => this.#load(card),
      check: async (card, loaded) =>
        await this.#options.models?.check?.(card, loaded?.runtime.takenBytes ?? 0),
      maxQueue,
      keepAlive,
      ...(swapTimes === undefined ? {} : { times: swapTimes }),
    });
  }

  get state(): Readonly<ServiceState> {
    return this.#state;
  }

  get nCtx(): number {
    return this.#host.loaded?.model.runtime.engine.nCtx ?? this.#nCtx;
  }

  /** How often models were loaded on demand. */
  get swaps(): Readonly<HostCounters> {
    return this.#host.counters;
  }

  /** Reports how far loading the first model is, 0 to 1. */
  setProgress(fraction: number): void {
    this.#state.progress = fraction;
  }

  /** Loading the first model failed: every request is told why. */
  setFailed(message: string): void {
    this.#state.error = message;
  }

  /**
   * The first model is loaded: requests are answered from now on.
   * @param format how the model writes reasoning and calls; by default its template tells
   * @param loadMs how long loading it took
   */
  setRuntime(runtime: ModelRuntime, format?: AnswerFormat, loadMs = 0): void {
    this.#first = runtime.card;
    this.#host.adopt(runtime.card, this.#resident(runtime, format), loadMs);
    this.#state.ready = true;
    this.#state.progress = 1;
  }

  status(): ServiceStatus | undefined {
    return this.#host.loaded?.model.runtime.engine.status ?? this.#lastStatus;
  }

  models(): readonly ModelCard[] {
    const cards = [this.#first, this.#host.current];
    return [...new Set(cards.filter((card) => card !== undefined))];
  }

  loaded(): readonly LoadedModel[] {
    const { loaded } = this.#host;
    if (loaded === undefined) return [];
    const { card, model: { runtime }, loadedAt, expiresAt } = loaded;
    return [{ card, loadedAt, expiresAt, nCtx: runtime.engine.nCtx, size: runtime.size ?? card.size }];
  }

  async find(name: string | undefined): Promise<ModelCard> {
    const known = this.#known(name);
    if (known !== undefined) return known;
    const found = name ? await this.#options.models?.resolve(name) : undefined;
    if (found === undefined || name === undefined) {
      this.#requireReady();
      throw new ServerError("model_not_found", `model '${name}' not found`, { field: "model" });
    }
    const card = this.#asFirst(found);
    if (this.#names.size >= MAX_NAMES) this.#names.clear();
    this.#names.set(name, { card, until: performance.now() + NAME_MS });
    return card;
  }

  async use(name: string | undefined, options: UseOptions, signal: AbortSignal): Promise<ModelLease> {
    const card = this.#known(name) ?? await this.find(name);
    this.#requireReady();
    const lease = await this.#host.use(card, options.keepAlive, signal);
    try {
      const session = lease.model.session(card);
      return { session, [Symbol.dispose]: () => lease[Symbol.dispose]() };
    } catch (error) {
      lease[Symbol.dispose]();
      throw error;
    }
  }

  async unload(card: ModelCard): Promise<void> {
    await this.#host.unload(this.#asFirst(card));
  }

  refresh(): void {
    this.#names.clear();
  }

  /** Ends every running request with an error; resolves when the engine's running step has ended. */
  async interrupt(error: ServerError): Promise<void> {
    await this.#host.loaded?.model.runtime.engine.interrupt(error);
  }

  /** Ends all requests and frees the model. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state.ready = false;
    await this.#host[Symbol.asyncDispose]();
  }

  /** The model of a name where that needs no look at the disk. */
  #known(name: string | undefined): ModelCard | undefined {
    if (!name || DEFAULT_NAME.test(name)) return this.#host.current ?? this.#first;
    if (this.#first !== undefined && matchesModel(name, this.#first)) return this.#first;
    const entry = this.#names.get(name);
    return entry !== undefined && performance.now() < entry.until ? entry.card : undefined;
  }

  /** The first model under whatever name it is found: it has been loaded with the operator's own settings. */
  #asFirst(card: ModelCard): ModelCard {
    const first = this.#first;
    return first !== undefined && card.path === first.path && card.digest === first.digest ? first : card;
  }

  async #load(card: ModelCard): Promise<Resident> {
    const { models } = this.#options;
    if (models === undefined) throw new ServerError("not_supported", `Cannot load model '${card.id}' again`);
    const runtime = await models.load(card, card === this.#first, this.metrics);
    return this.#resident({ ...runtime, card });
  }

  #resident(runtime: ModelRuntime, format?: AnswerFormat): Resident {
    return new Resident(
      runtime,
      this.#options,
      (last) => {
        const nothing = { slots: [], running: 0, waiting: 0, cellsUsed: 0, cachedSequences: 0 };
        this.#lastStatus = { ...last, ...nothing };
      },
      format,
    );
  }

  #requireReady(): void {
    const { ready, error, progress } = this.#state;
    if (ready) return;
    throw new ServerError(
      "unavailable",
      error ?? `The model is loading: ${Math.floor(progress * 100)} %`,
      { retryAfter: 1 },
    );
  }
}

/** The first model has settings of its own, so nothing shares its place in memory. */
const FIRST_KEY = "first";

/** Models with one key share weights: they differ in template, system message and parameters only. */
function weightsKey({ path, digest, stored }: ModelCard): string {
  // A blob never changes under its name; of other files the digest tells whether they did.
  const version = /^sha256-[0-9a-f]{64}$/.test(basename(path)) ? "" : digest;
  return JSON.stringify([path, version, ...stored?.adapters ?? []]);
}
