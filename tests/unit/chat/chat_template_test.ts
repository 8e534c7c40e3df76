import { strict as assert } from "node:assert";
import { CHATML_TEMPLATE, ChatTemplate } from "../../../src/chat/chat_template.ts";
import type { ChatMessage, ToolDefinition } from "../../../src/core/chat_message.ts";
import { ServerError } from "../../../src/core/server_error.ts";

const SPECIALS = { bosToken: "<s>", eosToken: "</s>" };
const HELLO: ChatMessage[] = [{ role: "user", content: "Hello" }];
const TOOL: ToolDefinition = {
  name: "get_weather",
  description: "Weather of a city",
  parameters: { type: "object", properties: { city: { type: "string" } } },
};
const NOTHING = {
  tools: false,
  thinking: false,
  system: false,
  toolCalls: false,
  parallelToolCalls: false,
  preserveReasoning: false,
  reasoningEffort: false,
};
const DUMP = "{{ messages | tojson }}|{{ tools | tojson if tools else '' }}|{{ add_generation_prompt }}";

function failure(run: () => unknown): ServerError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ServerError, String(error));
    return error;
  }
  assert.fail("nothing was thrown");
}

Deno.test("ChatTemplate.render() renders ChatML with the generation prompt", () => {
  const template = new ChatTemplate(CHATML_TEMPLATE, SPECIALS);
  const messages: ChatMessage[] = [{ role: "system", content: "Be brief." }, ...HELLO];
  assert.equal(
    template.render({ messages }),
    "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n",
  );
  assert.deepEqual(template.capabilities, { ...NOTHING, system: true });
});

Deno.test("ChatTemplate.render() leaves the generation prompt out when asked to", () => {
  const text = new ChatTemplate(CHATML_TEMPLATE, SPECIALS).render({
    messages: HELLO,
    templateArgs: { add_generation_prompt: false },
  });
  assert.equal(text, "<|im_start|>user\nHello<|im_end|>\n");
});

Deno.test("ChatTemplate.render() gives templates the field names of transformers", () => {
  const template = new ChatTemplate(DUMP, SPECIALS);
  const messages: ChatMessage[] = [
    ...HELLO,
    {
      role: "assistant",
      content: "",
      reasoning: "hm",
      toolCalls: [{ id: "c1", name: "get_weather", arguments: '{"city": "Paris"}' }],
    },
    { role: "tool", content: "sunny", toolCallId: "c1", name: "get_weather" },
  ];
  const [dumped, tools, generation] = template.render({ messages, tools: [TOOL] }).split("|");
  assert.deepEqual(JSON.parse(dumped!), [
    { role: "user", content: "Hello" },
    {
      role: "assistant",
      content: "",
      reasoning_content: "hm",
      tool_calls: [{
        id: "c1",
        type: "function",
        function: { name: "get_weather", arguments: { city: "Paris" } },
      }],
    },
    { role: "tool", content: "sunny", tool_call_id: "c1", name: "get_weather" },
  ]);
  assert.deepEqual(JSON.parse(tools!), [{ type: "function", function: { ...TOOL } }]);
  assert.equal(generation?.toLowerCase(), "true");
});

Deno.test("ChatTemplate.render() keeps arguments that are not a JSON object as text", () => {
  const template = new ChatTemplate("{{ messages[0].tool_calls[0].function.arguments | tojson }}", SPECIALS);
  for (const text of ["{broken", "[1]", "3", ""]) {
    const messages: ChatMessage[] = [
      { role: "assistant", content: "", toolCalls: [{ id: "c", name: "f", arguments: text }] },
    ];
    assert.equal(JSON.parse(template.render({ messages })), text);
  }
});

Deno.test("ChatTemplate.render() gives arguments as text to a template that can only concatenate them", () => {
  const source = "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}" +
    "{% if c.function.arguments is not string %}{{ raise_exception('text please') }}{% endif %}" +
    "{{ 'CALL ' + c.function.arguments }}{% endfor %}{% endfor %}";
  const messages: ChatMessage[] = [
    { role: "assistant", content: "", toolCalls: [{ id: "c", name: "f", arguments: '{"a": 1}' }] },
  ];
  assert.equal(new ChatTemplate(source, SPECIALS).render({ messages }), 'CALL {"a": 1}');
});

Deno.test("ChatTemplate.render() gives content as parts to a template that reads only parts", () => {
  const source = "{% for m in messages %}{% for p in m.content %}{{ p.text }};{% endfor %}{% endfor %}";
  assert.equal(new ChatTemplate(source, SPECIALS).render({ messages: HELLO }), "Hello;");
});

