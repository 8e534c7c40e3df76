/** An InferenceService without a model: answers with given pieces of text, at a given pace, or with a given fault. */

import type {
  Embedding,
  EmbeddingFacts,
  EmbedInput,
  EmbedOptions,
  Ranking,
} from "../../src/core/embedding.ts";
import type {
  FinishReason,
  GeneratedLogprob,
  GenerateEvent,
  RotationReport,
  Timings,
} from "../../src/core/generate_event.ts";
import type { ChatPrompt, GenerateRequest } from "../../src/core/generate_request.ts";
import type {
  InferenceService,
  LoadedModel,
  ModelCard,
  ModelLease,
  ModelSession,
  ServiceState,
  SpecialTokens,
  TemplateFacts,
  UseOptions,
} from "../../src/core/inference_service.ts";
import { DEFAULT_SAMPLING } from "../../src/core/sampling_params.ts";
import type { AdapterStatus, ServiceStatus, SlotTransfer } from "../../src/core/service_status.ts";
import { ServerError } from "../../src/core/server_error.ts";

/** A small chat model's card. */
export const FAKE_CARD: ModelCard = {
  id: "tiny",
  aliases: ["llama", "tiny.gguf"],
  path: "/models/tiny.gguf",
  size: 1234,
  modifiedAt: new Date("2025-01-02T03:04:05.678Z"),
  digest: "ab".repeat(32),
  architecture: "qwen2",
  parameterCount: 494_032_768,
  quantization: "Q8_0",
  contextLengthTrain: 32768,
  embeddingLength: 896,
  vocabSize: 1000,
  capabilities: ["completion", "tools", "thinking"],
  chatTemplate: "{% for m in messages %}{{ m.content }}{% endfor %}{{ tools }}",
  metadata: {
    "general.architecture": "qwen2",
    "general.name": "Tiny",
    "tokenizer.chat_template": "…",
    "qwen2.context_length": 32768,
    "qwen2.block_count": 24n,
  },
};

export const NO_ROTATION: RotationReport = {
  messagesDropped: 0,
  promptTokensDropped: 0,
  generatedTokensDropped: 0,
};

/** What the fake does; members may be changed between requests. */
export interface FakeScript {
  /** Pieces of the answer: texts, or events as they are. */
  pieces: readonly (string | GenerateEvent)[];
  finishReason: FinishReason;
  rotation: RotationReport;
  /** Requests that `check()` refuses. */
  refuses?: (request: GenerateRequest) => boolean;
  /** Thrown before `start`. */
  failBefore?: unknown;
  /** Thrown after this many pieces. */
  failAfter?: { pieces: number; error: unknown };
  /** Wait this long before each piece; Infinity waits for the abort. */
  delayMs: number;
}

export const FAKE_TIMINGS: Timings = {
  queueMs: 1,
  tokenizeMs: 2,
  prefillMs: 20,
  decodeMs: 40,
  totalMs: 63.5,
};

const HISTOGRAM = { bounds: [0.1, 1], counts: [2, 1, 1], sum: 3.5 };

/** One of two slots is busy. */
export const FAKE_STATUS: ServiceStatus = {
  parallel: 2,
  memory: { canShift: true, canSharePrefix: true, reason: "" },
  slots: [{
    slot: 1,
    task: 42,
    sampling: DEFAULT_SAMPLING,
    maxTokens: 8,
    nKeep: 0,
    logprobs: undefined,
    sequence: 0,
    state: "decode",
    promptTokens: 10,
    cachedTokens: 4,
    computedTokens: 12,
    generatedTokens: 3,
    remainingTokens: 5,
  }],
  running: 1,
  waiting: 0,
  cellsUsed: 12,
  cellsTotal: 4096,
  cachedSequences: 0,
  counters: {
    requests: 7,
    failures: 1,
    promptTokens: 60,
    cachedTokens: 40,
    generatedTokens: 30,
    promptSeconds: 2,
    generatedSeconds: 3,
    steps: 33,
    busySteps: 66,
    longestSequence: 25,
    preemptions: 0,
  },
  timeToFirstToken: HISTOGRAM,
  interTokenGap: HISTOGRAM,
  stepTime: HISTOGRAM,
};

