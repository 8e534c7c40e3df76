/** The npm package `ollama` against a running server. */

import assert from "node:assert/strict";
import { Ollama } from "ollama";
import { BASE_URL, check, report } from "./checks.mjs";

const client = new Ollama({ host: BASE_URL });
const messages = [{ role: "user", content: "Count to 5" }];
const options = { temperature: 0, num_predict: 24 };

/** The error that a promise ends with. */
async function rejection(promise) {
  return await promise.then(
    () => assert.fail("the call succeeded"),
    (error) => error,
  );
}

function assertDone(answer) {
  assert.equal(answer.done, true);
  assert.ok(["stop", "length"].includes(answer.done_reason));
  for (
    const name of [
      "total_duration",
      "load_duration",
      "prompt_eval_duration",
      "eval_duration",
    ]
  ) {
    assert.ok(
      Number.isSafeInteger(answer[name]) && answer[name] >= 0,
      `${name}: ${answer[name]}`,
    );
  }
  assert.ok(answer.prompt_eval_count > 0 && answer.eval_count > 0);
  assert.ok(answer.eval_count <= 24);
}

check("chat() answers, and the stream gives the same text", async () => {
  const whole = await client.chat({ model: "llama", messages, options });
  assertDone(whole);
  assert.equal(whole.message.role, "assistant");
  let text = "";
  let last;
  for await (
    const part of await client.chat({
      model: "llama",
      messages,
      options,
      stream: true,
    })
  ) {
    assert.equal(part.message.role, "assistant");
    text += part.message.content;
    last = part;
  }
  assertDone(last);
  assert.equal(text, whole.message.content);
  assert.ok(text.length > 0);
});

check("generate() answers, and the stream gives the same text", async () => {
  const body = { model: "llama", prompt: "Why is the sky blue?", options };
  const whole = await client.generate(body);
  assertDone(whole);
  assert.ok(whole.context.length > 0);
  let text = "";
  let last;
  for await (const part of await client.generate({ ...body, stream: true })) {
    text += part.response;
    last = part;
  }
  assertDone(last);
  assert.equal(text, whole.response);
});

check("generate() goes on from a context", async () => {
  const first = await client.generate({
    model: "llama",
    prompt: "My name is Anna.",
    options,
  });
  const next = await client.generate({
    model: "llama",
    prompt: "What is my name?",
    context: first.context,
    options,
  });
  assert.ok(next.prompt_eval_count > first.context.length);
});

check("generate({ raw, system, stop }) takes Ollama's fields", async () => {
  const raw = await client.generate({
    model: "llama",
    prompt: "Once upon a time",
    raw: true,
    options,
  });
  assert.equal(raw.context, undefined);
  const letter = [...raw.response].find((char) => /\p{L}/u.test(char));
  const stopped = await client.generate({
    model: "llama",
    prompt: "Once upon a time",
    raw: true,
    options: { ...options, stop: [letter] },
  });
  assert.equal(
    stopped.response,
    raw.response.slice(0, raw.response.indexOf(letter)),
  );
  assert.equal(stopped.done_reason, "stop");
  assertDone(
    await client.generate({
      model: "llama",
      prompt: "Hello",
      system: "Be brief.",
      options,
    }),
  );
});

check(
  "options: num_predict, seed and temperature are obeyed, unknown ones ignored",
  async () => {
    const short = await client.generate({
      model: "llama",
      prompt: "Once upon a time",
      raw: true,
      options: {
        num_predict: 3,
        temperature: 0,
        ignore_eos: true,
        tfs_z: 1,
        penalize_newline: true,
        num_ctx: 2048,
      },
    });
    assert.equal(short.eval_count, 3);
    assert.equal(short.done_reason, "length");
    const ask = async (seed) =>
      (await client.chat({
        model: "llama",
        messages,
        options: { seed, temperature: 1.5, num_predict: 24 },
      })).message.content;
    assert.equal(await ask(3), await ask(3));
  },
);

