/** Contract tests talk to the application without a socket. */

import { type AppOptions, createApp } from "../../src/http/app.ts";
import { DEFAULT_SETTINGS } from "../../src/protocols/shared/settings.ts";
import { checkDocumented } from "../support/documented.ts";
import { FakeService } from "../support/fake_service.ts";

/** An application on a fake service. */
export class Harness {
  readonly service = new FakeService();
  readonly logged: string[] = [];
  readonly app: ReturnType<typeof createApp>;

  constructor(options: Partial<AppOptions> = {}) {
    this.app = createApp(this.service, {
      ...DEFAULT_SETTINGS,
      version: "1.2.3",
      logger: { error: (message) => this.logged.push(message) },
      ...options,
    });
    const { request } = this.app;
    // Every answer of a test must be one that /openapi.json tells of.
    this.app.request = async (input, init, ...rest) =>
      checkDocumented(input, init, await request(input, init, ...rest));
  }

  /** GET, or any request without a body. */
  async get(path: string, init: RequestInit = {}): Promise<Response> {
    return await this.app.request(path, init);
  }

  /** POSTs a value as JSON, or text and bytes as they are. */
  async post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    const raw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
    return await this.app.request(path, {
      method: "POST",
      ...init,
      body: raw ? body as BodyInit : JSON.stringify(body),
    });
  }

  /** POSTs and parses the JSON answer. */
  async postJson(path: string, body: unknown): Promise<{ status: number; headers: Headers; json: Json }> {
    const response = await this.post(path, body);
    return { status: response.status, headers: response.headers, json: new Json(await response.json()) };
  }
}

/** Read access to parsed JSON: `json.at("choices", 0, "text")`. */
export class Json {
  constructor(readonly value: unknown) {}

  /** The value at a path; undefined where there is none. */
  at(...path: (string | number)[]): unknown {
    return path.reduce<unknown>(
      (value, key) =>
        typeof value === "object" && value !== null
          ? (value as Record<string | number, unknown>)[key]
          : undefined,
      this.value,
    );
  }
}

/** Data of the server-sent events of a text; every event must be one `data:` line. */
export function sseData(text: string): string[] {
  const events = text.split("\n\n");
  if (events.pop() !== "") throw new Error(`stream does not end with an empty line: ${text.slice(-80)}`);
  return events.map((event) => {
    if (!event.startsWith("data: ") || event.includes("\n")) throw new Error(`not one data line: ${event}`);
    return event.slice("data: ".length);
  });
}

/** Parsed JSON of the server-sent events, `[DONE]` left out. */
export function sseJson(text: string): Json[] {
  return sseData(text).filter((data) => data !== "[DONE]").map((data) => new Json(JSON.parse(data)));
}

/** Parsed lines of NDJSON; blank lines are refused, as Go's and python's clients do. */
export function ndjson(text: string): Json[] {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new Error("stream does not end with a line end");
  return lines.map((line) => new Json(JSON.parse(line)));
}
