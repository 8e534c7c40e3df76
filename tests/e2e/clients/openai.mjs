/** The npm package `openai` against a running server. */

import assert from "node:assert/strict";
import OpenAI from "openai";
import { BASE_URL, check, report } from "./checks.mjs";

const client = new OpenAI({
  baseURL: `${BASE_URL}/v1`,
  apiKey: "dummy",
  maxRetries: 0,
});
const messages = [{ role: "user", content: "Count to 5" }];
const greedy = { model: "llama", temperature: 0, max_tokens: 24 };

/** The error that a promise ends with. */
async function rejection(promise) {
  return await promise.then(
    () => assert.fail("the call succeeded"),
    (error) => error,
  );
}

check("chat.completions.create() returns a message and usage", async () => {
  const answer = await client.chat.completions.create({ ...greedy, messages });
  const [choice] = answer.choices;
  assert.equal(answer.object, "chat.completion");
  assert.equal(choice.message.role, "assistant");
  assert.ok(choice.message.content.length > 0);
  assert.ok(["stop", "length"].includes(choice.finish_reason));
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.ok(
    prompt_tokens > 0 && completion_tokens > 0 && completion_tokens <= 24,
  );
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

check(
  "chat.completions.create({ stream }) gives the same text in pieces, then usage",
  async () => {
    const whole = await client.chat.completions.create({ ...greedy, messages });
    const stream = await client.chat.completions.create({
      ...greedy,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage = null;
    let reason = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      reason = chunk.choices[0]?.finish_reason ?? reason;
      if (chunk.usage) {
        assert.equal(usage, null, "usage comes once");
        assert.deepEqual(chunk.choices, []);
        usage = chunk.usage;
      }
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(reason, whole.choices[0].finish_reason);
    assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
    assert.equal(usage.prompt_tokens, whole.usage.prompt_tokens);
  },
);

check("chat.completions.stream() builds the final message", async () => {
  const runner = client.chat.completions.stream({ ...greedy, messages });
  let text = "";
  runner.on("content", (delta) => text += delta);
  assert.equal(await runner.finalContent(), text);
  assert.ok(text.length > 0);
});

check("chat.completions.create({ n }) gives n choices", async () => {
  const answer = await client.chat.completions.create({
    ...greedy,
    max_tokens: 4,
    n: 3,
    messages,
  });
  assert.deepEqual(answer.choices.map(({ index }) => index), [0, 1, 2]);
  const [first] = answer.choices;
  // Greedy choices are equal; the prompt they share counts once.
  for (const { message } of answer.choices) {
    assert.equal(message.content, first.message.content);
  }
  assert.ok(answer.usage.completion_tokens <= 12);
});

check(
  "chat.completions.create({ logprobs }) explains every token",
  async () => {
    const answer = await client.chat.completions.create({
      ...greedy,
      messages,
      logprobs: true,
      top_logprobs: 3,
    });
    const [{ message, logprobs }] = answer.choices;
    const bytes = Uint8Array.from(
      logprobs.content.flatMap((item) => item.bytes),
    );
    assert.ok(new TextDecoder().decode(bytes).startsWith(message.content));
    for (const item of logprobs.content) {
      assert.ok(Number.isFinite(item.logprob) && item.logprob <= 0);
      assert.equal(item.top_logprobs.length, 3);
      const [best, second] = item.top_logprobs;
      assert.ok(best.logprob >= second.logprob);
      assert.equal(item.token, best.token, "a greedy token is the likeliest");
    }
  },
);

check("chat.completions.create({ seed }) repeats itself", async () => {
  const ask = async (seed) => {
    const body = {
      model: "llama",
      messages,
      temperature: 1.5,
      max_tokens: 24,
      seed,
    };
    return (await client.chat.completions.create(body)).choices[0].message
      .content;
  };
  const first = await ask(7);
  assert.equal(await ask(7), first);
  const others = await Promise.all([1, 2, 3, 4].map(ask));
  assert.ok(
    others.some((text) => text !== first),
    "other seeds give other text",
  );
});

check(
  "chat.completions.create() takes parts, developer role, null fields and max_completion_tokens",
  async () => {
    const answer = await client.chat.completions.create({
      model: "llama",
      temperature: 0,
      max_completion_tokens: 3,
      stop: null,
      user: "somebody",
      metadata: { a: "b" },
      store: false,
      messages: [
        { role: "developer", content: "You are a helpful assistant." },
        { role: "user", content: [{ type: "text", text: "Hello" }] },
      ],
    });
    assert.ok(answer.usage.completion_tokens <= 3);
  },
);

check("completions.create() continues text, whole and streamed", async () => {
  const body = { ...greedy, prompt: "Once upon a time" };
  const whole = await client.completions.create(body);
  assert.equal(whole.object, "text_completion");
  let text = "";
  for await (
    const chunk of await client.completions.create({ ...body, stream: true })
  ) {
    text += chunk.choices[0]?.text ?? "";
  }
  assert.equal(text, whole.choices[0].text);
  assert.ok(text.length > 0);
});

check("completions.create() answers several prompts in order", async () => {
  const answer = await client.completions.create({
    ...greedy,
    max_tokens: 3,
    prompt: ["Hello", "Once upon"],
    echo: true,
  });
  assert.deepEqual(answer.choices.map(({ index }) => index), [0, 1]);
  assert.ok(answer.choices[0].text.startsWith("Hello"));
  assert.ok(answer.choices[1].text.startsWith("Once upon"));
});

check("completions.create({ logprobs }) gives parallel arrays", async () => {
  const answer = await client.completions.create({
    ...greedy,
    max_tokens: 5,
    prompt: "Once upon a time",
    logprobs: 2,
  });
  const { tokens, token_logprobs, top_logprobs, text_offset } =
    answer.choices[0].logprobs;
  assert.ok(tokens.length > 0);
  for (const list of [token_logprobs, top_logprobs, text_offset]) {
    assert.equal(list.length, tokens.length);
  }
});

check("models.list() and models.retrieve() agree", async () => {
  const models = [];
  for await (const model of client.models.list()) models.push(model);
  assert.equal(models.length, 1);
  assert.deepEqual(await client.models.retrieve(models[0].id), models[0]);
  assert.equal((await client.models.retrieve("llama")).id, models[0].id);
});

check(
  "BadRequestError for empty messages and for top_logprobs alone",
  async () => {
    const empty = await rejection(
      client.chat.completions.create({ ...greedy, messages: [] }),
    );
    assert.ok(
      empty instanceof OpenAI.APIError && [400, 422].includes(empty.status),
      String(empty),
    );
    const alone = await rejection(
      client.chat.completions.create({ ...greedy, messages, top_logprobs: 2 }),
    );
    assert.ok(alone instanceof OpenAI.BadRequestError, String(alone));
    assert.equal(alone.param, "top_logprobs");
  },
);

check(
  "BadRequestError with code context_length_exceeded when overflow is an error",
  async () => {
    const long = [{ role: "user", content: "word ".repeat(20_000) }];
    const error = await rejection(
      client.chat.completions.create({
        ...greedy,
        messages: long,
        overflow: "error",
      }),
    );
    assert.ok(error instanceof OpenAI.BadRequestError, String(error));
    assert.equal(error.code, "context_length_exceeded");
    assert.ok(error.error.n_prompt_tokens > error.error.n_ctx);
  },
);

check(
  "NotFoundError for an unknown model and an unknown endpoint",
  async () => {
    const model = await rejection(
      client.chat.completions.create({ ...greedy, model: "gpt-9", messages }),
    );
    assert.ok(model instanceof OpenAI.NotFoundError, String(model));
    assert.equal(model.code, "model_not_found");
    assert.ok(
      await rejection(client.models.retrieve("gpt-9")) instanceof
        OpenAI.NotFoundError,
    );
    assert.ok(
      await rejection(client.get("/nothing-here")) instanceof
        OpenAI.NotFoundError,
    );
  },
);

check("UnprocessableEntityError names the field", async () => {
  const wrong = {
    temperature: 9,
    top_p: "much",
    max_tokens: -5,
    messages: [{ role: "king", content: "x" }],
  };
  for (const [field, value] of Object.entries(wrong)) {
    const error = await rejection(
      client.chat.completions.create({ ...greedy, messages, [field]: value }),
    );
    assert.ok(
      error instanceof OpenAI.UnprocessableEntityError,
      `${field}: ${error}`,
    );
    assert.ok(error.param.startsWith(field), `${error.param} names ${field}`);
    assert.ok(error.message.includes(field), error.message);
  }
});

check(
  "an aborted stream ends, and the next request is answered at once",
  async () => {
    const stream = await client.chat.completions.create({
      ...greedy,
      messages,
      max_tokens: 3000,
      ignore_eos: true,
      stream: true,
    });
    let chunks = 0;
    for await (const _ of stream) {
      if (++chunks === 5) stream.controller.abort();
    }
    assert.ok(chunks < 100, `${chunks} chunks came`);
    const started = performance.now();
    await client.chat.completions.create({
      ...greedy,
      max_tokens: 1,
      messages,
    });
    assert.ok(performance.now() - started < 2000, "the engine is free");
  },
);

check(
  "a request aborted by signal and one that times out throw the SDK's errors",
  async () => {
    const body = { ...greedy, messages, max_tokens: 3000, ignore_eos: true };
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const aborted = await rejection(
      client.chat.completions.create(body, { signal: controller.signal }),
    );
    assert.ok(aborted instanceof OpenAI.APIUserAbortError, String(aborted));
    const late = await rejection(
      client.chat.completions.create(body, { timeout: 50 }),
    );
    assert.ok(late instanceof OpenAI.APIConnectionTimeoutError, String(late));
    await client.chat.completions.create({
      ...greedy,
      max_tokens: 1,
      messages,
    });
  },
);

await report();