check("list(), ps() and show() describe the same model", async () => {
  const { models: [listed] } = await client.list();
  assert.match(listed.digest, /^[0-9a-f]{64}$/);
  assert.ok(listed.size > 0 && Date.parse(listed.modified_at) > 0);
  const { models: [running] } = await client.ps();
  assert.equal(running.name, listed.name);
  assert.ok(Date.parse(running.expires_at) > Date.now());
  const shown = await client.show({ model: listed.name });
  assert.deepEqual(shown.details, listed.details);
  assert.ok(shown.capabilities.includes("completion"));
  assert.ok(shown.model_info["general.parameter_count"] > 0);
  assert.ok(
    Object.keys(shown.model_info).some((key) =>
      key.endsWith(".context_length")
    ),
  );
  assert.equal(typeof shown.template, "string");
});

check("version() is numeric", async () => {
  assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
});

check(
  "keep_alive is accepted in every form; an empty prompt loads or unloads",
  async () => {
    for (const keep_alive of [0, -1, 300, "5m", "-1m", "300"]) {
      assertDone(
        await client.chat({ model: "llama", messages, options, keep_alive }),
      );
    }
    const loaded = await client.generate({ model: "llama", prompt: "" });
    assert.deepEqual([loaded.done, loaded.done_reason, loaded.response], [
      true,
      "load",
      "",
    ]);
    const unloaded = await client.generate({
      model: "llama",
      prompt: "",
      keep_alive: 0,
    });
    assert.equal(unloaded.done_reason, "unload");
    assertDone(await client.chat({ model: "llama", messages, options }));
  },
);

check("errors carry Ollama's words and the status", async () => {
  const unknown = await rejection(client.chat({ model: "nothing", messages }));
  assert.equal(unknown.status_code, 404);
  assert.match(unknown.message, /model 'nothing' not found/);
  assert.equal(
    (await rejection(client.show({ model: "nothing" }))).status_code,
    404,
  );
  const wrong = await rejection(
    client.chat({ model: "llama", messages, options: { temperature: "hot" } }),
  );
  assert.equal(wrong.status_code, 422);
  assert.match(wrong.message, /temperature/);
  const image = await rejection(
    client.generate({
      model: "llama",
      prompt: "What is this?",
      images: ["AAAA"],
    }),
  );
  assert.equal(image.status_code, 400);
});

check(
  "abort() ends a stream, and the next request is answered at once",
  async () => {
    const endless = { temperature: 0, num_predict: 3000, ignore_eos: true };
    const stream = await client.chat({
      model: "llama",
      messages,
      options: endless,
      stream: true,
    });
    let parts = 0;
    const error = await rejection((async () => {
      for await (const _ of stream) {
        if (++parts === 5) stream.abort();
      }
    })());
    assert.equal(error.name, "AbortError");
    assert.ok(parts < 100, `${parts} parts came`);
    const started = performance.now();
    await client.chat({
      model: "llama",
      messages,
      options: { num_predict: 1 },
    });
    assert.ok(performance.now() - started < 2000, "the engine is free");
  },
);

check("client.abort() ends all its streams", async () => {
  const endless = { temperature: 0, num_predict: 3000, ignore_eos: true };
  const streams = await Promise.all([0, 1].map(() => client.chat({ model: "llama", messages, options: endless, stream: true })));
  const ends = streams.map((stream) =>
    rejection((async () => {
      for await (const _ of stream) client.abort();
      throw new Error("it came to its end");
    })())
  );
  for (const error of await Promise.all(ends)) assert.equal(error.name, "AbortError");
});

check("systemone() is told that there is no such endpoint", async () => {
  const question = { type: "choice", instructions: "x", choices: ["a", "b"] };
  const error = await rejection(client.systemone({ model: "llama", state: "x", questions: { q: question } }));
  assert.equal(error.status_code, 404);
});

await report();
