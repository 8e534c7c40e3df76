/** What `native.ts` asks both servers, and why some keys of llama-server's have no match here. */

/** One request. */
export interface ParityCase {
  name: string;
  /** Default POST. */
  method?: "GET" | "POST";
  path: string;
  body?: unknown;
  /** Key paths whose values must be equal. */
  equal?: readonly string[];
  /** Our status where it differs from llama-server's on purpose. */
  status?: number;
}

/** A key that is missing for a reason. */
export interface Explained {
  path: RegExp;
  key: RegExp;
  reason: string;
}

const ANSWER = ["content", "tokens[]", "stop_type", "stopping_word", "tokens_predicted", "tokens_evaluated"];
const GREEDY = { prompt: "Once upon a time", n_predict: 8, temperature: 0 };

/** As llama.vim sends it to `/infill`, with its `response_fields`. */
const LLAMA_VIM = {
  id_slot: 0,
  input_prefix: "def add(a, b):\n",
  input_suffix: "\nprint(add(1, 2))\n",
  input_extra: [{ text: "x = 1\n", filename: "other.py" }],
  prompt: "    ret",
  n_predict: 8,
  stop: [],
  n_indent: 4,
  top_k: 40,
  top_p: 0.9,
  stream: false,
  samplers: ["top_k", "top_p", "infill"],
  cache_prompt: true,
  t_max_prompt_ms: 500,
  t_max_predict_ms: 1000,
  response_fields: [
    "content",
    "timings/prompt_n",
    "timings/prompt_ms",
    "timings/prompt_per_token_ms",
    "timings/prompt_per_second",
    "timings/predicted_n",
    "timings/predicted_ms",
    "timings/predicted_per_token_ms",
    "timings/predicted_per_second",
    "truncated",
    "tokens_cached",
  ],
};

