/** Connections on real sockets: clients that say nothing, that do not read, and that are too many. */

import assert from "node:assert/strict";
import { createApp } from "../../src/http/app.ts";
import { Connection, CONNECTION_LIMITS, type ConnectionLimits } from "../../src/http/connection.ts";
import { HttpMetrics } from "../../src/http/http_metrics.ts";
import { listen, type Listener, serveOnConnection } from "../../src/http/listener.ts";
import { STREAM_TIMES } from "../../src/http/stream.ts";
import { DEFAULT_SETTINGS } from "../../src/protocols/shared/settings.ts";
import { FakeService } from "../support/fake_service.ts";

const HOST = "127.0.0.1";
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A server on a fake service and a free port. */
class Served implements AsyncDisposable {
  readonly service = new FakeService();
  readonly metrics = new HttpMetrics();
  readonly listener: Listener;

  constructor(limits: Partial<ConnectionLimits> = {}, slowReader = 100) {
    const app = createApp(this.service, {
      ...DEFAULT_SETTINGS,
      metrics: this.metrics,
      streamBuffer: 64 * 1024,
      streamTimes: { ...STREAM_TIMES, slowReader },
    });
    this.listener = listen((request, env) => app.fetch(request, env), {
      hostname: HOST,
      port: 0,
      metrics: this.metrics,
      limits: { ...CONNECTION_LIMITS, ...limits },
      log() {},
    });
  }

  get url(): string {
    return `http://${HOST}:${this.listener.port}`;
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: HOST, port: this.listener.port });
  }

  closed(reason: string): number {
    const line = new RegExp(`closed_total\\{reason="${reason}"\\} (\\d+)`).exec(this.metrics.encode(0));
    return Number(line?.[1] ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.shutdown(100);
  }
}

async function send(connection: Deno.Conn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
}

/** Milliseconds until the server closes a connection. */
async function closedAfter(connection: Deno.Conn): Promise<number> {
  const started = performance.now();
  const buffer = new Uint8Array(65536);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // Reset: closed as well.
  }
  return performance.now() - started;
}

Deno.test("serveOnConnection() is there: this Deno shows connections", () => {
  assert.ok(serveOnConnection());
});

Deno.test("listen() closes a connection whose first head does not come", async () => {
  await using served = new Served({ headerTimeout: 200 });
  const [silent, half] = [await served.connect(), await served.connect()];
  await send(half, "GET /health HTTP/1.1\r\nHost: localhost\r\n");
  for (const ms of await Promise.all([closedAfter(silent), closedAfter(half)])) {
    assert.ok(ms >= 100 && ms < 2000, `${ms} ms`);
  }
  assert.equal(served.closed("header_timeout"), 2);
  silent.close();
  half.close();
});

Deno.test("listen() closes a connection that stays idle, not one whose answer takes long", async () => {
  await using served = new Served({ idleTimeout: 150, headerTimeout: 150 });
  served.service.script.delayMs = 400;
  const response = await fetch(`${served.url}/api/chat`, {
    method: "POST",
    body: '{"messages":[{"role":"user","content":"x"}]}',
  });
  assert.match(await response.text(), /"done":true/);
  const connection = await served.connect();
  await send(connection, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const ms = await closedAfter(connection);
  assert.ok(ms >= 100 && ms < 2000, `${ms} ms`);
  assert.ok(served.closed("idle_timeout") >= 1);
  connection.close();
});

Deno.test("listen() lets the longest idle connection give way at the limit, so that clients get in", async () => {
  await using served = new Served({ maxConnections: 20 });
  const silent = await Promise.all(Array.from({ length: 60 }, () => served.connect()));
  await sleep(100);
  for (let i = 0; i < 5; i++) {
    const response = await fetch(`${served.url}/health`);
    assert.equal(response.status, 200);
    await response.text();
  }
  assert.ok(served.closed("limit") >= 40, `${served.closed("limit")}`);
  assert.match(served.metrics.encode(0), /^llamacpp:http_connections (1\d|20|21)$/m);
  for (const connection of silent) connection.close();
});

Deno.test("listen() refuses a connection by name of the limit when every other one is being answered", async () => {
  await using served = new Served({ maxConnections: 3 });
  served.service.script.delayMs = 300;
  const body = JSON.stringify({ messages: [{ role: "user", content: "x" }], stream: true });
  const post = () => fetch(`${served.url}/v1/chat/completions`, { method: "POST", body });
  const running = await Promise.all([post(), post(), post()]);
  const refused = await post();
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "1"]);
  assert.match(await refused.text(), /limit is 3 \(--max-connections\)/);
  for (const response of running) assert.match(await response.text(), /\[DONE\]/);
});