Deno.test("ChatTemplate.render() merges the system message when the template prints none", () => {
  const source =
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}" +
    "[{{ m.role }}:{{ m.content }}]{% endfor %}";
  const template = new ChatTemplate(source, SPECIALS);
  assert.equal(template.capabilities.system, false);
  assert.equal(
    template.render({ messages: [{ role: "system", content: "Be brief." }, ...HELLO] }),
    "[user:Be brief.\nHello]",
  );
  assert.equal(template.render({ messages: [{ role: "system", content: "Alone" }] }), "[user:Alone]");
});

Deno.test("ChatTemplate.render() takes BOS and EOS off only where the tokenizer adds them", () => {
  const source = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}";
  const render = (addBos: boolean, addEos: boolean) =>
    new ChatTemplate(source, { ...SPECIALS, addBos, addEos }).render({ messages: HELLO });
  assert.equal(render(false, false), "<s>Hello</s>");
  assert.equal(render(true, false), "Hello</s>");
  assert.equal(render(true, true), "Hello");
});

Deno.test("ChatTemplate.render() takes off one BOS, not those in the text", () => {
  const template = new ChatTemplate("{{ bos_token }}{{ messages[0].content }}", {
    ...SPECIALS,
    addBos: true,
  });
  assert.equal(template.render({ messages: [{ role: "user", content: "<s>x" }] }), "<s>x");
});

Deno.test("ChatTemplate.render() passes further variables, and none may replace the conversation", () => {
  const template = new ChatTemplate(
    "{{ messages[0].content }} {{ date }} {{ bos_token }}{{ true }}",
    SPECIALS,
  );
  const text = template.render({
    messages: HELLO,
    templateArgs: { date: "today", messages: [], bos_token: "x", true: "x", none: 1 },
  });
  assert.equal(text, "Hello today <s>True");
});

Deno.test("ChatTemplate.render() sets no thinking switch by itself, and that which the template knows on request", () => {
  const reasoning = { split: true, budget: -1, enabled: false, effort: "low" };
  const render = (source: string, more = {}) =>
    new ChatTemplate(source, SPECIALS).render({ messages: HELLO, ...more });
  const both = "{{ enable_thinking is defined }} {{ thinking is defined }} {{ reasoning_effort }}";
  assert.equal(render(both), "False False ");
  assert.equal(render(both, { reasoning }), "True False low");
  assert.equal(render("{{ thinking }}", { reasoning }), "False");
  assert.equal(
    render("{{ enable_thinking }}", { reasoning, templateArgs: { enable_thinking: true } }),
    "True",
  );
});

Deno.test("ChatTemplate.render() asks templates to keep earlier reasoning unless the request says otherwise", () => {
  const template = new ChatTemplate("{{ preserve_thinking }} {{ clear_thinking }}", SPECIALS);
  assert.equal(template.render({ messages: HELLO }), "True False");
  assert.equal(
    template.render({ messages: HELLO, templateArgs: { preserve_reasoning: false } }),
    "False True",
  );
});

Deno.test("ChatTemplate.render() gives parts to a template that reads strings and parts", () => {
  const source = "{% for m in messages %}{% if m.content is string %}S{{ m.content }}{% else %}" +
    "{% for p in m.content %}P{{ p.text }}{% endfor %}{% endif %}{% endfor %}";
  const messages: ChatMessage[] = [...HELLO, { role: "user", content: "a\nb", parts: ["a", "b"] }];
  assert.equal(new ChatTemplate(source, SPECIALS).render({ messages }), "SHelloPaPb");
  assert.equal(
    new ChatTemplate("{{ messages[1].content }}", SPECIALS).render({ messages }),
    "a\nb",
  );
});

Deno.test("ChatTemplate.render() continues a last assistant message where that is asked for", () => {
  const source = "{% for m in messages %}[{{ m.role }}]" +
    "{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }};{% endfor %}" +
    "{% if add_generation_prompt %}[assistant]{% endif %}";
  const last: ChatMessage = { role: "assistant", content: "I am" };
  const render = (template: string, message: ChatMessage, continueFinal = true) =>
    new ChatTemplate(template, SPECIALS).render({ messages: [...HELLO, message], continueFinal });
  assert.equal(render(source, last), "[user]Hello;[assistant]<think>\n\n</think>\n\nI am");
  assert.equal(
    render(source, { ...last, reasoning: "R" }),
    "[user]Hello;[assistant]<think>\nR\n</think>\n\nI am",
  );
  assert.equal(render(source, { ...last, content: "", reasoning: "R" }), "[user]Hello;[assistant]<think>\nR");
  assert.equal(render(source, last, false), "[user]Hello;[assistant]I am;[assistant]");
  assert.ok(render(CHATML_TEMPLATE, last).endsWith("<|im_start|>assistant\nI am"));
});

