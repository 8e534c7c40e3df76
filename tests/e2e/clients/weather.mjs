/** The conversation that the checks of tool calls have with the demonstration model, and what it has to give. */

import assert from "node:assert/strict";

export const QUESTION = { role: "user", content: "What is the weather in Paris?" };

export const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string", description: "Name of the city" } },
  required: ["city"],
};

/** The tool in the form of OpenAI and Ollama. */
export const WEATHER = {
  type: "function",
  function: { name: "get_weather", description: "Get the weather of a city", parameters: PARAMETERS },
};

/** What the tool answers. */
export const REPORT = { temperature: 21, condition: "sunny" };

/** The final answer quotes the report. */
export function assertQuotes(text) {
  assert.match(text, /21/);
  assert.match(text, /sunny/);
}

/** Calls of OpenAI's streams put together, as a client without helpers does it. */
export function collectCalls(calls, deltas) {
  for (const { index, id, type, function: f } of deltas ?? []) {
    if (calls[index] === undefined) {
      assert.ok(id && type === "function" && f.name, "the first piece of a call names it");
      calls[index] = { id, type, function: { name: f.name, arguments: "" } };
    } else {
      assert.equal(id, undefined, "id and name come once");
    }
    calls[index].function.arguments += f.arguments;
  }
  return calls;
}
