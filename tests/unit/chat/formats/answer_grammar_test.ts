// What the grammars of all formats allow is what their parsers read: texts are drawn from each grammar and parsed.

import { ok, strictEqual, throws } from "node:assert";
import type { AnswerDemand, AnswerPlan } from "../../../../src/chat/formats/answer_format.ts";
import { selectFormat } from "../../../../src/chat/formats/select_format.ts";
import { ServerError } from "../../../../src/core/server_error.ts";
import {
  DEFAULT_TOOLS,
  type ParsedAnswer,
  planGroup,
  readFixtures,
  readParts,
  type ToolGroup,
} from "../../../parity/tool_fixture.ts";
import { Random } from "../../../support/random.ts";
import { GbnfOracle } from "../../text/grammar/gbnf_oracle.ts";

const DRAWS = 12;

/** One group of each way in which a template makes a format. */
const groups: { name: string; group: ToolGroup }[] = [];
for (const [file, fixture] of await readFixtures()) {
  const seen = new Set<string>();
  for (const group of fixture.groups) {
    if (
      group.tools !== undefined || group.split === false || group.toolChoice === "none" ||
      seen.has(group.marks)
    ) continue;
    seen.add(group.marks);
    groups.push({ name: `${file} ${group.name}`, group });
  }
}

function demand(group: ToolGroup, changes: Partial<AnswerDemand>): AnswerDemand {
  return {
    prompt: group.prompt ?? "",
    tools: DEFAULT_TOOLS,
    toolChoice: "auto",
    parallelToolCalls: true,
    reasoning: { split: true, budget: -1 },
    ...changes,
  };
}

function planFor(group: ToolGroup, changes: Partial<AnswerDemand>): AnswerPlan {
  return selectFormat(group.marks).plan(demand(group, changes));
}

/** Draws texts of a plan's grammar and hands each reading on. */
function draw(plan: AnswerPlan, seed: number, check: (answer: ParsedAnswer, text: string) => void): void {
  const { gbnf, triggers } = plan.grammar!;
  const oracle = new GbnfOracle(gbnf);
  const random = new Random(seed);
  // A lazy grammar describes what follows the reasoning.
  const open = triggers.length > 0 && plan.reasoning?.state === "open";
  for (let count = 0; count < DRAWS; count++) {
    const text = (open ? `hm${plan.reasoning!.tags.end}` : "") + oracle.draw(random);
    check(readParts(plan, [text]), text);
  }
}

function checkCalls(answer: ParsedAnswer, text: string): void {
  ok(answer.calls.length > 0, text);
  for (const call of answer.calls) {
    ok(DEFAULT_TOOLS.some(({ name }) => name === call.name), text);
    const value: unknown = JSON.parse(call.arguments);
    ok(typeof value === "object" && value !== null && !Array.isArray(value), text);
  }
  strictEqual(answer.content.trim(), "", text);
}

for (const { name, group } of groups) {
  Deno.test(`${name}: plan() with tool_choice auto gives a lazy grammar of calls that the parser reads`, () => {
    const plan = planFor(group, {});
    ok(plan.grammar!.triggers.length > 0);
    draw(plan, 1, checkCalls);
  });
  Deno.test(`${name}: plan() with tool_choice required gives a grammar of calls after optional reasoning`, () => {
    const plan = planFor(group, { toolChoice: "required" });
    strictEqual(plan.grammar!.triggers.length, 0);
    draw(plan, 2, (answer, text) => checkCalls({ ...answer, content: "" }, text));
  });
  Deno.test(`${name}: plan() with a named tool and without parallel calls allows one call of it`, () => {
    const plan = planFor(group, { toolChoice: { name: "get_time" }, parallelToolCalls: false });
    draw(plan, 3, (answer, text) => {
      strictEqual(answer.calls.map((call) => call.name).join(), "get_time", text);
    });
  });
  Deno.test(`${name}: plan() with a response format allows its JSON, or a call`, () => {
    const format = { kind: "json_object" } as const;
    for (const tools of [[], DEFAULT_TOOLS]) {
      draw(planFor(group, { tools, format }), 4, (answer, text) => {
        if (answer.calls.length > 0) strictEqual(tools.length > 0, true, text);
        else strictEqual(typeof JSON.parse(answer.content), "object", text);
      });
    }
  });
}

Deno.test("AnswerFormat.plan() without tools and response format constrains nothing", () => {
  for (const { group } of groups) strictEqual(planFor(group, { tools: [] }).grammar, undefined);
});

Deno.test("AnswerFormat.plan() refuses a tool whose schema cannot be honoured and names the pointer", () => {
  const parameters = { type: "object", properties: { a: { $ref: "#/$defs/none" } } };
  throws(
    () => planFor(groups[0]!.group, { tools: [{ name: "broken", parameters }] }),
    (error: unknown) =>
      error instanceof ServerError && error.kind === "validation" && error.message.includes("/properties/a"),
  );
});

Deno.test("AnswerPlan of a group keeps its markers visible", () => {
  for (const { name, group } of groups) {
    const { preserved } = planGroup(group);
    ok(preserved.every((text) => text !== ""), name);
  }
});
