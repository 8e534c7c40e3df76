import assert from "node:assert/strict";
import { compileJsonSchema, SchemaError } from "../../../../src/text/json_schema/json_schema.ts";
import { joinRules, writeGrammar } from "../../../../src/text/grammar/gbnf.ts";
import { Random } from "../../../support/random.ts";
import { GbnfOracle } from "../grammar/gbnf_oracle.ts";
import { readSchemas } from "./schema_files.ts";

const DRAWS = 40;

/** Texts that the schema's grammar takes and others that it does not. */
function check(schema: unknown, taken: readonly string[], refused: readonly string[]): void {
  const { gbnf, validate, relaxed } = compileJsonSchema(schema);
  const oracle = new GbnfOracle(gbnf);
  for (const text of taken) {
    assert.ok(oracle.matches(text), `${JSON.stringify(schema)} should take ${text}\n${gbnf}`);
    assert.equal(validate(JSON.parse(text)), undefined, text);
  }
  for (const text of refused) {
    assert.ok(!oracle.matches(text), `${JSON.stringify(schema)} should refuse ${text}\n${gbnf}`);
  }
  assert.deepEqual(relaxed, []);
}

function refusal(schema: unknown): SchemaError {
  try {
    compileJsonSchema(schema);
  } catch (error) {
    assert.ok(error instanceof SchemaError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `${JSON.stringify(schema)} is not refused` });
}

