/** Values that break programs: the ends of number ranges, odd text, grammars and schemas without an end. */

import type { Random } from "../support/random.ts";
import { type JsonNode, Literal } from "./json_node.ts";

const NUMBERS: readonly number[] = [
  ...[0, -0, 1, -1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 1000, 4095, 4096, 65_536],
  ...[
    0.5,
    -0.5,
    1.5,
    0.1 + 0.2,
    1e-7,
    5e-324,
    2.2250738585072014e-308,
    0.9999999999999999,
    1.0000000000000002,
  ],
  ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32 - 1, 2 ** 32, -(2 ** 32)],
  ...[2 ** 53 - 1, 2 ** 53, -(2 ** 53), 2 ** 63, -(2 ** 63), 2 ** 64, 1e19, 3.4e38, 3.5e38, 1e308, -1e308],
];

/** Numbers that JSON's grammar takes and JavaScript cannot hold, and what its grammar does not take. */
const NUMBER_TEXTS = [
  ...[
    "1e999",
    "-1e999",
    "1e-999",
    "123456789012345678901234567890",
    "-0.0",
    "1E+2",
    "0.0000000000000000000000001",
  ],
  ...[
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "00",
    "01",
    "+1",
    ".5",
    "1.",
    "0x10",
    "1_000",
    "1e",
    "--1",
  ],
];

const WORDS = [
  ...[
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "a\ud83d",
    "\ufeff",
    "\u202eabc",
    "\uffff",
    "\u{10ffff}",
  ],
  ...["e\u0301".repeat(64), "👩‍👩‍👧‍👦", "İ", "ß", "\u0000\u0001\u001f\u007f", "\r\n\r\n", "\t", "'\"\\", "\\u0000"],
  ...[
    "<|im_start|>system\n",
    "<|im_end|>",
    "<|endoftext|>",
    "<think>",
    "</think>",
    "<tool_call>\n{",
    "</tool_call>",
  ],
  ...[
    "{{ messages }}",
    "{% for x in range(99999999) %}x{% endfor %}",
    "{{ 1 / 0 }}",
    "{%",
    "{{ raise_exception('x') }}",
  ],
  ...[
    "../../etc/passwd",
    "/etc/passwd",
    "..\\..\\x",
    "%2e%2e%2f",
    "file:///etc/passwd",
    "http://127.0.0.1:9/",
    "a/b/c/d",
  ],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "null",
    "true",
    "NaN",
    "-1",
    "1e999",
    "[]",
    "{}",
  ],
  ...[
    "user",
    "assistant",
    "system",
    "tool",
    "developer",
    "function",
    "text",
    "json_object",
    "json_schema",
    "auto",
  ],
  ...[
    "required",
    "none",
    "any",
    "rotate",
    "error",
    "low",
    "high",
    "max",
    "5m",
    "-1s",
    "0",
    "1h1h",
    "base64",
    "float",
  ],
];

const GRAMMARS = [
  ...[
    'root ::= "a"',
    'root ::= [a-z]+ " " root | "."',
    "root ::= root",
    'root ::= root "a"',
    'root ::= ("a"*)*',
  ],
  ...[
    'root ::= "a"{1,100000}',
    'root ::= ("a"{1,99}){1,99}',
    "root ::= [",
    'root ::= "',
    "root ::= x",
    "x ::= [a]",
  ],
  ...[
    "root ::=",
    "",
    "::=",
    "root ::= [^\\x00-\\U0010FFFF]",
    "root ::= [z-a]",
    "root ::= .",
    'root ::= ("a" | )+',
  ],
  ...[
    "root ::= a b\na ::= b?\nb ::= a*\n",
    "root ::= \\",
    "root ::= <[0]>",
    "root ::= !<[5]>",
    "root ::= <|im_end|>",
  ],
  `root ::= ${"(".repeat(400)}"a"${")".repeat(400)}`,
  `root ::= ${Array.from({ length: 800 }, (_, i) => `"w${i}"`).join(" | ")}`,
  // Many ways to skip the parts, at each character: libllama would follow every one of them.
  chain(300, (next) => `${next} "a"?`),
  chain(3_000, (next) => `${next} "a"?`),
  chain(40, (next) => `${next} "a" | ${next} "b"`),
  `root ::= ${'("a" | [a-z])? '.repeat(1_000)}"."`,
  // The ways double with each letter.
  'root ::= [a-z] root "b" | [a-z] root "c" | ""',
  'root ::= ((([a-z]?){0,2000}){0,2000}){0,2000} "."',
  'root ::= y root "x" | "q"\ny ::= z z\nz ::= "a" | ""',
  `root ::= ${"(".repeat(50_000)}`,
];

/** Rules that each begin with the next one. */
function chain(length: number, rule: (next: string) => string): string {
  const rules = Array.from({ length }, (_, i) => `r${i} ::= ${rule(`r${i + 1}`)}`);
  return [...rules, `r${length} ::= [a-z]`, "root ::= r0"].join("\n");
}

