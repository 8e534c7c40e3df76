/** What an operator sees of requests: traces, metrics, log lines; and that nobody sees there what was said. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { DIALECTS } from "../../src/http/dialects.ts";
import { PROMETHEUS } from "../support/client_tools.ts";
import { checkMetrics } from "../support/prometheus_text.ts";
import { OtlpCollector } from "../support/otlp_collector.ts";
import { ServerProcess } from "../support/server_process.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

/** Stands in every text that is sent; must be found nowhere. */
const CANARY = "zyxcanaryqwv";

const MESSAGES = [{ role: "user", content: `Tell me of ${CANARY}` }];

/** Asks for pulling over the network, or ends the model that others use. */
const LEFT_OUT = /^\/api\/(pull|push|delete|create|copy)|^\/api\/blobs/;

/** Bodies that hold the canary wherever an endpoint may look for text. */
function bodies(): unknown[] {
  const text = {
    prompt: CANARY,
    input: CANARY,
    content: CANARY,
    input_prefix: CANARY,
    input_suffix: CANARY,
  };
  const whole = {
    ...text,
    messages: MESSAGES,
    query: CANARY,
    documents: [CANARY],
    max_tokens: 3,
    n_predict: 3,
  };
  const system = {
    system: CANARY,
    instructions: CANARY,
    suffix: CANARY,
    stop: [CANARY],
  };
  const schema = {
    type: "object",
    properties: { [CANARY]: { type: "string" } },
    required: [CANARY],
  };
  const unholdable = {
    type: "array",
    items: { enum: [CANARY] },
    uniqueItems: true,
    minItems: 2,
    maxItems: 2,
  };
  const tool = {
    name: CANARY,
    description: CANARY,
    parameters: schema,
    input_schema: schema,
  };
  return [
    whole,
    { ...whole, stream: true },
    { ...whole, ...system },
    { ...whole, model: `no-${CANARY}` },
    { ...whole, tools: [{ type: "function", ...tool, function: tool }] },
    { ...whole, grammar: `root ::= "${CANARY}" (` },
    { ...whole, grammar: `${CANARY}` },
    { ...whole, format: schema, json_schema: schema },
    {
      ...whole,
      format: unholdable,
      json_schema: unholdable,
      max_tokens: 60,
      n_predict: 60,
    },
    { ...whole, json_schema: { type: "string", pattern: `(?=${CANARY}` } },
    { ...whole, messages: CANARY, temperature: CANARY },
    { ...whole, messages: [{ role: CANARY, content: CANARY }] },
    {
      ...whole,
      messages: [{ role: "user", content: CANARY.repeat(8000) }],
      prompt: CANARY.repeat(8000),
    },
    `{"messages": "${CANARY}", `,
    `"${CANARY}"`,
  ];
}

Deno.test("nothing of what is said stands in log or stderr, whatever becomes of the request", async () => {
  using folder = new TemporaryFolder();
  const log = join(folder.path, "log");
  await using server = await ServerProcess.start({
    args: ["--log-file", log, "--ctx-size", "512"],
  });
  const paths = DIALECTS.flatMap(({ endpoints }) => endpoints)
    .filter(({ method, path }) => method === "POST" && !LEFT_OUT.test(path) && !path.includes(":"))
    .map(({ path }) => path);
  assert.ok(paths.length > 20);
  const statuses = new Set<number>();
  for (const path of paths) {
    for (const body of bodies()) {
      const response = await server.post(path, body);
      statuses.add(response.status);
      // A whole answer that breaks its schema late is cut.
      await response.text().catch(() => "");
    }
    const abort = new AbortController();
    const left = server.post(path, {
      ...bodies()[1] as object,
      max_tokens: 400,
    }, abort.signal);
    await left.then((response) => response.body?.getReader().read()).catch(
      () => {},
    );
    abort.abort();
  }
  assert.ok(
    statuses.has(200) && statuses.has(400) && statuses.has(404) &&
      statuses.has(422),
  );
  const lines = (await Deno.readTextFile(log)).trimEnd().split("\n");
  assert.ok(
    lines.length >= paths.length * bodies().length,
    `${lines.length} lines`,
  );
  for (const line of [...lines, server.stderr]) {
    assert.ok(
      !line.toLowerCase().includes(CANARY.slice(0, 8)),
      line.slice(0, 2000),
    );
  }
});