Deno.test("compileJsonSchema() compiles the schemas of servers and agents, and refuses what has no meaning", () => {
  const random = new Random(11);
  const all = readSchemas();
  let refused = 0;
  assert.ok(all.length >= 200, `${all.length} schemas`);
  for (const { name, file, schema } of all) {
    if (file === "refused.json") {
      assert.match(refusal(schema).message, /cannot be honoured at "#/, name);
      refused++;
      continue;
    }
    const { gbnf, validate, relaxed } = compileJsonSchema(schema);
    const oracle = new GbnfOracle(gbnf);
    for (let i = 0; i < DRAWS; i++) {
      const text = oracle.draw(random);
      const fault = validate(JSON.parse(text));
      assert.ok(fault === undefined || relaxed.length > 0, `${name}: ${fault} in ${text}`);
      if (i < 3) assert.ok(oracle.matches(text), `${name}: ${text}`);
    }
  }
  console.log(
    `${all.length} schemas: ${all.length - refused} compile, ${refused} are refused with a pointer`,
  );
});

Deno.test("compileJsonSchema() names the pointer of what it refuses", () => {
  assert.equal(refusal({ properties: { "a/b": { $ref: "#/$defs/x" } } }).pointer, "/properties/a~1b/$ref");
  assert.equal(
    refusal({ properties: { a: { $ref: "https://example.com/x.json" } } }).pointer,
    "/properties/a/$ref",
  );
  assert.equal(refusal({ anyOf: [{ type: "string", pattern: "[" }] }).pointer, "/anyOf/0/pattern");
  assert.equal(refusal({ items: { type: "text" } }).pointer, "/items/type");
  assert.equal(refusal({ prefixItems: [{ minimum: "1" }] }).pointer, "/prefixItems/0/minimum");
  assert.equal(refusal(null).pointer, "");
  assert.match(refusal({ enum: [] }).message, /"enum" must be a list of at least one value, not \[\]/);
});

Deno.test("compileJsonSchema() allows every legal subset of properties in their order", () => {
  const properties = { a: { const: 1 }, b: { const: 2 }, c: { const: 3 }, d: { const: 4 } };
  check(
    { type: "object", properties, required: ["c"] },
    ['{"c":3}', '{"a":1,"c":3}', '{"b":2,"c":3,"d":4}', '{"a": 1, "b": 2, "c": 3, "d": 4}', '{\n  "c": 3\n}'],
    ["{}", '{"a":1}', '{"c":3,"a":1}', '{"c":3,}', '{,"c":3}', '{"c":3,"e":5}', '{"c":3} '],
  );
  check({ type: "object", properties }, ["{}", "{ }", '{"d":4}', '{"a":1,"d":4}'], ['{"d":4,"a":1}']);
  check({ ...{ type: "object", properties }, minProperties: 1 }, ['{"b":2}'], ["{}"]);
  check({ ...{ type: "object", properties }, maxProperties: 1 }, ["{}", '{"b":2}'], ['{"a":1,"b":2}']);
});

Deno.test("compileJsonSchema() takes additional properties by other names only", () => {
  check(
    { type: "object", properties: { ab: { type: "null" } }, additionalProperties: { type: "boolean" } },
    ['{"ab":null}', '{"a":true}', '{"abc":true}', '{"":false}', '{"ab":null,"b":true,"é\\n":false}'],
    ['{"ab":true}', '{"\\u0061b":true}', '{"a":1}', '{"a":true,"ab":null}'],
  );
  check(
    { type: "object", patternProperties: { "^x-": { type: "integer" } }, additionalProperties: false },
    ["{}", '{"x-a":1}', '{"x-":1, "x-b":2}'],
    ['{"y":1}', '{"x-a":true}'],
  );
  check(
    { type: "object", additionalProperties: { type: "integer" }, propertyNames: { enum: ["a", "b"] } },
    ['{"a":1}', '{"b":1,"a":2}'],
    ['{"c":1}'],
  );
});

Deno.test("compileJsonSchema() bounds numbers", () => {
  const texts = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
  for (const [minimum, maximum] of [[0, 0], [1, 14], [-7, 13], [95, 1203], [-120, -8], [-1, 1]] as const) {
    const inside = texts(minimum, maximum).filter((_, i, all) => i < 30 || i > all.length - 30);
    const outside = [
      ...texts(minimum - 25, minimum - 1),
      ...texts(maximum + 1, maximum + 25),
      "01",
      "-0",
      "1.5",
    ];
    check({ type: "integer", minimum, maximum }, inside, outside);
  }
  check({ type: "integer", exclusiveMinimum: 3 }, ["4", "9007199254740991"], ["3", "0", "-4"]);
  check({ type: "integer", multipleOf: 5, minimum: 1, maximum: 22 }, ["5", "20"], ["0", "7", "25"]);
  check({ type: "integer", multipleOf: 100 }, ["0", "100", "-1200"], ["10", "101"]);
  check(
    { type: "number", minimum: 0, maximum: 1 },
    ["0", "1", "0.5", "0.001", "1.0", "0.0"],
    ["1.01", "-0.1", "2", "1.5", "10"],
  );
  check(
    { type: "number", exclusiveMinimum: -2, exclusiveMaximum: 2 },
    ["1", "-1.99", "0.5", "-0.5", "1.999"],
    ["2", "-2", "2.0", "-2.0", "2.1", "-2.5"],
  );
  check({ type: "number", multipleOf: 0.01 }, ["1.25", "-3.1", "7"], ["1.255"]);
});

Deno.test("compileJsonSchema() bounds arrays and strings", () => {
  check({ type: "array", items: { type: "null" }, minItems: 2, maxItems: 3 }, [
    "[null,null]",
    "[null, null, null]",
  ], [
    "[null]",
    "[]",
    "[null,null,null,null]",
  ]);
  check({ type: "array", maxItems: 0 }, ["[]"], ["[1]"]);
  check(
    { items: [{ type: "string" }, { type: "integer" }], additionalItems: { type: "null" }, minItems: 1 },
    ['["a"]', '["a",1]', '["a",1,null,null]'],
    ["[]", "[1]", '["a",null]'],
  );
  check({ type: "string", minLength: 1, maxLength: 3 }, ['"a"', '"é😀\\n"', '"\\ud83d\\ude00ab"'], [
    '""',
    '"abcd"',
  ]);
  check({ type: "string" }, ['"\\u00e9"', '"\\uD83D\\uDE00"', '"\\/"'], ['"\n"', '"\\ud83d"', '"\\x"', "a"]);
});

Deno.test("compileJsonSchema() turns patterns into grammars", () => {
  const pattern = (text: string, more = {}) => ({ type: "string", pattern: text, ...more });
  check(pattern("^[a-z]{2,3}-\\d+$"), ['"ab-1"', '"abc-42"'], ['"a-1"', '"ab-"', '"xabc-1"', '"ab-1x"']);
  check(pattern("^(?:cat|dog)s?$"), ['"cat"', '"dogs"'], ['"cats s"', '"cow"']);
  check(pattern("^a|b$"), ['"ax"', '"xb"'], ['"xa"']);
  check(pattern("(^|,)x$"), ['"x"', '"a,x"'], ['"ax"']);
  check(pattern("b"), ['"abc"', '"b"'], ['"ac"']);
  check(pattern('^["\\\\\\n]$'), ['"\\""', '"\\\\"', '"\\n"'], ['"n"', '"""']);
  check(pattern("^[^a-c]\\S$"), ['"dx"', '"é😀"'], ['"ax"', '"d "']);
  check(pattern("^\\u0041\\x42[\\]\\-]$"), ['"AB]"', '"AB-"'], ['"AB"']);
  check(pattern("^(a*)*b$"), ['"b"', '"aaab"'], ['"a"']);
  check(pattern("^[a-z_][a-z0-9_]*$", { maxLength: 4, minLength: 2 }), ['"ab"', '"a_1b"'], [
    '"a"',
    '"abcde"',
  ]);
});

Deno.test("compileJsonSchema() relaxes what a grammar cannot tell, and validate() decides it", () => {
  const cases: [unknown, string, unknown, unknown][] = [
    [{ type: "string", pattern: "^(?=.*\\d).{3,}$" }, " pattern", "ab1", "abc"],
    [{ type: "string", pattern: "^(a|b)\\1$" }, " pattern", "aa", "ab"],
    [{ type: "string", maxLength: 5000 }, " maxLength", "a", "a".repeat(5001)],
    [{ type: "array", items: { type: "integer" }, uniqueItems: true }, " uniqueItems", [1, 2], [1, 1]],
    [{ type: "integer", multipleOf: 7 }, " multipleOf", 14, 15],
    [{ type: "integer", not: { const: 3 } }, " not", 2, 3],
    [{ oneOf: [{ type: "integer" }, { minimum: 5, type: "number" }] }, " oneOf", 4, 6],
    [
      { type: "object", properties: { a: {}, b: {} }, dependentRequired: { a: ["b"] } },
      " dependentRequired",
      {},
      { a: 1 },
    ],
    [{ type: "array", items: {}, contains: { const: 1 } }, " contains", [1], [2]],
  ];
  for (const [schema, keyword, good, bad] of cases) {
    const { relaxed, validate, gbnf } = compileJsonSchema(schema);
    assert.deepEqual(relaxed.map(({ pointer, keyword }) => `${pointer} ${keyword}`), [keyword]);
    assert.equal(validate(good), undefined);
    assert.match(validate(bad) ?? "", /^"#/, keyword);
    assert.ok(new GbnfOracle(gbnf).matches(JSON.stringify(good)), `${keyword} ${JSON.stringify(good)}`);
  }
});

Deno.test("compileJsonSchema() follows references, recursion and combinations", () => {
  check(
    {
      $ref: "#/$defs/node",
      $defs: {
        node: {
          type: "object",
          properties: { v: { const: 1 }, next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } },
          required: ["v"],
        },
      },
    },
    ['{"v":1}', '{"v":1,"next":{"v":1,"next":null}}'],
    ['{"v":1,"next":{}}'],
  );
  check({ allOf: [{ type: "integer", maximum: 30 }, { minimum: 28 }] }, ["28", "30"], ["27", "31"]);
  check({ $ref: "#x", $defs: { a: { $anchor: "x", type: "null" } } }, ["null"], ["1"]);
  check({ type: ["string", "null"], enum: ["a", null, 3] }, ['"a"', "null"], ["3"]);
  check({ type: "string", nullable: true, minLength: 1 }, ["null", '"a"'], ['""']);
  check({ anyOf: [{ required: ["a"] }, { required: ["b"] }], properties: { a: {}, b: {} }, type: "object" }, [
    '{"a":1}',
    '{"b":1}',
  ], ["{}"]);
  const conditional = {
    type: "object",
    properties: { k: { enum: ["x", "y"] }, n: { type: "integer" } },
    required: ["k"],
    allOf: [{ if: { properties: { k: { const: "x" } } }, then: { required: ["n"] } }],
  };
  const { relaxed, validate } = compileJsonSchema(conditional);
  assert.deepEqual(relaxed, [{ pointer: "/allOf/0", keyword: "if" }]);
  assert.match(validate({ k: "x" }) ?? "", /property "n"/);
});

Deno.test("compileJsonSchema() stays bounded for schemas made to explode", () => {
  const started = performance.now();
  const chain: Record<string, unknown> = { n0: { type: "integer" } };
  for (let i = 1; i < 40; i++) {
    chain[`n${i}`] = { anyOf: [{ $ref: `#/$defs/n${i - 1}` }, { $ref: `#/$defs/n${i - 1}`, minimum: i }] };
  }
  let nested: unknown = { type: "integer" };
  for (let i = 0; i < 300; i++) nested = { type: "array", items: nested };
  const wide = {
    allOf: Array.from(
      { length: 14 },
      (_, i) => ({ anyOf: [{ minimum: i }, { maximum: -i }, { multipleOf: i + 2 }] }),
    ),
  };
  const long = {
    type: "array",
    minItems: 900,
    maxItems: 900,
    items: { type: "array", minItems: 900, items: { type: "string", minLength: 900 } },
  };
  const many = {
    type: "object",
    properties: Object.fromEntries(
      Array.from({ length: 800 }, (_, i) => [`p${i}`, { type: "string", maxLength: 900 }]),
    ),
  };
  for (const schema of [{ $ref: "#/$defs/n39", $defs: chain }, nested, wide]) {
    assert.match(refusal(schema).message, /more than|too often|deeper/);
  }
  assert.ok(compileJsonSchema(long).gbnf.length < 10_000);
  assert.ok(compileJsonSchema(many).relaxed.length > 0);
  assert.ok(performance.now() - started < 20_000, "too slow");
});

Deno.test("joinRules() joins schemas by their prefixes", () => {
  const one = compileJsonSchema({ type: "object", properties: { a: { type: "string" } } }, {
    prefix: "tool-a-args",
  });
  const two = compileJsonSchema({ type: "object", properties: { a: { type: "integer" } } }, {
    prefix: "tool-b-args",
  });
  const joined = joinRules(one.rules, two.rules);
  const oracle = new GbnfOracle(writeGrammar(joined, `${one.rootRule} "|" ${two.rootRule}`));
  assert.ok(oracle.matches('{"a":"x"}|{"a":1}'));
  assert.ok(!oracle.matches('{"a":1}|{"a":1}'));
  assert.throws(
    () => joinRules(one.rules, new Map([["tool-a-args", '"x"']])),
    /two rules are named "tool-a-args"/,
  );
});

Deno.test("compileJsonSchema() with no whitespace takes compact JSON only", () => {
  const { gbnf } = compileJsonSchema({ type: "object", properties: { a: {} } }, { whitespace: "none" });
  const oracle = new GbnfOracle(gbnf);
  assert.ok(oracle.matches('{"a":{"b":[1,2]}}'));
  assert.ok(!oracle.matches('{"a": 1}'));
  assert.ok(!oracle.matches('{"a":{"b": 1}}'));
});

Deno.test("compileJsonSchema() refuses long chains of references and thousands of schemas that hold together", () => {
  const chain = (length: number) => ({
    $ref: "#/$defs/d0",
    $defs: Object.fromEntries(
      Array.from(
        { length },
        (_, i) => [`d${i}`, i + 1 < length ? { $ref: `#/$defs/d${i + 1}` } : { type: "null" }],
      ),
    ),
  });
  const together = (length: number) => ({
    allOf: Array.from({ length }, (_, i) => ({ type: "object", properties: { [`p${i}`]: {} } })),
  });
  assert.ok(compileJsonSchema(chain(500)) && compileJsonSchema(together(300)));
  assert.throws(() => compileJsonSchema(chain(10_000)), SchemaError);
  assert.throws(() => compileJsonSchema(together(5_000)), SchemaError);
});

Deno.test("compileJsonSchema() takes a list of thousands of values in little time, and only those of its type", () => {
  const values = Array.from({ length: 20_000 }, (_, i) => `value ${i}`);
  const started = performance.now();
  const { gbnf } = compileJsonSchema({ enum: values });
  assert.ok(performance.now() - started < 2_000, `${performance.now() - started} ms`);
  assert.ok(gbnf.includes("value 19999"));
  const typed = compileJsonSchema({
    type: ["integer", "null", "string"],
    enum: [1, 1.5, null, "a", [], {}, true],
  });
  assert.match(typed.gbnf, /^root ::= schema\nschema ::= "1" \| "null" \| "\\"a\\""$/m);
});
