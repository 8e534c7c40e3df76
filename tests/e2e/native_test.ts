/** llama-server's own endpoints against the real server and the demonstration model. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ServerProcess } from "../support/server_process.ts";
import { writeLoraAdapter } from "../support/lora_adapter.ts";
import { tinyModel } from "../support/tiny_models.ts";

let server: ServerProcess;
let folder: string;
Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "native-e2e-" });
  server = await ServerProcess.start({
    args: ["--slot-save-path", folder, "--parallel", "2"],
  });
});
Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
});

interface Completion {
  content: string;
  tokens: number[];
  id_slot: number;
  stop: boolean;
  stop_type: string;
  stopping_word: string;
  tokens_predicted: number;
  tokens_evaluated: number;
  timings: { cache_n: number; prompt_n: number; predicted_n: number };
  prompt_progress?: { total: number; cache: number; processed: number };
  completion_probabilities?: {
    id: number;
    prob: number;
    logprob: number;
    top_probs: { id: number; prob: number }[];
    top_logprobs: { id: number; logprob: number }[];
  }[];
}

const HELLO = "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n";

function complete(body: Record<string, unknown>): Promise<Completion> {
  return server.ask<Completion>("/completion", { temperature: 0, ...body });
}

async function stream(body: Record<string, unknown>): Promise<Completion[]> {
  const response = await server.post("/completion", {
    temperature: 0,
    stream: true,
    ...body,
  });
  assert.equal(response.status, 200);
  const text = await response.text();
  return text.split("\n\n").filter((event) => event !== "").map((event) =>
    JSON.parse(event.slice("data: ".length))
  );
}

Deno.test("/completion: a stream holds the text and tokens of the whole answer", async () => {
  const whole = await complete({
    prompt: HELLO,
    n_predict: 64,
    return_tokens: true,
  });
  assert.deepEqual([whole.stop_type, whole.tokens.length], [
    "eos",
    whole.tokens_predicted,
  ]);
  const chunks = await stream({ prompt: HELLO, n_predict: 64 });
  assert.equal(chunks.map(({ content }) => content).join(""), whole.content);
  assert.deepEqual(
    chunks.flatMap(({ tokens }) => tokens),
    whole.tokens.slice(0, -1),
  );
  assert.deepEqual([chunks.at(-1)?.stop, chunks.at(-1)?.stop_type], [
    true,
    "eos",
  ]);
  const text = await server.ask<{ content: string }>("/detokenize", {
    tokens: whole.tokens.slice(0, -1),
  });
  assert.equal(text.content, whole.content);
});

Deno.test("/completion: cache_prompt, ignore_eos, n_predict and stop do what they say", async () => {
  const prompt = "Once upon a time there was a fox";
  await complete({ prompt, n_predict: 4 });
  assert.ok((await complete({ prompt, n_predict: 4 })).timings.cache_n > 0);
  assert.equal(
    (await complete({ prompt, n_predict: 4, cache_prompt: false })).timings
      .cache_n,
    0,
  );
  const long = await complete({
    prompt: HELLO,
    n_predict: 80,
    ignore_eos: true,
  });
  assert.deepEqual([long.stop_type, long.tokens_predicted], ["limit", 80]);
  assert.equal((await complete({ prompt, n_predict: 0 })).tokens_predicted, 0);
  const stopped = await complete({ prompt: HELLO, stop: ["demonstration"] });
  assert.deepEqual([stopped.stop_type, stopped.stopping_word], [
    "word",
    "demonstration",
  ]);
  assert.ok(!stopped.content.includes("demonstration"));
});

Deno.test("/completion: progress reaches the whole prompt before the first token", async () => {
  const prompt = "A story about numbers: " +
    Array.from({ length: 700 }, (_, i) => i).join(" ");
  const chunks = await stream({
    prompt,
    n_predict: 2,
    return_progress: true,
    timings_per_token: true,
  });
  const progress = chunks.flatMap((chunk) => chunk.prompt_progress ?? []);
  assert.ok(progress.length >= 3, `${progress.length} reports`);
  const processed = progress.map((one) => one.processed);
  assert.deepEqual(processed, [...processed].sort((a, b) => a - b));
  assert.equal(processed.at(-1), progress[0]?.total);
  assert.equal(
    chunks.findIndex(({ prompt_progress: p }) => p === undefined),
    progress.length,
  );
  assert.equal(chunks.at(-2)?.timings.predicted_n, 2);
});

Deno.test("/completion: n_indent and t_max_predict_ms end an answer at a line", async () => {
  const lines = await complete({
    prompt: HELLO,
    n_predict: 40,
    grammar: 'root ::= "a\\n  b\\nc" [a-z]+',
  });
  assert.match(lines.content, /^a\n {2}b\nc/);
  const indented = await complete({
    prompt: HELLO,
    n_predict: 40,
    n_indent: 2,
    grammar: 'root ::= "a\\n  b\\nc" [a-z]+',
  });
  assert.deepEqual([indented.content, indented.stop_type], [
    "a\n  b\n",
    "limit",
  ]);
});

Deno.test("/completion: probabilities before and after sampling", async () => {
  const body = {
    prompt: "Once upon a",
    n_predict: 3,
    n_probs: 4,
    temperature: 2,
    top_k: 3,
    min_p: 0,
    top_p: 1,
  };
  const post = await complete({ ...body, seed: 5, post_sampling_probs: true });
  for (const { id, prob, top_probs } of post.completion_probabilities ?? []) {
    assert.ok(top_probs.length <= 3);
    const sum = top_probs.reduce((total, one) => total + one.prob, 0);
    assert.ok(Math.abs(sum - 1) < 1e-6, `${sum}`);
    assert.equal(top_probs.find((one) => one.id === id)?.prob, prob);
  }
  const pre = await complete({ ...body, seed: 5 });
  const [first] = pre.completion_probabilities ?? [];
  const [drawn] = post.completion_probabilities ?? [];
  assert.ok(first && drawn && first.top_logprobs.length === 4);
  // Temperature 2 takes the square root: the ratio of the two best says so.
  const ratio = Math.exp(
    (first.top_logprobs[0]!.logprob - first.top_logprobs[1]!.logprob) / 2,
  );
  assert.ok(
    Math.abs(drawn.top_probs[0]!.prob / drawn.top_probs[1]!.prob / ratio - 1) <
      0.01,
  );
});

Deno.test("/completion: several prompts answer as they do alone", async () => {
  const prompts = ["Once upon", [1, "a time"], { prompt_string: "The sky" }];
  const alone = await Promise.all(
    prompts.map((prompt) => complete({ prompt: [prompt], n_predict: 6 })),
  );
  const together = await server.ask<Completion[]>("/completion", {
    prompt: prompts,
    n_predict: 6,
    temperature: 0,
  });
  assert.deepEqual(
    together.map(({ content }) => content),
    alone.map(({ content }) => content),
  );
});

Deno.test("/slots: a saved slot spares computing the prompt again", async () => {
  const prompt = "It was a dark and stormy night and nobody knew";
  const ask = <T>(action: string) => server.ask<T>(`/slots/1?action=${action}`, { filename: "night.bin" });
  const before = await complete({ prompt, n_predict: 8, id_slot: 1 });
  assert.equal(before.id_slot, 1);
  const { n_saved, n_written } = await ask<
    { n_saved: number; n_written: number }
  >("save");
  assert.equal((await Deno.stat(join(folder, "night.bin"))).size, n_written);
  assert.equal((await ask<{ n_erased: number }>("erase")).n_erased, n_saved);
  assert.ok(
    (await complete({ prompt, n_predict: 0, id_slot: 0 })).timings.cache_n < 3,
  );
  await server.ask("/slots/0?action=erase", {});
  const { n_restored } = await ask<{ n_restored: number }>("restore");
  assert.equal(n_restored, n_saved);
  const after = await complete({ prompt, n_predict: 8, id_slot: 1 });
  assert.deepEqual([after.content, after.timings.prompt_n], [
    before.content,
    1,
  ]);
});

Deno.test("/slots: a damaged file and one of another model are refused", async () => {
  await complete({ prompt: "Save me please", n_predict: 2, id_slot: 0 });
  await server.ask("/slots/0?action=save", { filename: "good" });
  const good = await Deno.readFile(join(folder, "good"));
  const head = new TextDecoder().decode(good.subarray(0, good.indexOf(10)));
  const files: Record<string, Uint8Array> = {
    empty: new Uint8Array(0),
    short: good.subarray(0, good.length - 1),
    text: new TextEncoder().encode("hello\nworld"),
    other: new TextEncoder().encode(
      head.replace(/"model":"[^"]*"/, '"model":"x"') + "\n",
    ),
    noise: good.map((byte, i) => i > good.indexOf(10) + 100 ? byte ^ 0x5a : byte),
  };
  for (const [filename, bytes] of Object.entries(files)) {
    await Deno.writeFile(join(folder, filename), bytes);
    const response = await server.post("/slots/0?action=restore", { filename });
    assert.equal(response.status, 422, `${filename}: ${await response.text()}`);
  }
  const absent = await server.post("/slots/0?action=restore", {
    filename: "absent",
  });
  assert.equal(absent.status, 404, await absent.text());
  const idle = await complete({ prompt: "Save me please", n_predict: 2 });
  assert.equal(idle.tokens_predicted, 2);
});

Deno.test("/slots and /props show what runs", async () => {
  await complete({ prompt: "Once", n_predict: 2, top_k: 17, id_slot: 0 });
  const slots = await (await fetch(`${server.url}/slots`)).json();
  assert.deepEqual(
    slots.map((
      slot: { id: number; is_processing: boolean },
    ) => [slot.id, slot.is_processing]),
    [
      [0, false],
      [1, false],
    ],
  );
  assert.equal(slots[0].params.top_k, 17);
  const props = await (await fetch(`${server.url}/props`)).json();
  assert.deepEqual(props.memory, {
    can_shift: true,
    can_share_prefix: true,
    reason: "",
  });
  assert.equal(props.eos_token, "<|im_end|>");
});

Deno.test("/props says what a sliding-window, a recurrent and a hybrid model's memory cannot do", async () => {
  for (
    const [architecture, reason] of [
      ["gemma3", /sliding window/],
      ["mamba", /is recurrent/],
      ["jamba", /partly recurrent/],
    ] as const
  ) {
    await using other = await ServerProcess.start({
      model: tinyModel(architecture),
      args: ["-c", "256"],
    });
    const { memory } = await (await fetch(`${other.url}/props`)).json();
    assert.deepEqual([memory.can_shift, memory.can_share_prefix], [
      false,
      false,
    ]);
    assert.match(memory.reason, reason);
  }
});

Deno.test("/lora-adapters: scales change answers, and scale 0 is the model itself", async () => {
  const model = tinyModel("qwen2");
  const adapter = writeLoraAdapter(join(folder, "adapter.gguf"), {
    architecture: "qwen2",
    nEmbd: 64,
  });
  const body = { prompt: "Once upon a time", n_predict: 12, temperature: 0 };
  await using plain = await ServerProcess.start({ model, args: ["-c", "256"] });
  const own = (await plain.ask<Completion>("/completion", body)).content;
  await using adapted = await ServerProcess.start({
    model,
    args: ["-c", "256", "--lora", adapter],
  });
  const ask = async () => (await adapted.ask<Completion>("/completion", body)).content;
  const [listed] = await (await fetch(`${adapted.url}/lora-adapters`)).json();
  assert.deepEqual([listed.id, listed.path, listed.scale], [0, adapter, 1]);
  const changed = await ask();
  assert.notEqual(changed, own);
  await adapted.ask("/lora-adapters", [{ id: 0, scale: 0 }]);
  assert.equal(
    await ask(),
    own,
    "the prompt's cells of the old scale are not reused",
  );
  await adapted.ask("/lora-adapters", [{ id: 0, scale: 1 }]);
  assert.equal(await ask(), changed);
  const refused = await adapted.post("/completion", {
    ...body,
    lora: [{ id: 0, scale: 0.5 }],
  });
  assert.equal(refused.status, 501, await refused.text());
});
