/** Keys and scopes: every endpoint without a key, with a wrong one, and with one that lacks the scope. */

import assert from "node:assert/strict";
import { parseApiKey } from "../../src/http/api_keys.ts";
import { DIALECTS } from "../../src/http/dialects.ts";
import type { Scope } from "../../src/protocols/endpoint.ts";
import { FakeModels } from "../support/fake_models.ts";
import { Harness } from "./harness.ts";

const ENDPOINTS = DIALECTS.flatMap(({ name, endpoints }) =>
  endpoints.map((endpoint) => ({ name, ...endpoint }))
);

/** A path of an endpoint with something in the place of its parameters. */
function concrete(path: string): string {
  return path.replace(/:\w+(\{[^}]*\})?/g, "x");
}

function harness(): Harness {
  return new Harness({
    apiKeys: ["all", parseApiKey("i:infer"), parseApiKey("m:manage"), parseApiKey("n:metrics")],
    models: new FakeModels(),
  });
}

function init(method: string, key?: string): RequestInit {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return { method, headers, ...(method === "GET" ? {} : { body: "{" }) };
}

Deno.test("every endpoint refuses a missing and a wrong key with 401, in its dialect", async () => {
  const h = harness();
  for (const { name, method, path } of ENDPOINTS) {
    for (const key of [undefined, "wrong", "al", "all ,i", ""]) {
      const response = await h.get(concrete(path), init(method, key));
      assert.equal(response.status, 401, `${method} ${path} with ${key}`);
      const body = await response.json();
      if (name === "anthropic") assert.equal(body.error.type, "authentication_error");
      else if (name === "ollama") assert.equal(typeof body.error, "string");
      else assert.equal(typeof body.error.message, "string");
    }
  }
  assert.equal(h.service.requests.length, 0);
});

Deno.test("every endpoint refuses a key without its scope with 403 and takes one that has it", async () => {
  const h = harness();
  const keys: Record<string, Scope> = { i: "infer", m: "manage", n: "metrics" };
  for (const { method, path, scope = "infer" } of ENDPOINTS) {
    for (const [key, has] of Object.entries(keys)) {
      const response = await h.get(concrete(path), init(method, key));
      const text = await response.text();
      if (has === scope) assert.ok(![401, 403].includes(response.status), `${method} ${path} with ${has}`);
      else {
        assert.equal(response.status, 403, `${method} ${path} with ${has}`);
        assert.match(text, new RegExp(`lacks the scope ..?${scope}`));
      }
    }
    const all = await h.get(concrete(path), init(method, "all"));
    await all.text();
    assert.ok(![401, 403].includes(all.status), `${method} ${path}`);
  }
});

Deno.test("what changes the disk or the loaded model has the scope manage, /metrics has metrics", () => {
  const of = (scope: Scope) =>
    ENDPOINTS.filter((endpoint) => endpoint.scope === scope).map(({ method, path }) => `${method} ${path}`);
  for (
    const expected of [
      "POST /api/pull",
      "POST /api/push",
      "POST /api/create",
      "POST /api/copy",
      "DELETE /api/delete",
      "GET /api/blobs/:digest",
      "POST /api/blobs/:digest",
      "POST /slots/:id",
      "POST /lora-adapters",
    ]
  ) assert.ok(of("manage").includes(expected), expected);
  assert.deepEqual(of("metrics"), ["GET /metrics"]);
});

Deno.test("an unknown path needs a key, too; probes and preflights do not", async () => {
  const h = harness();
  assert.equal((await h.get("/nope")).status, 401);
  assert.equal((await h.get("/openapi.json")).status, 401);
  for (const path of ["/", "/health", "/v1/health", "/health/live", "/health/ready"]) {
    assert.equal((await h.get(path)).status, 200, path);
  }
});
