/**
 * One generation under way: what the engine tells of it becomes events. Tokens to text, text to reasoning, content and
 * calls, and at the end the counts.
 */

import type { AnswerFormat } from "../chat/formats/answer_format.ts";
import type { GeneratedLogprob, GenerateEvent, RotationReport, TextEvent } from "../core/generate_event.ts";
import type { CacheReport } from "../core/cache_report.ts";
import type { GenerateRequest } from "../core/generate_request.ts";
import { ServerError } from "../core/server_error.ts";
import type { EngineJob, EngineResult } from "../engine/sequence.ts";
import { AnswerEvents } from "./answer_events.ts";
import { type AnswerSetup, setUpAnswer } from "./answer_setup.ts";
import { AnswerText } from "./answer_text.ts";
import { messageAt } from "./cache_position.ts";
import { EventChannel } from "./event_channel.ts";
import type { ModelRuntime, TokenCodec } from "./model_runtime.ts";
import { fitPrompt, type FittedPrompt } from "./prompt_fitting.ts";

/** See the module comment. */
export class Generation {
  /** What comes out. */
  readonly channel = new EventChannel<GenerateEvent>();
  readonly #request: GenerateRequest;
  readonly #codec: TokenCodec;
  readonly #prompt: FittedPrompt;
  readonly #setup: AnswerSetup;
  readonly #text: AnswerText;
  /** Null: the text is the answer. */
  readonly #events: AnswerEvents | null;
  readonly #completion: number[] = [];
  /** Tokens that no event has carried yet. */
  #unreported: number[] = [];
  /** `request.endsAfter` has ended the answer. */
  #limited = false;
  /** The answer's content so far, where it is to be checked. */
  #content = "";
  /** Log-probabilities of the prompt's tokens so far, where they were asked for. */
  readonly #scored: GeneratedLogprob[] | null;
  readonly #arrivedAt: number;
  readonly #tokenizeMs: number;

  /** @throws ServerError when the prompt does not fit, or template, tools or format refuse it */
  static async start(
    request: GenerateRequest,
    model: ModelRuntime,
    format: AnswerFormat,
  ): Promise<Generation> {
    const arrivedAt = performance.now();
    const prompt = await fitPrompt(request, model, model.engine.nCtx);
    return new Generation(request, prompt, model, format, arrivedAt);
  }

  private constructor(
    request: GenerateRequest,
    prompt: FittedPrompt,
    model: ModelRuntime,
    format: AnswerFormat,
    arrivedAt: number,
  ) {
    this.#arrivedAt = arrivedAt;
    this.#request = request;
    this.#codec = model.codec;
    this.#prompt = prompt;
    this.#setup = setUpAnswer(request, this.#prompt.text, format, model.codec);
    this.#text = new AnswerText([...request.stop, ...this.#setup.stops]);
    this.#events = this.#setup.parser && new AnswerEvents(this.#setup.parser);
    this.#scored = request.promptLogprobs && request.logprobs !== undefined ? [this.#firstToken()] : null;
    this.#tokenizeMs = performance.now() - this.#arrivedAt;
  }