const SCHEMAS: readonly JsonNode[] = [
  ...[true, false, {}, { type: "object" }, { type: "nope" }, { type: [] }, { type: ["string", "null"] }],
  ...[{ $ref: "#" }, { $ref: "#/nope" }, { $ref: "http://127.0.0.1:9/x" }, { allOf: [{ $ref: "#" }] }, {
    $ref: 5,
  }],
  ...[{ enum: [] }, { enum: Array.from({ length: 1500 }, (_, i) => `v${i}`) }, { const: { a: [1, null] } }, {
    const: "",
  }],
  ...[{ type: "string", pattern: "(a+)+$" }, { type: "string", pattern: "^(" }, {
    type: "string",
    pattern: "\\p{L}{9}",
  }],
  ...[{ type: "string", minLength: 1e9 }, { type: "string", maxLength: 100_000 }, {
    type: "string",
    minLength: -1,
  }],
  ...[{ type: "string", pattern: "^a{1,5000}$" }, { type: "string", format: "uuid" }, {
    type: "string",
    format: "x",
  }],
  ...[{ type: "integer", minimum: 1e18 }, { type: "number", minimum: 5, maximum: 1 }, {
    type: "integer",
    multipleOf: 0,
  }],
  ...[{ type: "integer", minimum: -7, maximum: 12_345 }, { type: "integer", exclusiveMinimum: 2.5 }],
  ...[{ type: "array", minItems: 100_000 }, { type: "array", items: false }, { prefixItems: [{}, false] }, {
    items: [],
  }],
  ...[{ not: {} }, { anyOf: [] }, { oneOf: [{}, {}] }, { allOf: [false] }, {
    anyOf: [{ type: "null" }, { const: 1 }],
  }],
  { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] },
  {
    type: "object",
    properties: { a: { type: "string" } },
    required: ["b", "a", "a"],
    additionalProperties: false,
  },
  {
    type: "object",
    properties: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`p${i}`, { type: "boolean" }])),
  },
  { type: "object", properties: { "\0\ud800": { const: "\0" }, "": {}, 'a"\\': { type: "null" } } },
  {
    $defs: { a: { anyOf: [{ $ref: "#/$defs/b" }, { type: "null" }] }, b: { items: { $ref: "#/$defs/a" } } },
    $ref: "#/$defs/a",
  },
  {
    type: "object",
    patternProperties: { "^x": { type: "integer" }, "(": {} },
    propertyNames: { maxLength: 2 },
  },
];

/** A value nested `depth` deep. */
export function nested(value: JsonNode, depth: number, random: Random): JsonNode {
  const inArrays = random.next() < 0.5;
  for (let i = 0; i < depth; i++) value = inArrays ? [value] : { a: value };
  return value;
}

/** A number, perhaps none that JSON or JavaScript knows. */
export function hostileNumber(random: Random): JsonNode {
  if (random.next() < 0.12) return new Literal(random.pick(NUMBER_TEXTS));
  return random.next() < 0.9 ? random.pick(NUMBERS) : Math.floor(random.next() * 2 ** random.int(1, 60));
}

/** A text; at times one of many thousand characters. */
export function hostileText(random: Random): string {
  const kind = random.next();
  if (kind < 0.08) {
    return random.pick(["x", "a ", "\n", "🙂", "\ud800", "\0", "{{", "[", "<|im_start|>"]).repeat(
      random.int(500, 8000),
    );
  }
  if (kind < 0.16) return random.pick(GRAMMARS);
  if (kind < 0.25) {
    return String.fromCharCode(...Array.from({ length: random.int(1, 40) }, () => random.int(0, 0xffff)));
  }
  return random.pick(WORDS);
}

/** A GBNF grammar, in most cases a bad one. */
export function hostileGrammar(random: Random): string {
  return random.pick(GRAMMARS);
}

/** A JSON schema, in most cases a bad one. */
export function hostileSchema(random: Random): JsonNode {
  const schema = structuredClone(random.pick(SCHEMAS));
  return random.next() < 0.15 ? nested(schema, random.int(1, 250), random) : schema;
}

/** Anything. */
export function hostileValue(random: Random): JsonNode {
  const kind = random.int(0, 19);
  if (kind < 5) return hostileNumber(random);
  if (kind < 11) return hostileText(random);
  if (kind === 11) {
    return nested(random.pick([1, "x", null]), random.pick([2, 20, 150, 199, 201, 1000]), random);
  }
  if (kind === 12) {
    return Array.from({ length: random.pick([0, 1, 129, 1025, 5000]) }, () => random.pick([1, "x", null]));
  }
  if (kind === 13) return hostileSchema(random);
  if (kind === 14) {
    return Object.fromEntries([["__proto__x", 1], ["constructor", { prototype: {} }], ["length", -1]]);
  }
  if (kind === 15) return new Literal(`${"[".repeat(20_000)}${"]".repeat(20_000)}`);
  return random.pick<JsonNode>([null, true, false, [], {}, [[]], [{}], [null], { "": null }, { type: "x" }, {
    a: { b: 1 },
  }]);
}
