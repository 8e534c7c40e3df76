/**
 * `/openapi.json`: every endpoint of every dialect as an OpenAPI 3.1 document. It is made of the schemas that validate
 * requests, of the documentation beside the routes and of the dialects' own mapping of faults to statuses, so it
 * cannot say anything else than the code does. Built at the first request, about 10 ms.
 */

import { type ErrorKind, ServerError } from "../core/server_error.ts";
import type { ContentDoc, Dialect, Endpoint, EndpointDoc } from "../protocols/endpoint.ts";
import { type JsonSchema, toJsonSchema } from "../protocols/shared/json_schema.ts";
import {
  JSON_CONTENT,
  NDJSON_CONTENT,
  SSE_CONTENT,
  TEXT_CONTENT,
} from "../protocols/shared/response_schema.ts";
import { dialectOf, DIALECTS } from "./dialects.ts";
import { healthSchema, liveSchema, readySchema } from "./schema.ts";

/** Faults of every endpoint: the key, its scope, Host or Origin, a server that is stopping or full, and defects. */
const COMMON_FAULTS: readonly ErrorKind[] = [
  "unauthorized",
  "forbidden",
  "unavailable",
  "overloaded",
  "internal",
];
/** Faults of every endpoint that reads a body. */
const BODY_FAULTS: readonly ErrorKind[] = ["bad_request", "validation", "too_large"];
/** Faults that a later try may not have; they come with Retry-After where it is known. */
const PASSING_FAULTS: ReadonlySet<ErrorKind> = new Set(["unavailable", "overloaded"]);

const HEALTH_CONTENT: ContentDoc = { [JSON_CONTENT]: healthSchema };
const HEALTH: EndpointDoc = {
  summary: "Tell whether the model is ready; needs no key",
  responses: { 200: HEALTH_CONTENT, 503: HEALTH_CONTENT },
};

const READY_CONTENT: ContentDoc = { [JSON_CONTENT]: readySchema };

/** What an endpoint has for its description. */
type Documented = Pick<Endpoint, "method" | "path"> & { doc: EndpointDoc };

/** Endpoints that belong to no dialect, see app.ts. */
export const SERVER_ENDPOINTS: readonly Documented[] = [
  {
    method: "GET",
    path: "/",
    doc: {
      summary: "Say that the server runs",
      responses: { 200: { [TEXT_CONTENT]: undefined } },
    },
  },
  { method: "GET", path: "/health", doc: HEALTH },
  { method: "GET", path: "/v1/health", doc: HEALTH },
  {
    method: "GET",
    path: "/health/live",
    doc: { summary: "Tell that the process answers", responses: { 200: { [JSON_CONTENT]: liveSchema } } },
  },
  {
    method: "GET",
    path: "/health/ready",
    doc: {
      summary: "Tell whether requests are taken, and why not",
      responses: { 200: READY_CONTENT, 503: READY_CONTENT },
    },
  },
  {
    method: "GET",
    path: "/openapi.json",
    doc: { summary: "This description", responses: { 200: { [JSON_CONTENT]: undefined } } },
  },
];

/** Successes and faults of an endpoint by status. */
export function documentedResponses(
  endpoint: Pick<Endpoint, "path" | "doc">,
): ReadonlyMap<number, ContentDoc> {
  const { doc } = endpoint;
  if (doc === undefined) return new Map();
  const dialect = dialectOf(endpoint.path);
  const responses = new Map<number, ContentDoc>();
  for (const kind of faultKinds(doc)) {
    responses.set(statusOf(dialect, kind), { [JSON_CONTENT]: dialect.errorSchema });
  }
  for (const [status, content] of Object.entries(doc.responses)) responses.set(Number(status), content);
  return responses;
}

function faultKinds({ request, upload, errors = [] }: EndpointDoc): ErrorKind[] {
  return [...COMMON_FAULTS, ...request || upload ? BODY_FAULTS : [], ...errors];
}

function statusOf(dialect: Dialect, kind: ErrorKind): number {
  return dialect.encodeError(new ServerError(kind, "")).status;
}

/** `/v1/models/:id{.+}` as OpenAPI writes it: `/v1/models/{id}`. */
export function openapiPath(path: string): string {
  return path.replace(/:(\w+)(?:\{[^}]*\})?/g, "{$1}");
}

let text: string | undefined;

/** The document as JSON text. */
export function openapiJson(version: string): string {
  return text ??= JSON.stringify(openapiDocument(version));
}

