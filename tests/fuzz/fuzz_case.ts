/**
 * The cases: the same seed and number make the same request, whatever came before it. Most are bodies of the
 * endpoints' schemas with something wrong in them, the others break JSON, HTTP, or off in the middle.
 */

import { Random } from "../support/random.ts";
import { hostileText } from "./hostile_values.ts";
import { encodeNode, isTable, type JsonNode } from "./json_node.ts";
import { mutate, structuredCloneNode } from "./json_mutation.ts";
import { brokenRequest, chunkedRequest, mutateBytes, type RawRequest, wholeRequest } from "./raw_request.ts";
import { MODEL_NAMES, seedBodies } from "./seed_bodies.ts";
import { SchemaValues } from "./schema_value.ts";
import type { Wire } from "./wire.ts";

/** An operation of `/openapi.json`. */
export interface Operation {
  method: string;
  /** With parameters as `{name}`. */
  path: string;
  /** Schema of the JSON body. */
  schema: unknown;
  /** The body is bytes as they are. */
  upload: boolean;
  query: readonly string[];
  /** Documented statuses. */
  statuses: ReadonlySet<number>;
}

/** One request. */
export interface FuzzCase {
  index: number;
  /** What it is, in a few words. */
  name: string;
  operation: Operation;
  /** The request is one that HTTP and the endpoint's path know: its answer must be documented. */
  wellFormed: boolean;
  /** What is sent; to be shown. */
  request: RawRequest;
  wire: Wire;
}

/** What cases are made of. */
export interface CaseOptions {
  seed: number;
  /** Digests of blobs that the server has. */
  digests: readonly string[];
  /** No request that makes the server load or unload a model. */
  keepModel: boolean;
}

interface OpenApi {
  paths: Record<string, Record<string, OpenApiOperation>>;
}

interface OpenApiOperation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, unknown>;
}

/** Longest body in characters: more than the server takes. */
const MAX_TEXT = 12_000_000;

/** Paths that generate get twice the cases of others. */
const GENERATING = /completions?$|messages$|chat$|generate$|responses$|infill$|create$/;

function operationsOf(document: OpenApi): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { requestBody, parameters = [], responses }]) => ({
      method: method.toUpperCase(),
      path,
      schema: requestBody?.content["application/json"]?.schema,
      upload: requestBody?.content["application/octet-stream"] !== undefined,
      query: parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name),
      statuses: new Set(Object.keys(responses).map(Number)),
    }))
  );
}

/** Makes the cases of one run. */
export class FuzzCases {
  readonly operations: readonly Operation[];
  readonly #options: CaseOptions;
  readonly #values: SchemaValues;
  readonly #seeds: ReadonlyMap<string, readonly JsonNode[]>;
  readonly #weighted: readonly Operation[];
  readonly #members: readonly (readonly [name: string, schema: unknown])[];

  /** @param document the server's `/openapi.json` */
  constructor(document: unknown, options: CaseOptions) {
    this.operations = operationsOf(document as OpenApi);
    this.#options = options;
    this.#values = new SchemaValues(document);
    this.#seeds = seedBodies(options.digests);
    this.#weighted = this.operations.flatMap((operation) => {
      const weight = operation.schema === undefined ? 1 : GENERATING.test(operation.path) ? 6 : 3;
      return Array<Operation>(weight).fill(operation);
    });
    this.#members = this.operations.flatMap(({ schema }) => this.#values.properties(schema));
  }

  /** Case number `index`. */
  make(index: number): FuzzCase {
    const random = new Random(Math.imul(this.#options.seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
    random.next();
    const operation = random.pick(this.#weighted);
    const request: RawRequest = {
      method: operation.method,
      target: this.#target(operation, random),
      headers: random.next() < 0.8 ? [["content-type", "application/json"]] : [],
      ...this.#body(operation, random),
    };
    const kind = random.next();
    if (kind < 0.12) {
      return {
        index,
        name: "broken HTTP",
        operation,
        wellFormed: false,
        request,
        wire: brokenRequest(request, random),
      };
    }
    if (kind < 0.17) {
      return { index, name: "left", operation, wellFormed: false, request, wire: leaving(request, random) };
    }
    if (kind < 0.29 && request.body !== undefined) {
      const broken = { ...request, body: mutateBytes(request.body, random) };
      return {
        index,
        name: "broken JSON",
        operation,
        wellFormed: true,
        request: broken,
        wire: whole(broken, random),
      };
    }
    return {
      index,
      name: "wrong values",
      operation,
      wellFormed: true,
      request,
      wire: whole(request, random),
    };
  }

  #target({ path, query }: Operation, random: Random): string {
    const { digests } = this.#options;
    const odd = () => encodeURIComponent(hostileText(random).slice(0, 200).toWellFormed()) || "x";
    const filled = path.replace("{id}", () => {
      if (random.next() < 0.3) return odd();
      return path.startsWith("/slots") ? String(random.int(0, 5)) : random.pick(MODEL_NAMES);
    }).replace("{digest}", () => random.next() < 0.4 ? odd() : random.pick(digests));
    const given = query.filter(() => random.next() < 0.8).map((name) => {
      const value = name === "action" && random.next() < 0.8
        ? random.pick(["save", "restore", "erase"])
        : odd();
      return `${name}=${value}`;
    });
    return filled + (given.length > 0 ? `?${given.join("&")}` : "");
  }

  #body({ path, schema, upload }: Operation, random: Random): { body?: Uint8Array } {
    if (upload) return { body: Uint8Array.from({ length: random.int(0, 300) }, () => random.int(0, 255)) };
    if (schema === undefined) return {};
    const seeds = this.#seeds.get(path) ?? [];
    const fromSeed = seeds.length > 0 && random.next() < 0.7;
    const good = fromSeed ? structuredCloneNode(random.pick(seeds)) : this.#values.make(schema, random);
    this.#choose(good, random);
    const sources = { values: this.#values, own: this.#values.properties(schema), all: this.#members };
    const changed = random.next() < 0.06 ? good : mutate(good, sources, random);
    if (this.#options.keepModel && isTable(changed)) this.#keep(path, changed);
    const text = (random.next() < 0.01 ? "\ufeff" : "") + encodeNode(changed);
    return { body: new TextEncoder().encode(text.slice(0, MAX_TEXT)) };
  }

  /** Which model, mostly the loaded one. */
  #choose(body: JsonNode, random: Random): void {
    if (!isTable(body) || random.next() > 0.3) return;
    if ("model" in body || random.next() < 0.5) {
      body["model"] = random.pick(random.next() < 0.7 ? ["llama", "demo"] : MODEL_NAMES);
    }
  }

  #keep(path: string, body: { [key: string]: JsonNode }): void {
    delete body["keep_alive"];
    if (!/create|copy|delete|pull|push|show/.test(path)) body["model"] = "llama";
  }
}

function whole(request: RawRequest, random: Random): Wire {
  const pieces = random.next() < 0.1 ? chunkedRequest(request, random) : wholeRequest(request);
  return { pieces, then: "answer" };
}

/** The client goes away in the midst of its request, or of the answer. */
function leaving(request: RawRequest, random: Random): Wire {
  const pieces = wholeRequest(request);
  if (random.next() < 0.6) return { pieces, then: { leave: random.pick([0, 1, 100, 300, 600]) } };
  const last = pieces.at(-1)!;
  const cut = [...pieces.slice(0, -1), last.subarray(0, random.int(0, last.length))];
  return { pieces: cut, then: random.next() < 0.5 ? { leave: 0 } : "any", pause: 1 };
}
