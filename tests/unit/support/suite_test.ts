import assert from "node:assert/strict";
import { summaryOf, tallyOf } from "../../support/suite.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="4" failures="1" errors="0" time="0.1">
  <testsuite name="./a_test.ts" tests="4" disabled="1" errors="0" failures="1">
    <testcase name="passes &gt; &quot;quoted&quot;" classname="./a_test.ts" time="0.001" line="3" col="6">
      <properties><property name="step" value="x"/></properties>
    </testcase>
    <testcase name="fails" classname="./a_test.ts" time="0.001" line="4" col="6">
      <failure message="Uncaught AssertionError">AssertionError</failure>
    </testcase>
    <testcase name="is left out" classname="./a_test.ts" line="5" col="6">
      <skipped/>
    </testcase>
    <testcase name="passes without a body" classname="./a_test.ts" time="0.001"/>
  </testsuite>
</testsuites>`;

Deno.test("tallyOf() counts passed, failed and skipped cases", () => {
  assert.deepEqual(tallyOf(REPORT), { passed: 2, failed: 1, skipped: 1 });
});

Deno.test("tallyOf() finds nothing in an empty report", () => {
  assert.deepEqual(tallyOf(""), { passed: 0, failed: 0, skipped: 0 });
});

Deno.test("summaryOf() names skipped tests only when there are any", () => {
  assert.equal(summaryOf({ passed: 3, failed: 0, skipped: 0 }), "3 passed, 0 failed");
  assert.equal(summaryOf({ passed: 3, failed: 1, skipped: 2 }), "2 skipped\n3 passed, 1 failed");
});