Deno.test("ChatTemplate.render() writes calls as text where the template refuses tool messages", () => {
  const source = "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}" +
    "{{ raise_exception('alternate') }}{% endif %}[{{ m.content }}]{% endfor %}";
  const messages: ChatMessage[] = [
    ...HELLO,
    { role: "assistant", content: "", toolCalls: [{ id: "c1", name: "f", arguments: '{"a": 1}' }] },
    { role: "tool", content: "42", toolCallId: "c1" },
    { role: "user", content: "So?" },
  ];
  const text = new ChatTemplate(source, SPECIALS).render({ messages });
  assert.equal(text, '[Hello][{"name":"f","arguments":{"a":1}}][Result of f:\n42\n\nSo?]');
});

Deno.test("ChatTemplate.render() gives today's date unless the request gives another", () => {
  const template = new ChatTemplate("{{ date_string }}|{{ datetime }}{{ messages[0].content }}", SPECIALS);
  assert.match(
    template.render({ messages: HELLO }),
    /^\d\d [A-Z][a-z]{2} \d{4}\|[A-Z][a-z]{2} \d\d \d{4}Hello$/,
  );
  assert.match(template.render({ messages: HELLO, templateArgs: { date_string: "1 May" } }), /^1 May\|/);
});

Deno.test("ChatTemplate.render() reports a refusal in the template's own words", () => {
  const template = new ChatTemplate("{{ raise_exception('Roles must alternate') }}", SPECIALS);
  const error = failure(() => template.render({ messages: HELLO }));
  assert.equal(error.kind, "validation");
  assert.equal(error.field, "messages");
  assert.match(error.message, /refuses these messages: Roles must alternate/);
});

Deno.test("ChatTemplate.render() reports a template that fails, and a range that would never end", () => {
  for (
    const source of [
      "{{ messages[0].content | nosuchfilter }}",
      "{% for i in range(1000000000) %}x{% endfor %}",
    ]
  ) {
    const error = failure(() => new ChatTemplate(source, SPECIALS).render({ messages: HELLO }));
    assert.equal(error.kind, "validation");
    assert.match(
      error.message,
      /Cannot render these messages with the chat template: .*(nosuchfilter|range)/,
    );
  }
});

Deno.test("new ChatTemplate() reports a source that does not parse", () => {
  const error = failure(() => new ChatTemplate("{% for x in %}", SPECIALS));
  assert.equal(error.kind, "not_supported");
  assert.match(error.message, /^Cannot parse the chat template: ./);
});

Deno.test("ChatTemplate.capabilities finds tools, tool calls and thinking", () => {
  const source = "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}{{ m.content }}" +
    "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}{% endfor %}" +
    "{% if enable_thinking %}<think>{% endif %}";
  const { capabilities } = new ChatTemplate(source, SPECIALS);
  const found = { tools: true, thinking: true, system: true, toolCalls: true, parallelToolCalls: true };
  assert.deepEqual(capabilities, { ...NOTHING, ...found });
});

Deno.test("ChatTemplate.capabilities is empty for a template that refuses everything", () => {
  const { capabilities } = new ChatTemplate("{{ raise_exception('no') }}", SPECIALS);
  assert.deepEqual(capabilities, NOTHING);
});

Deno.test("ChatTemplate is ready in little time when its template never ends, and says why it cannot render", () => {
  const templates = [
    "{% for i in range(1000) %}{% for j in range(100000) %}{{ j }}{% endfor %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{% set ns = namespace(x='aaaa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "{% set ns = namespace(x='ab') %}{% for i in range(40) %}{% set ns.x = ns.x|replace('a', 'aa') %}{% endfor %}",
    "{% set x = 'a' * 1000000 %}{% for i in range(1000) %}{{ x }}{% endfor %}",
  ];
  for (const source of templates) {
    const started = performance.now();
    const template = new ChatTemplate(source, SPECIALS);
    assert.ok(performance.now() - started < 6_000, `${performance.now() - started} ms for ${source}`);
    const { kind, message } = failure(() => template.render({ messages: HELLO }));
    assert.equal(kind, "validation");
    assert.match(
      message,
      /Cannot render these messages with the chat template: .*(Cannot|more than|at most)/,
    );
  }
});
