// Replays the recorded model outputs of tests/data/tool_calls against our parsers. tests/parity/README.md says where the
// expected readings come from.

import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual } from "node:assert";
import { selectFormat } from "../../../../src/chat/formats/select_format.ts";
import {
  comparable,
  type ParsedAnswer,
  planGroup,
  readFixtures,
  readParts,
  type ToolCase,
} from "../../../parity/tool_fixture.ts";

const fixtures = await readFixtures();

/** The reading that the test wants: llama-server's, or ours where a reason is given. */
function wanted(test: ToolCase): ParsedAnswer {
  if (test.differs !== undefined) return test.ours!;
  if (test.expected === undefined || "error" in test.expected) {
    throw new Error(`"${test.name}" has no reading`);
  }
  return test.expected;
}

for (const [file, fixture] of fixtures) {
  for (const group of fixture.groups) {
    Deno.test(`${file} ${group.name}: selectFormat() finds ${fixture.format}`, () => {
      strictEqual(selectFormat(group.marks).name, fixture.format);
    });
    for (const test of group.cases) {
      Deno.test(`${file} ${group.name}: ${test.name} reads as llama-server does, whole and at every cut`, () => {
        const plan = planGroup(group);
        const whole = readParts(plan, [test.text]);
        deepStrictEqual(comparable(whole), comparable(wanted(test)));
        deepStrictEqual(readParts(plan, Array.from(test.text)), whole);
        for (let cut = 1; cut < test.text.length; cut++) {
          if (test.text.codePointAt(cut - 1)! > 0xffff) continue;
          deepStrictEqual(readParts(plan, [test.text.slice(0, cut), test.text.slice(cut)]), whole);
        }
      });
    }
  }
}

Deno.test("tool call fixtures: every difference from llama-server has a reason, and is one", () => {
  const rows: string[] = [];
  for (const [file, { groups }] of fixtures) {
    const cases = groups.flatMap((group) => group.cases);
    const differing = cases.filter((test) => test.differs !== undefined);
    for (const { differs, expected, ours, name } of differing) {
      ok(differs !== "" && expected !== undefined && ours !== undefined, name);
      if (!("error" in expected)) notDeepStrictEqual(comparable(expected), comparable(ours), name);
    }
    const failing = differing.filter(({ expected }) => "error" in expected!).length;
    rows.push(
      `${file}: ${cases.length} outputs, ${differing.length} read differently on purpose ` +
        `(llama-server fails on ${failing})`,
    );
  }
  console.log(rows.join("\n"));
});
