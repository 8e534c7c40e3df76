/** Good bodies for each endpoint, with the features that clients use: what mutations begin with. */

import type { JsonNode } from "./json_node.ts";

/** Names of models; the fuzzer's server knows the first ones. */
export const MODEL_NAMES: readonly string[] = ["llama", "demo", "made", "copied:v1", "nope"];

const USER = { role: "user", content: "What is 2+2?" };
const PARAMETERS = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const TOOL = {
  type: "function",
  function: { name: "get_weather", description: "Weather", parameters: PARAMETERS },
};
const CALL = { id: "c1", type: "function", function: { name: "get_weather", arguments: '{"city":"Paris"}' } };
const SCHEMA = {
  type: "object",
  properties: { a: { type: "integer" }, b: { type: ["string", "null"] } },
  required: ["a"],
};
const GRAMMAR = 'root ::= "yes" | "no"';

const CHAT: readonly JsonNode[] = [
  { messages: [USER], max_tokens: 8, temperature: 0 },
  {
    messages: [{ role: "system", content: "Be brief." }, USER],
    stream: true,
    stream_options: { include_usage: true },
  },
  { messages: [USER], tools: [TOOL], tool_choice: "auto", max_tokens: 16 },
  { messages: [USER], tools: [TOOL], tool_choice: "required", stream: true },
  {
    messages: [USER, { role: "assistant", content: null, tool_calls: [CALL] }, {
      role: "tool",
      tool_call_id: "c1",
      content: "sunny",
    }],
    max_tokens: 4,
  },
  { messages: [USER], response_format: { type: "json_schema", json_schema: { name: "s", schema: SCHEMA } } },
  { messages: [USER], response_format: { type: "json_object" }, n: 3, stream: true },
  { messages: [USER], n: 12, max_tokens: 2, logprobs: true, top_logprobs: 5 },
  {
    messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }],
    stop: ["\n", "x"],
    logit_bias: { "5": -100 },
  },
  { messages: [USER], grammar: GRAMMAR, top_k: 1, seed: 1, min_p: 0.1, repeat_penalty: 1.1, mirostat: 2 },
  {
    messages: [USER],
    reasoning_effort: "low",
    chat_template_kwargs: { enable_thinking: true },
    max_tokens: 16,
  },
  {
    messages: [USER, { role: "assistant", content: "The answer" }],
    continue_final_message: true,
    add_generation_prompt: false,
  },
];

const COMPLETION: readonly JsonNode[] = [
  { prompt: "Once upon a time", max_tokens: 8 },
  { prompt: ["a", "b", "c"], n: 2, max_tokens: 4, stream: true },
  { prompt: "Hello", echo: true, logprobs: 2, max_tokens: 2 },
  { prompt: [[1, 2, 3], [4, 5]], best_of: 3, n: 1, max_tokens: 2 },
  { prompt: "def f(", suffix: "return 1", max_tokens: 4 },
];

const NATIVE_COMPLETION: readonly JsonNode[] = [
  { prompt: "Once upon a time", n_predict: 8, cache_prompt: true, id_slot: 1 },
  {
    prompt: ["a", [1, 2], { prompt_string: "b" }],
    n_predict: 4,
    stream: true,
    n_probs: 3,
    post_sampling_probs: true,
  },
  {
    prompt: [1, "mixed", 2],
    n_predict: 4,
    samplers: ["top_k", "temperature"],
    return_tokens: true,
    return_progress: true,
  },
  { prompt: "x", n_predict: 8, json_schema: SCHEMA, stop: ["}"], timings_per_token: true },
  {
    prompt: "x",
    n_predict: 8,
    grammar: GRAMMAR,
    logit_bias: [[5, false], ["a", 2]],
    n_keep: 2,
    t_max_predict_ms: 500,
  },
  { prompt: "x", n_predict: 4, n_cmpl: 3, response_fields: ["content", "generation_settings/n_predict"] },
];

const OLLAMA_CHAT: readonly JsonNode[] = [
  { model: "llama", messages: [USER], stream: false, options: { num_predict: 8, temperature: 0, seed: 1 } },
  { model: "llama", messages: [USER], tools: [TOOL], options: { num_predict: 16 } },
  { model: "llama", messages: [USER], format: SCHEMA, think: true, keep_alive: "5m" },
  { model: "llama", messages: [] },
  { model: "llama", messages: [], keep_alive: 0 },
  { model: "made", messages: [USER], stream: false, keep_alive: 30 },
];

const OLLAMA_GENERATE: readonly JsonNode[] = [
  { model: "llama", prompt: "Why is the sky blue?", stream: false, options: { num_predict: 8 } },
  {
    model: "llama",
    prompt: "a",
    suffix: "b",
    raw: true,
    context: [1, 2, 3],
    logprobs: true,
    top_logprobs: 2,
  },
  {
    model: "llama",
    prompt: "x",
    system: "s",
    template: "{{ .System }} {{ .Prompt }}",
    format: "json",
    think: "low",
  },
  { model: "llama", keep_alive: 0 },
];

