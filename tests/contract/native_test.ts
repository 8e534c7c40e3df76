import assert from "node:assert/strict";
import { Harness } from "./harness.ts";

Deno.test("POST /tokenize gives ids, with pieces if asked", async () => {
  const h = new Harness();
  assert.deepEqual((await h.postJson("/tokenize", { content: "ab" })).json.value, { tokens: [97, 98] });
  assert.deepEqual((await h.postJson("/tokenize", { content: "a", add_special: true })).json.value, {
    tokens: [0, 97],
  });
  assert.deepEqual((await h.postJson("/tokenize", { content: "a", with_pieces: true })).json.value, {
    tokens: [{ id: 97, piece: "a" }],
  });
});

Deno.test("POST /detokenize gives text and refuses tokens outside the vocabulary", async () => {
  const h = new Harness();
  assert.deepEqual((await h.postJson("/detokenize", { tokens: [97, 98] })).json.value, { content: "ab" });
  const { status, json } = await h.postJson("/detokenize", { tokens: [1000] });
  assert.deepEqual([status, json.at("error", "code"), json.at("error", "type")], [
    422,
    422,
    "invalid_request_error",
  ]);
});

Deno.test("POST /apply-template renders a conversation", async () => {
  const h = new Harness();
  const { json } = await h.postJson("/apply-template", { messages: [{ role: "user", content: "x" }] });
  assert.deepEqual(json.value, { prompt: "<user>x" });
});

Deno.test("GET /slots lists as many slots as requests may run, by number", async () => {
  const h = new Harness();
  const response = await h.app.request("/slots");
  const [idle, busy] = await response.json();
  assert.deepEqual([busy.id, busy.is_processing, busy.n_ctx], [1, true, 4096]);
  assert.deepEqual(busy.next_token, [{
    has_next_token: true,
    has_new_line: false,
    n_remain: 5,
    n_decoded: 3,
  }]);
  assert.deepEqual([busy.n_prompt_tokens, busy.n_prompt_tokens_cache, busy.n_prompt_tokens_processed], [
    10,
    4,
    6,
  ]);
  assert.deepEqual([idle.id, idle.is_processing], [0, false]);
  assert.equal((await h.app.request("/slots?fail_on_no_slot=1")).status, 200);
});

Deno.test("GET /metrics is Prometheus text with cumulative buckets", async () => {
  const h = new Harness();
  const response = await h.app.request("/metrics");
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (
    const line of [
      "# TYPE llamacpp:prompt_tokens_total counter",
      "llamacpp:prompt_tokens_total 60",
      "llamacpp:prompt_tokens_cached_total 40",
      "llamacpp:prompt_tokens_seconds 30",
      "llamacpp:requests_processing 1",
      'llamacpp:step_seconds_bucket{le="0.1"} 2',
      'llamacpp:step_seconds_bucket{le="1"} 3',
      'llamacpp:step_seconds_bucket{le="+Inf"} 4',
      "llamacpp:step_seconds_sum 3.5",
      "llamacpp:step_seconds_count 4",
    ]
  ) assert.ok(text.split("\n").includes(line), line);
  assert.ok(
    text.split("\n").every((line) =>
      line === "" || /^(# |llamacpp:[a-z0-9_]+(\{le="[^"]+"\})? [0-9.e+-]+$)/.test(line)
    ),
  );
});

Deno.test("GET /slots and /metrics answer 503 while the model loads", async () => {
  const h = new Harness();
  h.service.state = { ready: false, progress: 0.5 };
  for (const path of ["/slots", "/metrics"]) assert.equal((await h.app.request(path)).status, 503);
});