/** Tokens are UTF-16 code units below 1000, so that texts and ids convert both ways. */
export class FakeService implements InferenceService, ModelSession {
  state: ServiceState = { ready: true, progress: 1 };
  nCtx = 4096;
  card: ModelCard = FAKE_CARD;
  readonly script: FakeScript = {
    pieces: ["Hel", "lo"],
    finishReason: "stop",
    rotation: NO_ROTATION,
    delayMs: 0,
  };
  /** Every request that came. */
  readonly requests: GenerateRequest[] = [];
  /** Milliseconds (performance.now) at which generations were left before their end. */
  readonly abortedAt: number[] = [];
  /** Generations that are running. */
  running = 0;
  /** The most that ran at once. */
  mostRunning = 0;

  /** How the model was asked for, by each request. */
  readonly uses: UseOptions[] = [];
  /** Requests that hold the model. */
  held = 0;
  /** Ids of models that were to be unloaded. */
  readonly unloaded: string[] = [];
  /** How often names were to be looked up again. */
  refreshed = 0;
  /** When the model is to leave memory. */
  expiresAt: Date | undefined;

  status(): ServiceStatus | undefined {
    return this.state.ready ? FAKE_STATUS : undefined;
  }

  engineStatus(): ServiceStatus {
    return FAKE_STATUS;
  }

  models(): readonly ModelCard[] {
    return this.state.ready ? [this.card] : [];
  }

  loaded(): readonly LoadedModel[] {
    const { card, expiresAt, nCtx } = this;
    const loadedAt = new Date("2025-02-03T04:05:06Z");
    return this.state.ready ? [{ card, loadedAt, expiresAt, nCtx, size: card.size }] : [];
  }

  async use(
    name: string | undefined,
    options: UseOptions,
    signal: AbortSignal,
  ): Promise<ModelLease> {
    signal.throwIfAborted();
    await this.find(name);
    this.uses.push(options);
    this.held++;
    let held = true;
    return {
      session: this,
      [Symbol.dispose]: () => {
        if (held) this.held--;
        held = false;
      },
    };
  }

  unload({ id }: ModelCard): Promise<void> {
    this.unloaded.push(id);
    return Promise.resolve();
  }

  refresh(): void {
    this.refreshed++;
  }

  // deno-lint-ignore require-await -- an unknown name rejects
  async find(name: string | undefined): Promise<ModelCard> {
    if (!this.state.ready) {
      throw new ServerError("unavailable", "The model is still loading", {
        retryAfter: 2,
      });
    }
    const wanted = name?.toLowerCase() ?? "";
    if (
      wanted === "" || [this.card.id, ...this.card.aliases].includes(wanted)
    ) return this.card;
    throw new ServerError("model_not_found", `unknown ${name}`);
  }

  check(request: GenerateRequest): Promise<void> {
    const { refuses } = this.script;
    return refuses?.(request) ? Promise.reject(new ServerError("validation", "refused")) : Promise.resolve();
  }

