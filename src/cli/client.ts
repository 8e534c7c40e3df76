/**
 * Ollama's HTTP API as its commands need it: requests with JSON, answers with JSON or with lines of JSON. Knows
 * nothing of the network: `Ask` takes requests to a running server, or to an application in this process.
 */

import { jsonLines } from "./json_lines.ts";

/** Takes a request to the server. `path` begins with a slash. */
export type Ask = (path: string, init: RequestInit) => Promise<Response>;

/** The server refused; the message is its own. */
export class ApiError extends Error {
  constructor(message: string, readonly status: number) {
    super(message);
  }
}

/** See the module comment. Every method @throws ApiError when the server refuses. */
export class OllamaClient {
  readonly #ask: Ask;
  readonly #headers: Record<string, string>;

  /** @param apiKey for servers that want one */
  constructor(ask: Ask, apiKey?: string) {
    this.#ask = ask;
    this.#headers = apiKey ? { authorization: `Bearer ${apiKey}` } : {};
  }

  async get<T>(path: string): Promise<T> {
    const response = await this.#checked(path, { method: "GET" });
    return await response.json() as T;
  }

  /** Sends JSON; the answer may be empty. */
  async send<T = unknown>(
    method: "POST" | "DELETE",
    path: string,
    body: unknown,
  ): Promise<T | undefined> {
    const text = await (await this.#checked(path, this.#json(method, body)))
      .text();
    return text === "" ? undefined : JSON.parse(text) as T;
  }

  /** As `send()`, where an answer is always given. */
  async post<T>(path: string, body: unknown): Promise<T> {
    const answer = await this.send<T>("POST", path, body);
    if (answer === undefined) {
      throw new ApiError(`${path}: the server's answer is empty`, 200);
    }
    return answer;
  }

  /** Sends JSON; yields the lines of the answer. An error in the middle is thrown as well. */
  async *stream<T extends object>(
    path: string,
    body: unknown,
    signal?: AbortSignal,
  ): AsyncGenerator<T> {
    const response = await this.#checked(path, {
      ...this.#json("POST", body),
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.body === null) return;
    for await (const line of jsonLines(response.body)) {
      const { error } = line as { error?: unknown };
      if (error !== undefined && error !== null) {
        throw new ApiError(String(error), response.status);
      }
      yield line as T;
    }
  }

  /** Whether a blob is there. */
  async hasBlob(digest: string): Promise<boolean> {
    const response = await this.#ask(`/api/blobs/${digest}`, {
      method: "HEAD",
      headers: this.#headers,
    });
    await response.body?.cancel();
    if (response.status === 404) return false;
    if (!response.ok) {
      throw new ApiError(
        `Cannot look for blob ${digest}: status ${response.status}`,
        response.status,
      );
    }
    return true;
  }

  /** Uploads a blob. */
  async putBlob(
    digest: string,
    content: ReadableStream<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    const response = await this.#checked(`/api/blobs/${digest}`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: content,
    });
    await response.body?.cancel();
  }

  #json(method: string, body: unknown): RequestInit {
    return {
      method,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    };
  }

  async #checked(path: string, init: RequestInit): Promise<Response> {
    const headers = {
      ...this.#headers,
      ...init.headers as Record<string, string> | undefined,
    };
    const response = await this.#ask(path, { ...init, headers });
    if (response.ok) return response;
    throw new ApiError(
      errorText(await response.text()) ?? `${path}: status ${response.status}`,
      response.status,
    );
  }
}

/** The message of an error's body; undefined when it has none. */
function errorText(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    if (typeof error === "string") return error;
    const { message } = error as { message?: unknown };
    return typeof message === "string" ? message : undefined;
  } catch {
    return body.trim() || undefined;
  }
}
