/** The application while there is no server behind it: everything is refused, in the words of its dialect. */

import assert from "node:assert/strict";
import { createApp } from "../../src/http/app.ts";
import { DIALECTS } from "../../src/http/dialects.ts";
import { PROBE_PATHS } from "../../src/http/tracking.ts";
import { ServerLife } from "../../src/http/server_life.ts";
import { DEFAULT_SETTINGS } from "../../src/protocols/shared/settings.ts";
import { FakeService } from "../support/fake_service.ts";

const REASON = "The engine process ended by signal SIGKILL and is being restarted";

function downApp() {
  const life = new ServerLife();
  life.down = { reason: REASON, retryAfter: 3 };
  return createApp(new FakeService(), { ...DEFAULT_SETTINGS, version: "1.2.3", life, apiKeys: ["secret"] });
}

Deno.test("without a server every endpoint is unavailable in its dialect, with Retry-After, on a last connection", async () => {
  const app = downApp();
  for (const dialect of DIALECTS) {
    for (const { method, path } of dialect.endpoints) {
      const body = method === "GET" ? {} : { body: "no JSON at all" };
      const response = await app.request(path.replaceAll(/:(\w+)(\{.*?\})?/g, "$1"), { method, ...body });
      const text = await response.text();
      assert.ok([503, 529].includes(response.status), `${method} ${path}: ${response.status} ${text}`);
      assert.ok(text.includes(REASON), text);
      const { headers } = response;
      assert.deepEqual([headers.get("retry-after"), headers.get("connection")], ["3", "close"], path);
    }
  }
});

Deno.test("without a server probes are refused as well, and pages may read why", async () => {
  const app = downApp();
  for (const path of PROBE_PATHS) {
    const response = await app.request(path, { headers: { origin: "http://localhost:3000" } });
    assert.equal(response.status, 503, path);
    assert.ok((await response.text()).includes(REASON));
    assert.equal(response.headers.get("access-control-allow-origin"), "http://localhost:3000");
  }
});

Deno.test("without a server a body is read to its end: a client that sends sees the answer, no reset", async () => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === 64) return controller.close();
      sent++;
      controller.enqueue(new Uint8Array(16 * 1024));
    },
  });
  const response = await downApp().request("/api/chat", { method: "POST", body });
  assert.equal(response.status, 503);
  assert.equal(sent, 64);
});