  async *generate(
    request: GenerateRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent> {
    this.requests.push(request);
    const { pieces, rotation, failBefore, failAfter, finishReason, delayMs } = this.script;
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    let whole = false;
    try {
      if (failBefore !== undefined) throw failBefore;
      const usage = { promptTokens: 10, cachedTokens: 4, completionTokens: 0 };
      yield {
        type: "start",
        promptTokens: usage.promptTokens,
        rotation: { ...rotation, generatedTokensDropped: 0 },
      };
      for (const [index, piece] of pieces.entries()) {
        if (failAfter?.pieces === index) throw failAfter.error;
        if (delayMs > 0) await delay(delayMs, signal);
        if (signal.aborted) throw new ServerError("cancelled", "aborted");
        if (typeof piece !== "string") {
          yield piece;
          if (piece.type === "done") {
            whole = true;
            return;
          }
          continue;
        }
        const logprobs = request.logprobs === undefined
          ? {}
          : { logprobs: [fakeLogprob(piece, request.logprobs)] };
        yield { type: "text", text: piece, ...logprobs };
      }
      if (failAfter?.pieces === pieces.length) throw failAfter.error;
      whole = true;
      yield {
        type: "done",
        finishReason,
        usage: {
          ...usage,
          completionTokens: pieces.length + 1,
          reasoningTokens: 0,
        },
        rotation,
        timings: FAKE_TIMINGS,
        tokens: { prompt: [1, 2], completion: [3] },
      };
    } finally {
      this.running--;
      if (!whole) this.abortedAt.push(performance.now());
    }
  }

  applyTemplate({ messages, tools }: ChatPrompt): string {
    return messages.map(({ role, content }) => `<${role}>${content}`).join("") +
      (tools.length > 0 ? "<tools>" : "");
  }

  tokenize(text: string, { addSpecial }: { addSpecial: boolean }): Int32Array {
    const ids = Array.from(
      { length: text.length },
      (_, index) => text.charCodeAt(index),
    );
    return Int32Array.from(addSpecial ? [0, ...ids] : ids);
  }

  tokenizeLater(
    text: string,
    options: { addSpecial: boolean },
  ): Promise<Int32Array> {
    return Promise.resolve(this.tokenize(text, options));
  }

  detokenize(tokens: readonly number[]): string {
    return String.fromCharCode(...tokens);
  }

  tokenBytes(token: number): Uint8Array {
    return token < 128 ? Uint8Array.of(token) : Uint8Array.of(0xc0 | (token & 63));
  }

  special: SpecialTokens = {
    bos: 0,
    eos: 1,
    addBos: true,
    fimPre: 900,
    fimSuf: 901,
    fimMid: 902,
    fimRep: 903,
    fimSep: 904,
  };

  facts: EmbeddingFacts = { pooling: "mean", maxTokens: 512 };
  /** What was asked to be embedded, and how. */
  readonly embedded: {
    inputs: readonly EmbedInput[];
    options: EmbedOptions;
  }[] = [];

  embeddingFacts(): EmbeddingFacts {
    return this.facts;
  }

  /** A vector for each input: its length, 0.5, -2. */
  embed(
    inputs: readonly EmbedInput[],
    options: EmbedOptions,
  ): Promise<readonly Embedding[]> {
    const { onAccepted, ...rest } = options;
    onAccepted?.();
    this.embedded.push({ inputs, options: rest });
    if (this.script.failBefore !== undefined) {
      return Promise.reject(this.script.failBefore);
    }
    return Promise.resolve(inputs.map(({ length }) => ({
      vectors: [Float32Array.of(length, 0.5, -2)],
      tokens: length,
    })));
  }

  /** Longer documents score higher. */
  rerank(query: string, documents: readonly string[]): Promise<Ranking> {
    if (this.script.failBefore !== undefined) {
      return Promise.reject(this.script.failBefore);
    }
    const tokens = documents.reduce(
      (sum, { length }) => sum + query.length + length,
      0,
    );
    return Promise.resolve({
      scores: documents.map(({ length }) => length - 2),
      tokens,
    });
  }

  adapterList: AdapterStatus[] = [];

  adapters(): readonly AdapterStatus[] {
    return this.adapterList;
  }

  setAdapterScales(scales: readonly number[]): Promise<void> {
    this.adapterList = this.adapterList.map((adapter, i) => ({
      ...adapter,
      scale: scales[i] ?? 0,
    }));
    return Promise.resolve();
  }

  /** Paths that slots were saved to and restored from. */
  readonly slotFiles: string[] = [];

  saveSlot(_slot: number, path: string): Promise<SlotTransfer> {
    this.slotFiles.push(path);
    return Promise.resolve({ tokens: 12, bytes: 345, ms: 6 });
  }

  restoreSlot(slot: number, path: string): Promise<SlotTransfer> {
    return this.saveSlot(slot, path);
  }

  eraseSlot(): Promise<number> {
    return Promise.resolve(12);
  }

  templateFacts(): TemplateFacts {
    return {
      tools: true,
      toolCalls: true,
      system: true,
      thinking: true,
      objectArguments: true,
      typedContent: false,
    };
  }

  specialTokens(): SpecialTokens {
    return this.special;
  }
}

function fakeLogprob(text: string, alternatives: number): GeneratedLogprob {
  const one = {
    token: 5,
    text,
    bytes: [...new TextEncoder().encode(text)],
    logprob: -0.5,
  };
  return {
    ...one,
    top: Array.from(
      { length: alternatives },
      (_, k) => ({ ...one, text: `${text}${k}` }),
    ),
  };
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = Number.isFinite(milliseconds) ? setTimeout(finish, milliseconds) : undefined;
    function finish() {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    }
    signal.addEventListener("abort", finish);
    if (signal.aborted) finish();
  });
}
