/** Tools and structured answers through the AI SDK (`ai` with `@ai-sdk/openai-compatible`). */

import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { BASE_URL, check, report } from "./checks.mjs";
import { assertQuotes, QUESTION, REPORT } from "./weather.mjs";

const provider = createOpenAICompatible({
  name: "local",
  baseURL: `${BASE_URL}/v1`,
  supportsStructuredOutputs: true,
});
const model = provider("llama");

/** A request whose tool notes what it was asked. */
function weatherRequest() {
  const cities = [];
  const request = {
    model,
    temperature: 0,
    maxRetries: 0,
    prompt: QUESTION.content,
    stopWhen: stepCountIs(3),
    tools: {
      get_weather: tool({
        description: "Get the weather of a city",
        inputSchema: z.object({ city: z.string().describe("Name of the city") }),
        execute: ({ city }) => (cities.push(city), REPORT),
      }),
    },
  };
  return { request, cities };
}

check("generateText: call, result and answer", async () => {
  const { request, cities } = weatherRequest();
  const { text, steps, finishReason } = await generateText(request);
  assert.deepEqual(cities, ["Paris"]);
  assert.equal(steps.length, 2);
  assert.equal(steps[0].finishReason, "tool-calls");
  assert.equal(finishReason, "stop");
  assertQuotes(text);
});

check("streamText: call, result and answer", async () => {
  const { request, cities } = weatherRequest();
  const types = new Set();
  let text = "";
  const result = streamText({ ...request, onError: ({ error }) => assert.fail(String(error)) });
  for await (const part of result.fullStream) {
    types.add(part.type);
    if (part.type === "text-delta") text += part.text;
  }
  assert.deepEqual(cities, ["Paris"]);
  for (const type of ["tool-input-start", "tool-input-delta", "tool-call", "tool-result", "text-delta"]) {
    assert.ok(types.has(type), `${type} of ${[...types]}`);
  }
  assert.equal(await result.finishReason, "stop");
  assertQuotes(text);
});

check("Output.object: an object of the schema, whole and streamed", async () => {
  const schema = z.object({ city: z.string().max(12), capital: z.boolean() });
  const request = { model, temperature: 0, maxRetries: 0, prompt: "Tell me of Paris", output: Output.object({ schema }) };
  const { output } = await generateText(request);
  assert.equal(schema.safeParse(output).success, true);
  const streamed = streamText(request);
  for await (const _part of streamed.partialOutputStream);
  assert.equal(schema.safeParse(await streamed.output).success, true);
});

check("reasoning: parts of their own", async () => {
  const { text, reasoningText } = await generateText({
    model,
    temperature: 0,
    maxRetries: 0,
    prompt: "Count to 5",
    providerOptions: { local: { chat_template_kwargs: { enable_thinking: true } } },
  });
  assert.ok(reasoningText?.length > 0 && !text.includes("think>"), `${reasoningText} | ${text}`);
});

await report();
