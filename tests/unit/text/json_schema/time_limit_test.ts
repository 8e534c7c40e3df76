import assert from "node:assert/strict";
import { compileJsonSchema } from "../../../../src/text/json_schema/json_schema.ts";
import { TimeLimitError, withinTimeLimit } from "../../../../src/text/json_schema/time_limit.ts";

/** Takes hours where nothing ends it. */
const EVIL = "^(?=(a+)+$)x?";
const VICTIM = "a".repeat(60) + "b";

Deno.test("withinTimeLimit() passes on values and errors, and ends what takes too long", () => {
  assert.equal(withinTimeLimit(() => 42), 42);
  assert.throws(() => withinTimeLimit(() => assert.fail("own")), /own/);
  const started = performance.now();
  assert.throws(() => withinTimeLimit(() => new RegExp(EVIL, "u").test(VICTIM), 30), TimeLimitError);
  assert.ok(performance.now() - started < 1000);
  assert.equal(withinTimeLimit(() => "afterwards"), "afterwards");
});

Deno.test("CompiledSchema.validate() refuses a value over which a pattern takes for ever, soon", () => {
  const schema = compileJsonSchema({ type: "string", pattern: EVIL });
  const started = performance.now();
  assert.match(schema.validate(VICTIM) ?? "", /cannot be validated/);
  assert.match(schema.validate(VICTIM) ?? "", /takes too long/);
  assert.ok(performance.now() - started < 1000);
});

Deno.test("compileJsonSchema() refuses names and values over which patterns take for ever, soon", () => {
  const started = performance.now();
  const values = Array.from({ length: 500 }, (_, i) => VICTIM + i);
  assert.throws(() => compileJsonSchema({ enum: values, pattern: EVIL }), /cannot be honoured/);
  const names = Object.fromEntries(values.map((name) => [name, { type: "string" }]));
  assert.throws(
    () => compileJsonSchema({ type: "object", properties: names, patternProperties: { [EVIL]: true } }),
    /take too long/,
  );
  assert.ok(performance.now() - started < 3000, `${performance.now() - started} ms`);
});
