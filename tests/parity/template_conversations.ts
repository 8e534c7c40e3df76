/** Conversations by which templates are compared with llama-server: requests in OpenAI's form, as a client sends them. */

/** One request. */
export interface Conversation {
  /** Short name, a column of the table. */
  name: string;
  messages: readonly Record<string, unknown>[];
  tools?: readonly Record<string, unknown>[];
  /** Template variables. `enable_thinking` is always given, since the two servers differ in its default. */
  kwargs?: Readonly<Record<string, unknown>>;
  /** Default true. */
  addGenerationPrompt?: boolean;
  /** The last message is continued; llama-server does that by itself. */
  continueFinal?: boolean;
}

const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Current weather of a city, in °C or °F.",
    parameters: {
      type: "object",
      properties: {
        city: { type: "string", description: 'Name, e.g. "São Paulo"' },
        unit: { type: "string", enum: ["celsius", "fahrenheit"], default: "celsius" },
      },
      required: ["city"],
    },
  },
};
const SEARCH = {
  type: "function",
  function: {
    name: "search",
    description: "Searches documents.\nReturns the best ones.",
    parameters: {
      type: "object",
      properties: {
        query: { type: "string" },
        limit: { type: "integer", minimum: 1, maximum: 20 },
        filter: {
          type: "object",
          properties: {
            tags: { type: "array", items: { type: "string" } },
            score: { type: "number" },
          },
          additionalProperties: false,
        },
      },
      required: ["query", "limit"],
    },
  },
};
const TIME = {
  type: "function",
  function: { name: "get_time", parameters: { type: "object", properties: {} } },
};
const TOOLS = [WEATHER, SEARCH];

const system = { role: "system", content: "You are a careful assistant." };
const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown, more: Record<string, unknown> = {}) => ({
  role: "assistant",
  content,
  ...more,
});
const call = (id: string, name: string, args: unknown) => ({
  id,
  type: "function",
  function: { name, arguments: typeof args === "string" ? args : JSON.stringify(args) },
});
const result = (id: string, content: unknown, name?: string) => ({
  role: "tool",
  tool_call_id: id,
  content,
  ...(name === undefined ? {} : { name }),
});
const text = (value: string) => ({ type: "text", text: value });

// Ids of nine letters and digits: the only form that all templates take.
const PARIS = call("call00001", "get_weather", { city: "Paris", unit: "celsius" });
const TOKYO = call("call00002", "get_weather", { city: "東京" });
const NESTED = call(
  "call00003",
  "search",
  '{"query": "a \\"quoted\\" word\\nand a line", "limit": 5, "filter": {"tags": ["x", "y"], "score": 0.5, "none": null, "on": true}}',
);
const QUESTION = user("How is the weather in Paris?");

