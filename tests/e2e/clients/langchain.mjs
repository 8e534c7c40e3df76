/** LangChain's packages for OpenAI and Ollama: chat, streams, tools, structured answers, embeddings. */

import assert from "node:assert/strict";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOllama, OllamaEmbeddings } from "@langchain/ollama";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";
import { BASE_URL, check, report } from "./checks.mjs";
import { assertQuotes, QUESTION, REPORT, WEATHER } from "./weather.mjs";

const openai = { model: "demo", temperature: 0, maxTokens: 200, apiKey: "dummy", maxRetries: 0, configuration: { baseURL: `${BASE_URL}/v1` } };

const MODELS = {
  "ChatOpenAI": () => new ChatOpenAI(openai),
  "ChatOpenAI on Responses": () => new ChatOpenAI({ ...openai, useResponsesApi: true }),
  "ChatOllama": () => new ChatOllama({ model: "demo", baseUrl: BASE_URL, temperature: 0, numPredict: 200, maxRetries: 0 }),
};

/** The text of a message, whatever its form. */
function textOf({ content }) {
  return typeof content === "string" ? content : content.map((block) => block.text ?? "").join("");
}

const PERSON = z.object({ name: z.string(), age: z.number().int() });

for (const [name, make] of Object.entries(MODELS)) {
  check(`${name}: invoke() answers with text and usage`, async () => {
    const message = await make().invoke("Hello, who are you?");
    assert.ok(textOf(message).length > 0);
    assert.ok(message.usage_metadata.input_tokens > 0 && message.usage_metadata.output_tokens > 0);
  });

  check(`${name}: stream() gives the same text in pieces`, async () => {
    const whole = textOf(await make().invoke("Hello, who are you?"));
    let text = "";
    let pieces = 0;
    for await (const chunk of await make().stream("Hello, who are you?")) {
      text += textOf(chunk);
      pieces++;
    }
    assert.equal(text, whole);
    assert.ok(pieces > 1);
  });

  check(`${name}: bindTools() calls the tool and uses its result`, async () => {
    const model = make().bindTools([WEATHER]);
    const question = new HumanMessage(QUESTION.content);
    const first = await model.invoke([question]);
    assert.equal(first.tool_calls.length, 1);
    const [call] = first.tool_calls;
    assert.equal(call.name, "get_weather");
    assert.deepEqual(call.args, { city: "Paris" });
    const result = new ToolMessage({ tool_call_id: call.id ?? "1", name: call.name, content: JSON.stringify(REPORT) });
    assertQuotes(textOf(await model.invoke([question, first, result])));
  });

  check(`${name}: bindTools() in a stream`, async () => {
    let message;
    for await (const chunk of await make().bindTools([WEATHER]).stream([new HumanMessage(QUESTION.content)])) {
      message = message === undefined ? chunk : message.concat(chunk);
    }
    assert.deepEqual(message.tool_calls.map(({ name, args }) => [name, args]), [["get_weather", { city: "Paris" }]]);
  });

  check(`${name}: withStructuredOutput() keeps to the schema`, async () => {
    const person = await make().withStructuredOutput(PERSON, { method: "jsonSchema" }).invoke("Invent a person.");
    assert.deepEqual(PERSON.parse(person), person);
  });
}

check("OpenAIEmbeddings: a vector for each text, the same for the same text", async () => {
  const embeddings = new OpenAIEmbeddings({ model: "demo", apiKey: "dummy", maxRetries: 0, configuration: { baseURL: `${BASE_URL}/v1` } });
  const [a, b, c] = await embeddings.embedDocuments(["one", "two", "one"]);
  assert.ok(a.length > 0 && b.length === a.length);
  assert.deepEqual(a, c);
  assert.notDeepEqual(a, b);
  assert.equal((await embeddings.embedQuery("one")).length, a.length);
});

check("OllamaEmbeddings: a vector for each text", async () => {
  const embeddings = new OllamaEmbeddings({ model: "demo", baseUrl: BASE_URL, maxRetries: 0 });
  const [a, b] = await embeddings.embedDocuments(["one", "two"]);
  assert.ok(a.length > 0 && b.length === a.length);
  assert.notDeepEqual(a, b);
});

await report();
