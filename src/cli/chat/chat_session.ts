/**
 * A conversation in the terminal and everything that is set for it. Owns what is sent to the server; prints nothing.
 * Always holds: `messages` ends with an answer, or is empty.
 */

import type { AnswerChunk, ChatMessage } from "../api_types.ts";
import type { OllamaClient } from "../client.ts";
import type { AnswerPrinter } from "./answer_printer.ts";

/** What may be set. */
export interface SessionSettings {
  model: string;
  /** System message; undefined: the model's own. */
  system?: string;
  /** Ollama's options. */
  options: Record<string, unknown>;
  /** "json" or a schema. */
  format?: unknown;
  /** Undefined: as the model does by itself. */
  think?: boolean | string;
  keepAlive?: string;
  /** Print figures after each answer. */
  verbose: boolean;
  wordWrap: boolean;
  hideThinking: boolean;
}

/** See the module comment. */
export class ChatSession {
  readonly settings: SessionSettings;
  messages: ChatMessage[] = [];
  /** Messages that every conversation with the model begins with; the server knows them, they are not sent. */
  storedMessages: readonly ChatMessage[] = [];
  readonly #client: OllamaClient;

  constructor(client: OllamaClient, settings: SessionSettings) {
    this.#client = client;
    this.settings = settings;
  }

  /**
   * Asks, shows the answer, keeps both. An answer that the signal stops is kept as far as it came.
   * @returns the last chunk; undefined when it was stopped
   */
  async ask(
    prompt: string,
    printer: AnswerPrinter,
    signal: AbortSignal,
  ): Promise<AnswerChunk | undefined> {
    const question: ChatMessage = { role: "user", content: prompt };
    const answer: ChatMessage = { role: "assistant", content: "" };
    let last: AnswerChunk | undefined;
    try {
      const chunks = this.#client.stream<AnswerChunk>(
        "/api/chat",
        this.#chatBody(question),
        signal,
      );
      for await (const chunk of chunks) {
        printer.thinking(chunk.message?.thinking ?? "");
        printer.text(chunk.message?.content ?? "");
        answer.content += chunk.message?.content ?? "";
        if (chunk.done) last = chunk;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      printer.finish();
    }
    if (answer.content !== "" || last !== undefined) {
      this.messages.push(question, answer);
    }
    return last;
  }

  /** Answers one prompt, outside of the conversation. */
  async complete(
    prompt: string,
    printer: AnswerPrinter,
  ): Promise<AnswerChunk | undefined> {
    let last: AnswerChunk | undefined;
    const { system } = this.settings;
    const body = {
      ...this.#commonBody(),
      prompt,
      ...(system === undefined ? {} : { system }),
    };
    for await (
      const chunk of this.#client.stream<AnswerChunk>("/api/generate", body)
    ) {
      printer.thinking(chunk.thinking ?? "");
      printer.text(chunk.response ?? "");
      if (chunk.done) last = chunk;
    }
    printer.finish();
    return last;
  }

  /** Brings the model into memory. */
  async load(): Promise<void> {
    const { model, keepAlive, options } = this.settings;
    await this.#client.post("/api/generate", {
      model,
      options,
      ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }),
    });
  }

  /** The body of `/api/create` that makes a model of this conversation. */
  saveBody(name: string): Record<string, unknown> {
    const { model, system, options } = this.settings;
    const messages = [...this.storedMessages, ...this.messages];
    return {
      model: name,
      from: model,
      ...(system === undefined ? {} : { system }),
      ...(Object.keys(options).length > 0 ? { parameters: options } : {}),
      ...(messages.length > 0 ? { messages: messages.map(({ role, content }) => ({ role, content })) } : {}),
    };
  }

  #chatBody(question: ChatMessage): Record<string, unknown> {
    const { system } = this.settings;
    const first = system === undefined ? [] : [{ role: "system", content: system }];
    return {
      ...this.#commonBody(),
      messages: [...first, ...this.messages, question],
    };
  }

  #commonBody(): Record<string, unknown> {
    const { model, options, format, think, keepAlive } = this.settings;
    return {
      model,
      options,
      ...(format === undefined ? {} : { format }),
      ...(think === undefined ? {} : { think }),
      ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }),
    };
  }
}