/** All of them; order and names are those of the table. */
export const CONVERSATIONS: readonly Conversation[] = [
  { name: "plain", messages: [user("Hello, who are you?")] },
  { name: "system", messages: [system, user("Hello!")] },
  {
    name: "multi-turn",
    messages: [system, user("One?"), assistant("Two."), user("Three?"), assistant("Four."), user("Five?")],
  },
  { name: "tools", messages: [system, QUESTION], tools: TOOLS },
  { name: "tools-no-system", messages: [QUESTION], tools: [WEATHER] },
  {
    name: "tool-result",
    messages: [
      QUESTION,
      assistant("", { tool_calls: [PARIS] }),
      result("call00001", '{"temp": 21.5, "sky": "clear"}'),
    ],
    tools: TOOLS,
  },
  {
    name: "tool-answer",
    messages: [
      system,
      QUESTION,
      assistant("Let me look.", { tool_calls: [PARIS] }),
      result("call00001", "21 °C", "get_weather"),
      assistant("It is 21 °C."),
      user("Thanks!"),
    ],
    tools: TOOLS,
  },
  {
    name: "parallel",
    messages: [
      user("Paris and Tokyo?"),
      assistant("", { tool_calls: [PARIS, TOKYO] }),
      result("call00001", "21 °C"),
      result("call00002", "18 °C"),
    ],
    tools: TOOLS,
  },
  {
    name: "parallel-swapped",
    messages: [
      user("Paris and Tokyo?"),
      assistant("Both:", { tool_calls: [PARIS, TOKYO] }),
      result("call00002", "18 °C"),
      result("call00001", "21 °C"),
      assistant("21 and 18."),
      user("And now?"),
    ],
    tools: TOOLS,
  },
  {
    name: "nested-args",
    messages: [
      user("Search."),
      assistant("", { tool_calls: [NESTED, call("call00004", "get_time", "{}")] }),
      result("call00003", '[{"id": 1}, {"id": 2}]'),
      result("call00004", "12:00"),
    ],
    tools: [SEARCH, TIME],
  },
  {
    name: "two-rounds",
    messages: [
      QUESTION,
      assistant("", { tool_calls: [PARIS] }),
      result("call00001", "21 °C"),
      assistant("", { tool_calls: [TOKYO] }),
      result("call00002", "18 °C"),
    ],
    tools: TOOLS,
  },
  {
    name: "no-content",
    messages: [
      QUESTION,
      { role: "assistant", tool_calls: [PARIS] },
      result("call00001", "21 °C"),
      user("Well?"),
    ],
    tools: TOOLS,
  },
  {
    name: "reasoning",
    messages: [
      user("2+2?"),
      assistant("4.", { reasoning_content: "Two and two is four." }),
      user("3+3?"),
      assistant("6.", { reasoning_content: "Three and three\nis six." }),
      user("5+5?"),
    ],
  },
  {
    name: "reasoning-off",
    messages: [system, user("2+2?"), assistant("4.", { reasoning_content: "Easy." }), user("3+3?")],
    kwargs: { enable_thinking: false },
  },
  {
    name: "reasoning-tools",
    messages: [
      QUESTION,
      assistant("", { reasoning_content: "I need the weather.", tool_calls: [PARIS] }),
      result("call00001", "21 °C"),
    ],
    tools: TOOLS,
  },
  {
    name: "reasoning-kept",
    messages: [
      user("2+2?"),
      assistant("4.", { reasoning_content: "Two and two is four." }),
      user("3+3?"),
    ],
    kwargs: { preserve_reasoning: true },
  },
  { name: "effort", messages: [system, user("2+2?")], kwargs: { reasoning_effort: "high" } },
  {
    name: "think-in-text",
    messages: [user("2+2?"), assistant("<think>\nTwo and two.\n</think>\n\n4."), user("3+3?")],
  },
  {
    name: "parts",
    messages: [
      { role: "system", content: [text("You are careful.")] },
      user([text("First part."), text("Second part.")]),
      assistant([text("Understood.")]),
      user([text("Go on.")]),
    ],
  },
  {
    name: "parts-result",
    messages: [
      user([text("Weather?")]),
      assistant(null, { tool_calls: [PARIS] }),
      result("call00001", [text("21 °C"), text("clear")]),
    ],
    tools: TOOLS,
  },
  {
    name: "tool-types",
    messages: [QUESTION],
    tools: [{
      type: "function",
      function: {
        name: "typed",
        description: "",
        parameters: {
          type: "object",
          properties: {
            "any": { anyOf: [{ type: "string" }, { type: "null" }], description: "Either" },
            "several": { type: ["number", "null"] },
            "open": {},
            "when": { type: "string", format: "date-time", nullable: true },
          },
        },
      },
    }],
  },
  { name: "developer", messages: [{ role: "developer", content: "Answer in French." }, user("Hello!")] },
  { name: "late-system", messages: [user("Hi"), assistant("Hello."), system, user("Who are you?")] },
  { name: "two-users", messages: [user("Hi"), user("Who are you?")] },
  {
    name: "two-assistants",
    messages: [user("Hi"), assistant("Hello."), assistant("Still here."), user("Good.")],
  },
  {
    name: "space",
    messages: [
      { role: "system", content: "  Be brief. \n" },
      user("\n  Hi there \n\n"),
      assistant("  Hm.\n"),
      user(" "),
    ],
  },
  {
    name: "marks",
    messages: [user("<|im_start|>system\n</s>[INST] <think> {{ x }} {% y %} 'q' \"d\" \\n é 😀")],
  },
  {
    name: "no-generation",
    messages: [user("Hi"), assistant("Hello."), user("Bye")],
    addGenerationPrompt: false,
  },
  { name: "prefill", messages: [user("Hi"), assistant("Hello, I am")], continueFinal: true },
  {
    name: "prefill-reasoned",
    messages: [user("2+2?"), assistant("The answer", { reasoning_content: "Two and two is four." })],
    continueFinal: true,
  },
  {
    name: "prefill-reasoning",
    messages: [user("2+2?"), assistant("", { reasoning_content: "Two and two" })],
    continueFinal: true,
  },
];
