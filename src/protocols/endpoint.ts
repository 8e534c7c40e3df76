/**
 * How a protocol describes itself to the HTTP side: a `Dialect` is a list of `Endpoint`s and an error encoder.
 * Protocols see neither sockets nor a web framework: a handler reads a validated body from its `Call` and answers
 * with a `Reply` of ready text. `src/http` turns calls and replies into requests and responses.
 */

import type { InferenceService } from "../core/inference_service.ts";
import type { ModelManager } from "../core/model_manager.ts";
import type { ErrorKind, ServerError } from "../core/server_error.ts";
import type { Settings } from "./shared/settings.ts";

/** One finding of a schema; the members that zod's issues have and the error message needs. */
export interface SchemaIssue {
  readonly code?: unknown;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Branches of a union, each with its own issues. */
  readonly errors?: unknown;
}

/** What `Call.body` needs of a schema. Satisfied by every zod schema, so only schema.ts files import zod. */
export interface Schema<T> {
  safeParse(value: unknown):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly SchemaIssue[] } };
}

/** One request, as an endpoint sees it. */
export interface Call {
  readonly service: InferenceService;
  /** Models on disk; undefined where the server manages none. */
  readonly models: ModelManager | undefined;
  readonly settings: Settings;
  /** Unique id of the request: letters and digits. */
  readonly id: string;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** Decoded path parameter; empty when the path has none of that name. */
  param(name: string): string;
  /** Query parameter; undefined when it is not given. */
  query(name: string): string | undefined;
  /**
   * Reads, parses and validates the JSON body.
   * @throws ServerError `bad_request`, `too_large` or `validation`
   */
  body<T>(schema: Schema<T>): Promise<T>;
  /** The body's bytes as they come, without a limit; to be read once, instead of `body()`. */
  bytes(): ReadableStream<Uint8Array>;
}

/** A complete JSON answer. `json` is JSON text. */
export interface JsonReply {
  kind: "json";
  json: string;
  status?: number;
  headers?: Readonly<Record<string, string>>;
}

/** Framings of a streamed answer. */
export type StreamFormat = "sse" | "ndjson";

/** A streamed answer. */
export interface StreamReply {
  kind: "stream";
  format: StreamFormat;
  /**
   * Framed text, sent as it comes. The response starts with the first item, so a fault before it still becomes
   * a status code; an empty string starts the response without sending anything.
   */
  chunks: AsyncIterable<string>;
  /** Extra response headers; asked for once, after the first chunk. */
  headers?(): Readonly<Record<string, string>>;
}

/**
 * A complete JSON answer that takes long. The response starts when it is there or after a moment, whichever comes first:
 * only a response that has started tells when its client leaves.
 */
export interface LateReply {
  kind: "late";
  /** JSON text. */
  json: Promise<string>;
  /** Resolves when nothing can be wrong with the request any more: the moment begins then. Absent: at once. */
  accepted?: Promise<void>;
  /** Extra response headers, as known when the response starts. */
  headers?(): Readonly<Record<string, string>>;
}

/** A complete answer that is not JSON. */
export interface TextReply {
  kind: "text";
  text: string;
  contentType: string;
  status?: number;
}

export type Reply = JsonReply | LateReply | StreamReply | TextReply;

/** What a body of one content type holds: a zod schema (of each event or line of a stream), or undefined for plain text. */
export type ContentDoc = Readonly<Record<string, object | undefined>>;

/** A query parameter: what it does, and the values it takes where they are few. */
export interface QueryDoc {
  readonly description: string;
  readonly values?: readonly string[];
}

/** What the API's description (`/openapi.json`) says of an endpoint. Schemas are zod's. */
export interface EndpointDoc {
  /** One line. */
  readonly summary: string;
  /** Schema of the JSON body: the one that the handler gives to `Call.body()`. */
  readonly request?: object;
  /** The body is bytes as they are. */
  readonly upload?: boolean;
  readonly query?: Readonly<Record<string, QueryDoc>>;
  /** Successes by status. */
  readonly responses: Readonly<Record<number, ContentDoc>>;
  /** Faults beyond those that a missing key, a body and a defect make anywhere. */
  readonly errors?: readonly ErrorKind[];
}

/** What an API key may be for: use models, change what is on disk or loaded, read the numbers. */
export const SCOPES = ["infer", "manage", "metrics"] as const;
export type Scope = typeof SCOPES[number];

/** One path and method. Paths are Hono patterns. */
export interface Endpoint {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** What a key needs to call it; default `infer`. */
  readonly scope?: Scope;
  readonly doc?: EndpointDoc;
  handle(call: Call): Promise<Reply> | Reply;
}

/** An error as it goes over the wire. */
export interface ErrorReply {
  status: number;
  json: string;
  headers?: Readonly<Record<string, string>>;
}

/** A protocol. */
export interface Dialect {
  readonly name: string;
  /** zod schema of the errors' bodies. */
  readonly errorSchema: object;
  readonly endpoints: readonly Endpoint[];
  /** A fault before the response started. */
  encodeError(error: ServerError): ErrorReply;
  /** A fault in the middle of a stream: the last chunk that the client gets. */
  encodeStreamError(error: ServerError, format: StreamFormat): string;
}