  /** What the engine is to do. */
  job(): EngineJob {
    const { overflow, logprobs, cachePrompt, reportProgress, slot, postSampling, follows } = this.#request;
    const { tokens } = this.#prompt;
    return {
      ...this.#work(),
      overflow,
      nKeep: this.#tokensToKeep(),
      logprobs,
      cachePrompt,
      ...(slot === undefined ? {} : { slot }),
      ...(follows ? { follows } : {}),
      ...(postSampling ? { postSampling } : {}),
      onAccepted: () => {
        this.channel.push({ type: "start", promptTokens: tokens.length, rotation: this.#rotation(0) });
        if (this.#scored?.length === tokens.length) this.#tellPrompt(this.#scored);
      },
      ...(reportProgress
        ? {
          onProgress: (cached, computed, ms) => {
            this.channel.push({ type: "progress", total: tokens.length, cached, computed, ms });
          },
        }
        : {}),
      onToken: (token, logprob) => {
        if (this.#scored !== null && this.#scored.length < tokens.length) return this.#score(logprob);
        this.#completion.push(token);
        if (this.#request.reportTokens) this.#unreported.push(token);
        this.#take(this.#text.push(this.#bytes(token), logprob));
        return this.#limited || this.#text.stopString !== undefined;
      },
    };
  }

  /**
   * The engine is done: the rest of the answer and its counts.
   * @throws ServerError `internal` when the answer does not satisfy its schema
   */
  finish(result: EngineResult): void {
    const scored = this.#promptTokensGenerated();
    this.#takeRest(this.#text.end());
    // An answer that was cut cannot be complete, and says so itself.
    const finishReason = this.#finishReason(result);
    if (finishReason !== "length" && !this.#events?.calls) this.#setup.check?.(this.#content);
    const stopString = this.#stopString;
    this.channel.push({
      type: "done",
      finishReason,
      ...(stopString === undefined ? {} : { stopString }),
      usage: {
        promptTokens: this.#prompt.tokens.length,
        cachedTokens: result.cachedTokens,
        completionTokens: result.completionTokens - scored,
        reasoningTokens: this.#events?.reasoningTokens ?? 0,
      },
      rotation: this.#rotation(result.shiftedTokens),
      timings: {
        queueMs: result.queueMs,
        tokenizeMs: this.#tokenizeMs,
        prefillMs: result.prefillMs,
        decodeMs: result.decodeMs,
        totalMs: performance.now() - this.#arrivedAt,
      },
      tokens: { prompt: Array.from(this.#prompt.tokens), completion: this.#completion },
      slot: result.slot,
      ...(this.#request.explainCache && result.cache ? { cache: this.#explained(result.cache) } : {}),
      ...(result.endToken === undefined ? {} : { endToken: result.endToken }),
    });
    this.channel.end();
  }

  /** Where the prompt's tokens are scored, all but the first one are generated as if chosen. */
  #work(): Pick<EngineJob, "prompt" | "sampling" | "maxTokens"> {
    const { maxTokens } = this.#request;
    const { tokens } = this.#prompt;
    const { sampling } = this.#setup;
    if (this.#scored === null) return { prompt: tokens, sampling, maxTokens };
    const forced = Array.from(tokens.subarray(1));
    return {
      prompt: tokens.slice(0, 1),
      sampling: { ...sampling, forced },
      maxTokens: maxTokens < 0 ? maxTokens : maxTokens + forced.length,
    };
  }

  /** Takes the log-probability of the prompt's next token; with the last one the prompt is told of. */
  #score(logprob: GeneratedLogprob | undefined): boolean {
    if (logprob) this.#scored?.push(logprob);
    if (this.#scored?.length === this.#prompt.tokens.length) this.#tellPrompt(this.#scored);
    return false;
  }

  #tellPrompt(logprobs: readonly GeneratedLogprob[]): void {
    this.channel.push({ type: "text", text: this.#codec.decode(this.#prompt.tokens), logprobs });
  }

  /** Tokens generated as part of the prompt. */
  #promptTokensGenerated(): number {
    if (this.#scored === null) return 0;
    const { length } = this.#prompt.tokens;
    if (this.#scored.length === length) return length - 1;
    throw new ServerError(
      "not_supported",
      "Cannot give log-probabilities of a prompt that holds an end-of-generation token",
      { field: "prompt" },
    );
  }

  /** The answer ends here with a fault. */
  fail(error: unknown): void {
    this.channel.fail(ServerError.from(error));
  }

  /** Nothing has predicted the first token of a prompt. */
  #firstToken(): GeneratedLogprob {
    const token = this.#prompt.tokens[0] ?? 0;
    const bytes = this.#codec.pieceBytes(token);
    return { token, text: new TextDecoder().decode(bytes), bytes: [...bytes], logprob: NaN, top: [] };
  }

  #take(event: TextEvent | undefined): void {
    if (this.#events === null) {
      if (event) this.#emit(event);
    } else {
      for (const part of this.#events.push(event)) this.#emit(part);
    }
  }

  #takeRest(event: TextEvent | undefined): void {
    if (this.#events !== null) {
      for (const part of this.#events.end(event)) this.#emit(part);
    } else if (event) this.#emit(event);
    if (this.#unreported.length > 0) this.#emit({ type: "text", text: "" });
  }

  /** Sends a piece of the answer, with the tokens that are due. */
  #emit(event: GenerateEvent): void {
    if (event.type !== "text") return this.channel.push(event);
    if (this.#setup.check) this.#content += event.text;
    const tokens = this.#unreported;
    if (tokens.length > 0) this.#unreported = [];
    this.channel.push(tokens.length > 0 ? { ...event, tokens } : event);
    if (this.#request.endsAfter?.(event.text)) this.#limited = true;
  }

  /** Control tokens that the wire format knows are text here; all others are nothing. */
  #bytes(token: number): Uint8Array {
    return this.#setup.visible.has(token)
      ? this.#codec.specialPieceBytes(token)
      : this.#codec.pieceBytes(token);
  }

  /** A stop string of the request; one of the wire format ends the answer without a word. */
  get #stopString(): string | undefined {
    const { stopString } = this.#text;
    return stopString !== undefined && this.#request.stop.includes(stopString) ? stopString : undefined;
  }

  #finishReason(result: EngineResult): "stop" | "length" | "tool_calls" {
    const byText = this.#text.stopString !== undefined;
    const reason = byText ? "stop" : this.#limited ? "length" : result.finishReason;
    const complete = reason === "stop" && this.#stopString === undefined;
    return complete && this.#events !== null && this.#events.calls > 0 ? "tool_calls" : reason;
  }

  /** As in llama-server: -1 keeps the prompt, and a BOS that the tokenizer adds is kept on top of what was asked for. */
  #tokensToKeep(): number {
    const { nKeep } = this.#request;
    return (nKeep < 0 ? this.#prompt.tokens.length : nKeep) + (this.#codec.addBos ? 1 : 0);
  }

  /** The engine's report with the message it is about. */
  #explained(report: CacheReport): CacheReport {
    const { prompt } = this.#request;
    if (report.firstMiss === undefined || prompt.kind !== "chat") return report;
    const message = messageAt(report.firstMiss, this.#prompt, prompt.messages, this.#codec);
    return message === undefined ? report : { ...report, message };
  }

  #rotation(generatedTokensDropped: number): RotationReport {
    const { messagesDropped, tokensDropped } = this.#prompt;
    return { messagesDropped, promptTokensDropped: tokensDropped, generatedTokensDropped };
  }
}
