/** `/openapi.json` tells of every endpoint, and of nothing that the code does otherwise. */

import { type Schema as ValidatorSchema, Validator } from "@cfworker/json-schema";
import assert from "node:assert/strict";
import { DIALECTS } from "../../src/http/dialects.ts";
import { openapiDocument, openapiPath } from "../../src/http/openapi.ts";
import type { Call, Endpoint } from "../../src/protocols/endpoint.ts";
import { chatSchema } from "../../src/protocols/ollama/schema.ts";
import { chatCompletionSchema } from "../../src/protocols/openai/schema.ts";
import { messagesSchema } from "../../src/protocols/anthropic/schema.ts";
import { toJsonSchema } from "../../src/protocols/shared/json_schema.ts";
import { DEFAULT_SETTINGS } from "../../src/protocols/shared/settings.ts";
import { checkDocumented } from "../support/documented.ts";
import { FakeModels } from "../support/fake_models.ts";
import { FakeService } from "../support/fake_service.ts";
import { Harness } from "./harness.ts";

const ENDPOINTS = DIALECTS.flatMap(({ endpoints }) => endpoints);

type Document = {
  openapi: string;
  paths: Record<string, Record<string, { responses: Record<string, unknown>; operationId: string }>>;
  components: { schemas: Record<string, unknown> };
};

Deno.test("GET /openapi.json serves an OpenAPI 3.1 document of every endpoint", async () => {
  const response = await new Harness().get("/openapi.json");
  const document = await response.json() as Document;
  assert.equal(document.openapi, "3.1.0");
  for (const { method, path } of ENDPOINTS) {
    const operation = document.paths[openapiPath(path)]?.[method.toLowerCase()];
    assert.ok(operation, `${method} ${path} is missing`);
    assert.ok(Object.keys(operation.responses).length > 1, path);
  }
  const ids = Object.values(document.paths).flatMap((item) =>
    Object.values(item).map((one) => one.operationId)
  );
  assert.equal(new Set(ids).size, ids.length, "operation ids are not unique");
});

Deno.test("openapiDocument() refers only to schemas that it has", () => {
  const document = openapiDocument("1.2.3");
  const { components } = document as unknown as Document;
  const text = JSON.stringify(document);
  const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name ?? "");
  assert.ok(references.length > 50);
  for (const name of references) assert.ok(Object.hasOwn(components.schemas, name), name);
  for (const schema of Object.values(components.schemas)) new Validator(schema as ValidatorSchema, "2020-12");
});

Deno.test("every endpoint is documented", () => {
  const missing = ENDPOINTS.filter(({ doc }) => doc === undefined).map(({ method, path }) =>
    `${method} ${path}`
  );
  assert.deepEqual(missing, []);
});

/** Ends a handler as soon as it asks for its body. */
class Asked extends Error {
  constructor(readonly schema: unknown) {
    super("asked for a body");
  }
}

/** The schema that a handler validates its body with; undefined when it reads none. */
async function schemaOf({ handle, path }: Endpoint): Promise<unknown> {
  const call: Call = {
    service: new FakeService(),
    models: new FakeModels(),
    settings: { ...DEFAULT_SETTINGS, version: "1.2.3", slotSavePath: "/nowhere" },
    id: "1",
    signal: new AbortController().signal,
    param: () => path.startsWith("/slots") ? "0" : "sha256:" + "0".repeat(64),
    query: () => "save",
    body: (schema) => Promise.reject(new Asked(schema)),
    bytes: () => new Blob([]).stream(),
  };
  try {
    await handle(call);
  } catch (error) {
    if (error instanceof Asked) return error.schema;
  }
  return undefined;
}

for (const endpoint of ENDPOINTS) {
  Deno.test(`${endpoint.method} ${endpoint.path} validates its body with the documented schema`, async () => {
    assert.equal(await schemaOf(endpoint), endpoint.doc?.request);
  });
}

const CONVERSATION = { model: "m", messages: [{ role: "user", content: "Hi" }] };

for (
  const { name, schema, good, bad } of [
    {
      name: "OpenAI chat",
      schema: chatCompletionSchema,
      good: [CONVERSATION, { ...CONVERSATION, max_tokens: -1, logit_bias: [[5, false]], stop: ["a"] }],
      bad: [{}, { ...CONVERSATION, max_tokens: 0 }, { messages: [{ role: "king" }] }, {
        ...CONVERSATION,
        stop: [""],
      }],
    },
    {
      name: "Ollama chat",
      schema: chatSchema,
      good: [CONVERSATION, { ...CONVERSATION, keep_alive: "1h30m", format: {} }],
      bad: [{ ...CONVERSATION, keep_alive: "soon" }, { options: { top_p: 2 } }],
    },
    {
      name: "Anthropic messages",
      schema: messagesSchema,
      good: [{
        messages: [{ role: "user", content: [{ type: "text", text: "Hi" }, { type: "image", source: {} }] }],
        tools: [{ name: "f", input_schema: {} }],
      }],
      bad: [{ messages: [{ role: "user", content: [{ type: "text" }] }] }, { messages: {} }],
    },
  ]
) {
  Deno.test(`toJsonSchema() takes and refuses what the schema of ${name} does`, () => {
    const validator = new Validator(toJsonSchema(schema) as ValidatorSchema, "2020-12");
    for (const [bodies, valid] of [[good, true], [bad, false]] as const) {
      for (const body of bodies) {
        assert.equal(schema.safeParse(body).success, valid, JSON.stringify(body));
        assert.equal(validator.validate(body).valid, valid, JSON.stringify(body));
      }
    }
  });
}

const JSON_TYPE = { "content-type": "application/json" };

Deno.test("checkDocumented() refuses a status, a content type and a body that are not documented", async () => {
  const check = (response: Response) => checkDocumented("/api/version", {}, response);
  assert.throws(() => check(new Response("{}", { status: 418, headers: JSON_TYPE })), /status/);
  assert.throws(
    () => check(new Response("{}", { headers: { "content-type": "text/html" } })),
    /content type/,
  );
  const wrong = check(new Response('{"version":"1","extra":2}', { headers: JSON_TYPE }));
  await assert.rejects(() => wrong.json(), /not as documented/);
  assert.deepEqual(await check(new Response('{"version":"1"}', { headers: JSON_TYPE })).json(), {
    version: "1",
  });
});