/** The document. */
export function openapiDocument(version: string): Record<string, unknown> {
  const builder = new Builder();
  for (const endpoint of SERVER_ENDPOINTS) builder.add("server", endpoint);
  for (const { name, endpoints } of DIALECTS) {
    for (const { method, path, doc } of endpoints) {
      if (doc !== undefined) builder.add(name, { method, path, doc });
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "llamacpp-server",
      version,
      description: "One server for the clients of OpenAI, Anthropic, Ollama and llama-server.",
    },
    tags: ["server", ...DIALECTS.map(({ name }) => name)].map((name) => ({ name })),
    // A key is needed only where the operator set one.
    security: [{}, { bearer: [] }, { header: [] }],
    paths: builder.paths,
    components: {
      schemas: builder.schemas,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        header: { type: "apiKey", in: "header", name: "x-api-key" },
      },
    },
  };
}

/** Collects operations and the schemas that they refer to; a schema that several use is written once. */
class Builder {
  readonly paths: Record<string, Record<string, unknown>> = {};
  readonly schemas: Record<string, JsonSchema> = {};
  readonly #names = new Map<object, string>();

  add(tag: string, endpoint: Documented): void {
    const { method, path, doc } = endpoint;
    const id = operationId(endpoint);
    const item = this.paths[openapiPath(path)] ??= {};
    item[method.toLowerCase()] = {
      operationId: id,
      tags: [tag],
      summary: doc.summary,
      parameters: parameters(endpoint),
      ...this.#requestBody(id, doc),
      responses: this.#responses(id, tag, endpoint),
    };
  }

  #requestBody(id: string, { request, upload }: EndpointDoc): Record<string, unknown> {
    if (request) return { requestBody: { required: true, content: this.#json(request, `${id}_request`) } };
    if (!upload) return {};
    return { requestBody: { required: true, content: { "application/octet-stream": { schema: {} } } } };
  }

  #responses(id: string, tag: string, endpoint: Documented): Record<string, unknown> {
    const dialect = dialectOf(endpoint.path);
    const passing = new Set([...PASSING_FAULTS].map((kind) => statusOf(dialect, kind)));
    const responses: Record<string, unknown> = {};
    for (const [status, content] of documentedResponses(endpoint)) {
      const success = Object.hasOwn(endpoint.doc.responses, status);
      const name = success ? `${id}_response` : `${dialect.name}_error`;
      responses[status] = {
        description: success ? endpoint.doc.summary : `A fault in the form of ${tag}`,
        ...(passing.has(status) && !success
          ? { headers: { "retry-after": { schema: { type: "string" }, description: "Seconds to wait" } } }
          : {}),
        content: Object.assign(
          {},
          ...Object.entries(content).map(([type, schema]) => this.#content(type, schema, name)),
        ),
      };
    }
    return responses;
  }

  #content(type: string, schema: object | undefined, name: string): Record<string, unknown> {
    if (schema === undefined) return { [type]: { schema: type === JSON_CONTENT ? {} : { type: "string" } } };
    if (type !== SSE_CONTENT && type !== NDJSON_CONTENT) return this.#json(schema, name);
    // OpenAPI 3.1 has no words for a stream's items; 3.2 calls them itemSchema.
    const description = type === SSE_CONTENT
      ? "Server-sent events; the data of each is one item, `[DONE]` aside"
      : "Lines of JSON; each is one item";
    return {
      [type]: {
        schema: { description },
        "x-item-schema": this.#reference(schema, `${name}_item`),
      },
    };
  }

  #json(schema: object, name: string): Record<string, unknown> {
    return { [JSON_CONTENT]: { schema: this.#reference(schema, name) } };
  }

  #reference(schema: object, name: string): JsonSchema {
    const known = this.#names.get(schema);
    if (known === undefined) {
      this.#names.set(schema, name);
      this.schemas[name] = toJsonSchema(schema);
    }
    return { $ref: `#/components/schemas/${known ?? name}` };
  }
}

function operationId({ method, path }: Documented): string {
  const words = path.replace(/\{[^}]*\}/g, "").match(/\w+/g) ?? ["root"];
  return [method.toLowerCase(), ...words].join("_");
}

function parameters({ path, doc }: Documented): unknown[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string", minLength: 1 },
  }));
  const inQuery = Object.entries(doc.query ?? {}).map(([name, { description, values }]) => ({
    name,
    in: "query",
    description,
    schema: { type: "string", ...(values ? { enum: values } : {}) },
  }));
  return [...inPath, ...inQuery];
}