Deno.test("listen() drops a client that does not read its stream, and others go on", async () => {
  await using served = new Served();
  // More than the buffers of the sockets and ours take.
  served.service.script.pieces = Array.from({ length: 400 }, () => "x".repeat(64 * 1024));
  const connection = await served.connect();
  const body = JSON.stringify({ messages: [{ role: "user", content: "x" }], stream: true });
  const head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ";
  await send(connection, `${head}${body.length}\r\n\r\n${body}`);
  for (let i = 0; i < 40 && served.service.abortedAt.length === 0; i++) {
    const health = await fetch(`${served.url}/health`);
    assert.equal(health.status, 200);
    await health.text();
    await sleep(50);
  }
  assert.equal(served.service.abortedAt.length, 1, "the generation has ended");
  assert.equal(served.closed("slow_reader"), 1);
  assert.ok(await closedAfter(connection) < 2000, "its connection is closed");
  connection.close();
});

Deno.test("listen() sends a large stream whole to a client that pauses less than the limit", async () => {
  await using served = new Served({}, 5000);
  served.service.script.pieces = Array.from({ length: 200 }, () => "x".repeat(64 * 1024));
  const body = JSON.stringify({ messages: [{ role: "user", content: "x" }], stream: true });
  const response = await fetch(`${served.url}/v1/chat/completions`, { method: "POST", body });
  await sleep(300);
  const text = await response.text();
  assert.ok(text.length > 200 * 64 * 1024 && text.endsWith("data: [DONE]\n\n"));
});

Deno.test("listen() keeps a normal client's speed beside 1000 clients that never end their heads", async () => {
  await using served = new Served();
  const times = async () => {
    const taken: number[] = [];
    for (let i = 0; i < 30; i++) {
      const started = performance.now();
      await (await fetch(`${served.url}/health`)).text();
      taken.push(performance.now() - started);
    }
    return taken.sort((a, b) => a - b)[15] ?? Infinity;
  };
  await times();
  const alone = await times();
  const attackers = await Promise.all(Array.from({ length: 1000 }, () => served.connect()));
  await Promise.all(
    attackers.map((connection) => send(connection, "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")),
  );
  const beside = await times();
  for (const connection of attackers) connection.close();
  assert.ok(beside < alone * 3 + 5, `median ${alone.toFixed(2)} ms alone, ${beside.toFixed(2)} ms beside`);
});

Deno.test("shutdown() lets answers end and closes what waits", async () => {
  const served = new Served();
  served.service.script.delayMs = 50;
  const body = JSON.stringify({ messages: [{ role: "user", content: "x" }], stream: true });
  const idle = await served.connect();
  const response = await fetch(`${served.url}/v1/chat/completions`, { method: "POST", body });
  const ended = served.listener.shutdown(2000);
  assert.match(await response.text(), /\[DONE\]/);
  await ended;
  assert.ok(await closedAfter(idle) < 1000);
  idle.close();
  await assert.rejects(fetch(`${served.url}/health`));
});

Deno.test("Connection.overdue() knows silent heads, idle connections and answers that nobody takes", () => {
  const limits = { maxConnections: 1, headerTimeout: 30, idleTimeout: 100 };
  const connection = new Connection(0, () => {});
  assert.equal(connection.overdue(30, limits), undefined);
  assert.equal(connection.overdue(31, limits), "header_timeout");
  const first = connection.begin();
  assert.equal(connection.overdue(1000, limits), undefined, "an answer may take as long as it wants");
  const second = connection.begin();
  first.produced(1000, 1000);
  assert.equal(connection.overdue(1200, limits), undefined, "1000 bytes may take another 100 ms");
  assert.equal(connection.overdue(1201, limits), "slow_reader");
  connection.end(first, 1201);
  connection.end(second, 1300);
  assert.equal(connection.overdue(1400, limits), undefined);
  assert.equal(connection.overdue(1401, limits), "idle_timeout");
});