const ANTHROPIC: readonly JsonNode[] = [
  { model: "llama", max_tokens: 8, messages: [USER] },
  {
    model: "llama",
    max_tokens: 8,
    system: [{ type: "text", text: "s" }],
    messages: [USER],
    stream: true,
    stop_sequences: ["x"],
  },
  {
    model: "llama",
    max_tokens: 16,
    messages: [USER],
    tools: [{ name: "get_weather", input_schema: PARAMETERS }],
    tool_choice: { type: "any" },
  },
  {
    model: "llama",
    max_tokens: 4,
    messages: [
      USER,
      {
        role: "assistant",
        content: [{ type: "tool_use", id: "t", name: "get_weather", input: { city: "Paris" } }],
      },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "sunny" }] }],
      },
    ],
    thinking: { type: "enabled", budget_tokens: 1024 },
  },
];

const RESPONSES: readonly JsonNode[] = [
  { input: "What is 2+2?", max_output_tokens: 16 },
  {
    input: [{ role: "user", content: [{ type: "input_text", text: "Hi" }] }],
    instructions: "s",
    stream: true,
  },
  {
    input: "x",
    tools: [{ type: "function", name: "get_weather", parameters: PARAMETERS, strict: true }],
    tool_choice: "required",
  },
  {
    input: "x",
    text: { format: { type: "json_schema", name: "s", schema: SCHEMA } },
    reasoning: { effort: "low" },
  },
  {
    input: [
      { type: "message", role: "user", content: "x" },
      { type: "function_call", call_id: "c", name: "get_weather", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: "sunny" },
    ],
  },
];

const EMBEDDINGS: readonly JsonNode[] = [
  { input: "Hello" },
  { input: ["a", "b", "c"], encoding_format: "base64", dimensions: 8 },
  { input: [[1, 2, 3], [4]] },
];

const NATIVE_EMBEDDING: readonly JsonNode[] = [
  { content: "Hello" },
  { input: ["a", [1, 2]], embd_normalize: 2 },
];

const RERANK: readonly JsonNode[] = [{ query: "a", documents: ["b", "c"], top_n: 1 }];

/** @param digests of blobs that the server has, the first one of a good model file */
function management(digests: readonly string[]): Readonly<Record<string, readonly JsonNode[]>> {
  const unreachable = { model: "127.0.0.1:9/library/x:latest", insecure: true };
  return {
    "/api/show": [{ model: "llama" }, { model: "made", verbose: true }],
    "/api/pull": [unreachable, { ...unreachable, stream: false }],
    "/api/push": [unreachable, { model: "made", stream: false }],
    "/api/copy": [{ source: "made", destination: "copied:v1" }, { source: "llama", destination: "made" }],
    "/api/delete": [{ model: "copied:v1" }, { model: "nope" }],
    "/api/create": [
      {
        model: "made",
        from: "made",
        system: "Be brief.",
        parameters: { temperature: 0.5, stop: ["x"] },
        stream: false,
      },
      {
        model: "copied:v1",
        files: { "m.gguf": digests[0] ?? "" },
        template: "{{ .Prompt }}",
        messages: [USER],
      },
      { model: "copied:v1", files: { "m.gguf": digests[1] ?? "" }, stream: false },
      { model: "copied:v1", from: "made", adapters: { "a.gguf": digests[1] ?? "" }, license: ["MIT"] },
      { model: "copied:v1", from: "made", quantize: "q4_0", stream: false },
    ],
  };
}

/** Good bodies by path. Paths that are not here have only what their schemas say. */
export function seedBodies(digests: readonly string[]): ReadonlyMap<string, readonly JsonNode[]> {
  return new Map(Object.entries({
    "/v1/chat/completions": CHAT,
    "/chat/completions": CHAT,
    "/v1/completions": COMPLETION,
    "/v1/embeddings": EMBEDDINGS,
    "/v1/responses": RESPONSES,
    "/responses": RESPONSES,
    "/v1/responses/input_tokens": RESPONSES,
    "/responses/input_tokens": RESPONSES,
    "/v1/messages": ANTHROPIC,
    "/v1/messages/count_tokens": ANTHROPIC,
    "/api/chat": OLLAMA_CHAT,
    "/api/generate": OLLAMA_GENERATE,
    "/api/embed": EMBEDDINGS,
    "/api/embeddings": [{ model: "llama", prompt: "Hello" }],
    "/completion": NATIVE_COMPLETION,
    "/completions": NATIVE_COMPLETION,
    "/infill": [{
      input_prefix: "def f(",
      input_suffix: "return",
      n_predict: 4,
      input_extra: [{ filename: "a", text: "b" }],
    }],
    "/embedding": NATIVE_EMBEDDING,
    "/embeddings": NATIVE_EMBEDDING,
    "/rerank": RERANK,
    "/reranking": RERANK,
    "/v1/rerank": RERANK,
    "/v1/reranking": RERANK,
    "/tokenize": [{ content: "Hello", add_special: true, with_pieces: true }, { content: ["a", 1] }],
    "/detokenize": [{ tokens: [1, 2, 3] }],
    "/apply-template": [{ messages: [USER], tools: [TOOL] }],
    "/slots/{id}": [{ filename: "slot.bin" }],
    "/lora-adapters": [[], [{ id: 0, scale: 0.5 }]],
    ...management(digests),
  }));
}
