/** Host and Origin: who may call at all, before any key is looked at. */

import assert from "node:assert/strict";
import { Harness } from "./harness.ts";

const BODY = { messages: [{ role: "user", content: "x" }] };

Deno.test("a foreign Host is refused with 403 in the dialect of the path, before the key", async () => {
  const h = new Harness({ apiKeys: ["k"] });
  const headers = { host: "evil.example:8090", origin: "http://localhost:3000" };
  for (const path of ["/v1/chat/completions", "/api/chat", "/v1/messages", "/completion"]) {
    const response = await h.post(path, BODY, { headers });
    assert.equal(response.status, 403, path);
    assert.equal(response.headers.get("access-control-allow-origin"), "http://localhost:3000");
    assert.match(await response.text(), /evil\.example:8090.*--allowed-hosts/);
  }
  assert.equal((await h.get("/health", { headers })).status, 403);
  assert.equal(h.service.requests.length, 0);
});

Deno.test("local names, private addresses and the operator's names pass", async () => {
  const h = new Harness({ hosts: { hostname: "Box", allowed: ["api.example.com", ".corp.example"] } });
  const hosts = [
    ...[
      "localhost",
      "localhost:8090",
      "127.0.0.1:1",
      "[::1]:8090",
      "192.168.1.2",
      "10.0.0.1:80",
      "172.31.0.9",
    ],
    ...[
      "box:8090",
      "a.localhost",
      "printer.local",
      "gpu.internal",
      "LOCALHOST.",
      "api.example.com",
      "x.corp.example",
    ],
  ];
  for (const host of hosts) assert.equal((await h.get("/health", { headers: { host } })).status, 200, host);
  const foreign = [
    "example.com",
    "localhost.evil.com",
    "127.0.0.1.nip.io",
    "8.8.8.8",
    "172.32.0.1",
    "corp.example",
  ];
  for (const host of foreign) assert.equal((await h.get("/health", { headers: { host } })).status, 403, host);
  const open = new Harness({ hosts: null });
  assert.equal((await open.get("/health", { headers: { host: "evil.example" } })).status, 200);
});

Deno.test("a foreign Origin is refused with 403, its preflight as well, and nothing is generated", async () => {
  const h = new Harness();
  const headers = { origin: "https://evil.example", "content-type": "text/plain" };
  const simple = await h.post("/v1/chat/completions", BODY, { headers });
  assert.deepEqual([simple.status, simple.headers.get("access-control-allow-origin")], [403, null]);
  const preflight = await h.get("/api/chat", {
    method: "OPTIONS",
    headers: { ...headers, "access-control-request-method": "POST" },
  });
  assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [403, null]);
  assert.equal((await h.get("/health", { headers: { origin: "null" } })).status, 403);
  assert.equal(h.service.requests.length, 0);
});

Deno.test("a page that the server itself serves, and the operator's origins, may call", async () => {
  const h = new Harness({ corsOrigins: ["https://chat.example"] });
  const own = { origin: "http://192.168.1.2:8090", host: "192.168.1.2:8090" };
  assert.equal((await h.get("/health", { headers: own })).status, 200);
  const chosen = await h.get("/health", { headers: { origin: "https://chat.example" } });
  assert.equal(chosen.headers.get("access-control-allow-origin"), "https://chat.example");
});
