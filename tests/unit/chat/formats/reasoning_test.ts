import { deepStrictEqual, strictEqual } from "node:assert";
import { hermesFormat } from "../../../../src/chat/formats/hermes.ts";
import { reasoningStart, templateReasoning, THINK_TAGS } from "../../../../src/chat/formats/reasoning.ts";
import { readParts } from "../../../parity/tool_fixture.ts";

const cases: [prompt: string, state: string][] = [
  ["<|im_start|>assistant\n", "optional"],
  ["<|im_start|>assistant\n<think>\n", "open"],
  ["<|im_start|>assistant\n<think>\n\n</think>\n\n", "closed"],
  ["<|im_start|>assistant\n<think>\nThe user wants", "open"],
  ["What does <think> mean?<|im_end|>\n<|im_start|>assistant\n", "optional"],
  ["<think>a</think>b<|im_end|><|im_start|>assistant\n<think>", "open"],
  ["<think>a</think>b<|im_end|><|im_start|>assistant\n", "optional"],
];

for (const [prompt, state] of cases) {
  Deno.test(`reasoningStart() of ${JSON.stringify(prompt)} is ${state}`, () => {
    strictEqual(reasoningStart(prompt, THINK_TAGS).state, state);
  });
}

Deno.test("templateReasoning() knows the tags by the end tag in the template", () => {
  strictEqual(templateReasoning("{{ content.split('</think>') }}"), THINK_TAGS);
  strictEqual(templateReasoning("[THINK]..[/THINK]")?.start, "[THINK]");
  strictEqual(templateReasoning("plain"), undefined);
});

Deno.test("AnswerParser leaves reasoning in the text when split is off", () => {
  const text = " <think>\nhm\n</think>\n\nHello \n";
  for (const split of [true, false]) {
    const plan = hermesFormat(THINK_TAGS).plan({
      prompt: "<|im_start|>assistant\n",
      tools: [],
      toolChoice: "auto",
      parallelToolCalls: true,
      reasoning: { split, budget: -1 },
    });
    const wanted = split
      ? { content: "Hello \n", reasoning: "hm", calls: [] }
      : { content: text, reasoning: "", calls: [] };
    deepStrictEqual(readParts(plan, [text]), wanted);
  }
});