Deno.test("OpenTelemetry: a span of each request in the trace of its caller, with what was generated, and measurements", async () => {
  await using collector = new OtlpCollector();
  await using server = await ServerProcess.start({ env: collector.env });
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const ask = async (path: string, body: unknown) => {
    const response = await fetch(server.url + path, {
      method: "POST",
      headers: {
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
        "x-request-id": `id${path}`,
      },
      body: JSON.stringify(body),
    });
    await response.text();
    return response.status;
  };
  const chat = {
    model: "demo",
    messages: MESSAGES,
    max_tokens: 4,
    temperature: 0,
  };
  assert.equal(await ask("/v1/chat/completions", chat), 200);
  assert.equal(await ask("/v1/messages", { ...chat, stream: true }), 200);
  assert.equal(
    await ask("/v1/embeddings", { model: "demo", input: CANARY }),
    200,
  );
  assert.equal(
    await ask("/v1/completions", { model: "nobody", prompt: CANARY }),
    404,
  );
  const spans = await collector.waitFor(({ spans }) => {
    const own = spans.filter(({ scope }) => scope === "llamacpp-server");
    return own.length >= 5 &&
        own.every(({ parentSpanId }) => spans.some((s) => s.spanId === parentSpanId))
      ? own
      : undefined;
  });
  const named = (path: string) =>
    spans.find(({ attributes }) => attributes["llamacpp.request.id"] === `id${path}`)!;
  const asked = spans.filter(({ attributes }) => /^id\//.test(String(attributes["llamacpp.request.id"])));
  assert.equal(asked.length, 4);
  for (const span of asked) {
    assert.equal(span.traceId, traceId, JSON.stringify(span));
    const parent = collector.spans.find(({ spanId }) => spanId === span.parentSpanId);
    assert.deepEqual([parent?.scope, parent?.parentSpanId], [
      "deno",
      "b7ad6b7169203331",
    ]);
  }
  for (const path of ["/v1/chat/completions", "/v1/messages"]) {
    const { name, attributes } = named(path);
    assert.equal(name, "chat demo");
    assert.equal(attributes["gen_ai.operation.name"], "chat");
    assert.equal(attributes["gen_ai.request.model"], "demo");
    assert.equal(attributes["gen_ai.response.model"], "demo");
    assert.equal(Number(attributes["gen_ai.request.max_tokens"]), 4);
    assert.equal(Number(attributes["gen_ai.usage.output_tokens"]), 4);
    assert.ok(Number(attributes["gen_ai.usage.input_tokens"]) > 4);
    assert.deepEqual(attributes["gen_ai.response.finish_reasons"], ["length"]);
    assert.ok(Number(attributes["gen_ai.latency.time_to_first_token"]) > 0);
    assert.equal(Number(attributes["http.response.status_code"]), 200);
  }
  assert.equal(named("/v1/embeddings").name, "embeddings demo");
  assert.ok(
    Number(named("/v1/embeddings").attributes["gen_ai.usage.input_tokens"]) > 0,
  );
  assert.equal(
    named("/v1/completions").attributes["gen_ai.request.model"],
    "nobody",
  );
  const names = [
    "gen_ai.server.request.duration",
    "gen_ai.server.time_to_first_token",
    "gen_ai.client.token.usage",
  ];
  await collector.waitFor(({ metrics }) => names.every((name) => metrics.has(name)) ? true : undefined);
  assert.ok(!collector.raw.includes(CANARY));
});

Deno.test("/metrics is what Prometheus reads: every family described once, whole histograms, counters that rise", async () => {
  await using server = await ServerProcess.start();
  const read = async () => await (await fetch(`${server.url}/metrics`)).text();
  const before = checkMetrics(await read());
  const chat = { messages: MESSAGES, max_tokens: 6, ignore_eos: true };
  await server.ask("/v1/chat/completions", chat);
  await (await server.post("/api/chat", {
    ...chat,
    options: { num_predict: 6 },
  })).text();
  const text = await read();
  const after = checkMetrics(text);
  for (const [name, value] of before.counters) {
    assert.ok(
      after.counters.get(name)! >= value,
      `${name} fell from ${value} to ${after.counters.get(name)}`,
    );
  }
  for (
    const name of [
      "time_to_first_token_seconds",
      "request_queue_time_seconds",
      "request_prefill_time_seconds",
      "request_decode_time_seconds",
      "e2e_request_latency_seconds",
      "request_prompt_tokens",
      "request_generation_tokens",
    ]
  ) assert.equal(after.histograms.get(`llamacpp:${name}`)?.count, 2, name);
  assert.ok(after.histograms.get("llamacpp:inter_token_seconds")!.count >= 10);
  assert.equal(
    after.histograms.get("llamacpp:request_generation_tokens")!.sum,
    12,
  );
  // The names of llama-server.
  for (
    const name of [
      "prompt_tokens_total",
      "tokens_predicted_total",
      "requests_processing",
      "n_decode_total",
    ]
  ) {
    assert.match(text, new RegExp(`^llamacpp:${name} `, "m"));
  }
});

Deno.test({
  name: "/metrics is read by the Prometheus client's own parser",
  ignore: !PROMETHEUS.found,
  async fn() {
    await using server = await ServerProcess.start();
    await server.ask("/v1/chat/completions", {
      messages: MESSAGES,
      max_tokens: 6,
    });
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const script = "import sys\nfrom prometheus_client.parser import text_string_to_metric_families as f\n" +
      "all = {m.name: m for m in f(sys.stdin.read())}\n" +
      "h = all['llamacpp:time_to_first_token_seconds']\n" +
      "assert h.type == 'histogram' and len(h.samples) > 10, h\nprint(len(all))";
    const families = execFileSync(PROMETHEUS.path, ["-c", script], {
      input: text,
      encoding: "utf8",
    });
    assert.ok(Number(families) > 30, families);
  },
});