/** Requests to the demonstration model, in this order. */
export const NATIVE_CASES: readonly ParityCase[] = [
  { name: "health", method: "GET", path: "/health", equal: [] },
  { name: "props", method: "GET", path: "/props", equal: ["total_slots", "bos_token", "eos_token"] },
  { name: "props, change", path: "/props", body: {} },
  {
    name: "models",
    method: "GET",
    path: "/v1/models",
    equal: ["data[].meta.n_ctx", "data[].meta.vocab_type"],
  },
  { name: "models, short path", method: "GET", path: "/models" },
  { name: "slots before any request", method: "GET", path: "/slots", equal: ["[]", "[].id", "[].n_ctx"] },
  { name: "completion", path: "/completion", body: GREEDY, equal: [...ANSWER, "prompt", "truncated"] },
  {
    name: "completion, all settings",
    path: "/completions",
    body: {
      ...GREEDY,
      top_k: 10,
      top_p: 0.5,
      min_p: 0.25,
      typical_p: 0.5,
      repeat_penalty: 1.25,
      repeat_last_n: 32,
      presence_penalty: 0.5,
      frequency_penalty: 0.5,
      dry_multiplier: 0.5,
      dry_base: 1.5,
      mirostat: 0,
      seed: 42,
      n_keep: 2,
      min_keep: 1,
      logit_bias: [[5, 1]],
      ignore_eos: false,
      samplers: ["penalties", "dry", "top_k", "typ_p", "top_p", "min_p", "temperature"],
      return_tokens: true,
      stop: ["zzz"],
    },
    equal: [
      ...ANSWER,
      ...[
        "seed",
        "top_k",
        "top_p",
        "min_p",
        "typical_p",
        "repeat_penalty",
        "repeat_last_n",
        "presence_penalty",
        "dry_multiplier",
        "dry_base",
        "dry_penalty_last_n",
        "n_keep",
        "n_predict",
        "max_tokens",
        "min_keep",
        "stream",
        "samplers[]",
        "stop[]",
        "grammar",
        "chat_format",
        "reasoning_format",
      ].map((key) => `generation_settings.${key}`),
      "generation_settings.samplers[].",
      "generation_settings.logit_bias[].token",
      "generation_settings.logit_bias[].bias",
    ],
  },
  {
    name: "completion, end of text",
    path: "/completion",
    body: {
      prompt: "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n",
      temperature: 0,
      return_tokens: true,
    },
    equal: [...ANSWER, "tokens_cached", "prompt", "truncated", "has_new_line"],
  },
  {
    name: "completion, stop word",
    path: "/completion",
    body: { ...GREEDY, stop: ["brave"], return_tokens: true },
    equal: ["content", "stop_type", "stopping_word"],
  },
  {
    name: "completion, n_probs",
    path: "/completion",
    body: { ...GREEDY, n_probs: 3 },
    equal: [
      "completion_probabilities[]",
      "completion_probabilities[].id",
      "completion_probabilities[].token",
      "completion_probabilities[].top_logprobs[]",
    ],
  },
  {
    name: "completion, post_sampling_probs",
    path: "/completion",
    body: { ...GREEDY, temperature: 1, top_k: 5, seed: 1, n_probs: 3, post_sampling_probs: true },
  },
  {
    name: "completion, stream",
    path: "/completion",
    body: { ...GREEDY, stream: true },
    equal: ["content", "chunk.tokens[].", "chunk.tokens_predicted", "last.stop_type", "last.content"],
  },
  {
    name: "completion, stream with everything",
    path: "/completion",
    body: {
      ...GREEDY,
      prompt: "A prompt of its own",
      stream: true,
      n_probs: 2,
      timings_per_token: true,
      return_progress: true,
      return_tokens: true,
    },
    equal: ["content"],
  },
  {
    name: "completion, several prompts",
    path: "/completion",
    body: { ...GREEDY, prompt: ["Once", [1, "upon a"], { prompt_string: "time" }] },
    equal: ["[]", "[].index", "[].content", "[].prompt"],
  },
  {
    name: "completion, mixed prompt",
    path: "/completion",
    body: { ...GREEDY, prompt: [12, "Once upon", 34] },
    equal: ["content", "prompt", "tokens_evaluated"],
  },
  {
    name: "completion, n_cmpl",
    path: "/completion",
    body: { ...GREEDY, n_cmpl: 2 },
    equal: ["[]", "[].index", "[].content"],
  },
  {
    name: "completion, no prompt tokens",
    path: "/completion",
    body: { prompt: "" },
    equal: ["content", "stop_type", "tokens_evaluated", "tokens_predicted"],
  },
  {
    name: "completion, grammar",
    path: "/completion",
    body: { ...GREEDY, grammar: 'root ::= "yes" | "no"' },
    equal: ["content", "generation_settings.grammar"],
  },
  {
    name: "completion, json_schema",
    path: "/completion",
    body: { ...GREEDY, n_predict: 40, json_schema: { type: "boolean" } },
    equal: ["content"],
  },
  {
    name: "completion, response_fields",
    path: "/completion",
    body: {
      ...GREEDY,
      response_fields: ["content", "timings/predicted_n", "generation_settings/n_predict", "no"],
    },
    equal: ["content", "timings/predicted_n", "generation_settings/n_predict"],
  },
  {
    name: "completion, empty response_fields",
    path: "/completion",
    body: { ...GREEDY, response_fields: [""] },
  },
  {
    name: "llama.vim's ring buffer",
    path: "/completion",
    body: { ...LLAMA_VIM, prompt: "Once", n_predict: 1, response_fields: [""] },
  },
  { name: "completion, wrong prompt", path: "/completion", body: { prompt: true }, status: 422 },
  {
    name: "completion, too long",
    path: "/completion",
    body: { prompt: "word ".repeat(3000), overflow: "error" },
  },
  { name: "infill without its tokens", path: "/infill", body: LLAMA_VIM, equal: ["error.type"] },
  { name: "slots after requests", method: "GET", path: "/slots" },
  { name: "slots, save", path: "/slots/0?action=save", body: { filename: "one" } },
  { name: "slots, restore", path: "/slots/0?action=restore", body: { filename: "one" } },
  { name: "slots, erase", path: "/slots/0?action=erase", body: {} },
  { name: "slots, wrong name", path: "/slots/0?action=save", body: { filename: "../one" }, status: 422 },
  { name: "slots, none free", method: "GET", path: "/slots?fail_on_no_slot=1" },
  {
    name: "tokenize",
    path: "/tokenize",
    body: { content: "Once upon <|im_end|> a time" },
    equal: ["tokens[]", "tokens[]."],
  },
  {
    name: "tokenize, pieces",
    path: "/tokenize",
    body: { content: "Хорошо <|im_end|> \u{1f600}", with_pieces: true },
    equal: ["tokens[]", "tokens[].id", "tokens[].piece", "tokens[].piece[]", "tokens[].piece[]."],
  },
  {
    name: "tokenize, mixed, special as text",
    path: "/tokenize",
    body: { content: [5, "<|im_end|>"], parse_special: false, add_special: true },
    equal: ["tokens[]."],
  },
  { name: "detokenize", path: "/detokenize", body: { tokens: [12, 500, 1, 2, 3000] }, equal: ["content"] },
  {
    name: "apply-template",
    path: "/apply-template",
    body: {
      chat_template_kwargs: { enable_thinking: true },
      messages: [{ role: "system", content: "Be kind." }, { role: "user", content: "Hi" }],
    },
    equal: ["prompt"],
  },
  {
    name: "apply-template, tools",
    path: "/apply-template",
    body: {
      messages: [{ role: "user", content: "Hi" }],
      chat_template_kwargs: { enable_thinking: true },
      tools: [{
        type: "function",
        function: { name: "f", description: "Does f.", parameters: { type: "object", properties: {} } },
      }],
    },
    equal: ["prompt"],
  },
  {
    name: "apply-template, kwargs",
    path: "/apply-template",
    body: { messages: [{ role: "user", content: "Hi" }], chat_template_kwargs: { enable_thinking: false } },
    equal: ["prompt"],
  },
  { name: "lora-adapters", method: "GET", path: "/lora-adapters", equal: ["[]"] },
  { name: "lora-adapters, change", path: "/lora-adapters", body: [], equal: ["success"] },
  {
    name: "chat, short path (llama.vscode)",
    path: "/chat/completions",
    body: {
      messages: [{ role: "user", content: "Hello!" }],
      temperature: 0,
      max_tokens: 8,
      chat_template_kwargs: { enable_thinking: false },
    },
    equal: ["choices[].message.content"],
  },
  { name: "metrics", method: "GET", path: "/metrics" },
];

/** Requests to a model with fill-in-the-middle tokens. */
export const INFILL_CASES: readonly ParityCase[] = [
  {
    name: "infill",
    path: "/infill",
    body: { ...LLAMA_VIM, response_fields: [] },
    equal: ["prompt", "tokens_evaluated", "generation_settings.samplers[]."],
  },
  { name: "infill of llama.vim", path: "/infill", body: LLAMA_VIM, equal: ["truncated"] },
  {
    name: "infill of llama.vscode",
    path: "/infill",
    body: { ...LLAMA_VIM, temperature: 0, t_max_predict_ms: 2500, response_fields: [], input_extra: [] },
    equal: ["prompt", "tokens_evaluated"],
  },
  {
    name: "infill, cache only",
    path: "/infill",
    body: {
      id_slot: 0,
      input_prefix: "",
      input_suffix: "",
      input_extra: [{ text: "a\n", filename: "b" }],
      prompt: "",
      n_predict: 0,
      samplers: [],
      cache_prompt: true,
      response_fields: [""],
    },
  },
  { name: "infill without a suffix", path: "/infill", body: { input_prefix: "a" }, status: 422 },
];

/** Why keys are missing. */
export const EXPLAINED: readonly Explained[] = [];
