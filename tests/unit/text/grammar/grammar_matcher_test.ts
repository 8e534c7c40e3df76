import assert from "node:assert/strict";
import { MAX_NESTING, MAX_TEXT, readGrammar } from "../../../../src/text/grammar/gbnf_reader.ts";
import { GrammarCache, GrammarError, GrammarMatcher } from "../../../../src/text/grammar/grammar.ts";
import { GrammarAutomaton } from "../../../../src/text/grammar/grammar_automaton.ts";
import { compileJsonSchema } from "../../../../src/text/json_schema/json_schema.ts";
import { Random } from "../../../support/random.ts";
import { GbnfOracle } from "./gbnf_oracle.ts";
import { readSchemas } from "../json_schema/schema_files.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function matcher(grammar: string): GrammarMatcher {
  return new GrammarMatcher(new GrammarAutomaton(readGrammar(grammar)));
}

/** "no", "begins" or "matches". */
function verdict(grammar: string, text: string): string {
  const one = matcher(grammar);
  for (const byte of bytes(text)) {
    if (!one.allows(0, Uint8Array.of(byte))) return "no";
    one.accept(0, Uint8Array.of(byte));
  }
  return one.accepting ? "matches" : "begins";
}

/** The grammar is refused, or the text under it, within a second; returns why. */
function refusal(grammar: string, text = ""): string {
  const started = performance.now();
  try {
    const one = matcher(grammar);
    for (const byte of bytes(text)) one.accept(0, Uint8Array.of(byte));
  } catch (error) {
    assert.ok(error instanceof GrammarError, String(error));
    assert.ok(performance.now() - started < 2_000, `took ${performance.now() - started} ms`);
    return error.message;
  }
  return "";
}

Deno.test("GrammarMatcher follows literals, classes, groups, repetitions, comments and lines", () => {
  const grammar = 'root ::= a{2,3} ( # one\n  "x" | [^a-é] )?\n\na ::= "a" | "\\x62" | [\\u65e5本]\n';
  for (const text of ["aa", "ab本", "日日日x", "aaê", "aaaA"]) {
    assert.equal(verdict(grammar, text), "matches", text);
  }
  for (const text of ["", "a"]) assert.equal(verdict(grammar, text), "begins", text);
  for (const text of ["c", "aaaa", "aaxx", "aaé", "aab\n\n"]) {
    assert.equal(verdict(grammar, text), "no", text);
  }
});

Deno.test("GrammarMatcher allows the first bytes of a character only where one of its characters may come", () => {
  const one = matcher("root ::= [^a-é]");
  assert.ok(one.allows(0, Uint8Array.of(0xc3)), "ê to ÿ begin so");
  assert.ok(!one.allows(0, Uint8Array.of(0xc2)), "only é and less begin so");
  assert.ok(!one.allows(0, Uint8Array.of(0xf8)), "nothing begins so");
  assert.ok(!one.allows(0, Uint8Array.of(0xe0, 0x80, 0x80)), "written too long");
  one.accept(0, Uint8Array.of(0xc3));
  assert.ok(one.withinCharacter && !one.accepting);
  assert.ok(one.allows(0, Uint8Array.of(0xaa)) && !one.allows(0, Uint8Array.of(0xa9)));
});

Deno.test("GrammarMatcher follows tokens by number and by name, beside texts", () => {
  const cache = new GrammarCache((text) => text === "<|end|>" ? 7 : undefined);
  const one = cache.matcher('root ::= "ab" | <[5]> !<[6]> <|end|>');
  assert.ok(one.allows(5, bytes("five")) && one.allows(1, bytes("a")) && !one.allows(6, bytes("six")));
  one.accept(5, bytes("five"));
  assert.ok(!one.allows(6, bytes("six")) && one.allows(8, bytes("eight")));
  one.accept(8, bytes("eight"));
  assert.ok(!one.allows(8, bytes("eight")));
  one.accept(7, bytes("<|end|>"));
  assert.ok(one.accepting);
  assert.throws(() => cache.matcher("root ::= <|unknown|>"), /no token of the model/);
});

Deno.test("GrammarMatcher takes texts of a schema's grammar and what they begin with, as the oracle does", () => {
  const random = new Random(5);
  let texts = 0;
  for (const { schema } of readSchemas().filter((_, i) => i % 4 === 0)) {
    let gbnf: string;
    try {
      gbnf = compileJsonSchema(schema, { root: "root" }).gbnf;
    } catch {
      continue;
    }
    const text = new GbnfOracle(gbnf).draw(random);
    assert.equal(verdict(gbnf, text), "matches", text);
    const broken = `${text.slice(0, -1)}\u0001`;
    assert.equal(verdict(gbnf, broken), "no", broken);
    texts++;
  }
  assert.ok(texts > 30, `${texts} texts`);
});

Deno.test("GrammarMatcher goes on after the automaton has forgotten what it kept", () => {
  const automaton = new GrammarAutomaton(readGrammar('root ::= "[" root* "]"'));
  const [deep, other] = [new GrammarMatcher(automaton), new GrammarMatcher(automaton)];
  const depth = 30_000;
  for (let i = 0; i < depth; i++) deep.accept(0, bytes("["));
  for (let i = 0; i < 150_000; i++) {
    // New stacks on top of new stacks: more than are kept.
    other.accept(0, bytes(i < 110_000 ? "[" : "]"));
  }
  for (let i = 0; i < depth; i++) deep.accept(0, bytes("]"));
  assert.ok(deep.accepting && !deep.allows(0, bytes("]")) && !other.accepting);
});

Deno.test("readGrammar() refuses what cannot be followed, and says where", () => {
  const cases: [string, RegExp][] = [
    ["", /no rule root/],
    ["root ::= a", /rule "a" is not defined/],
    ['root ::= root "a" | "b"', /rule "root" begins with itself/],
    ['root ::= y root "x" | "q"\ny ::= z z\nz ::= "a" | ""', /begins with itself/],
    ['root ::= ("a"*)*', /begins with itself/],
    [`root ::= ${"(".repeat(100_000)}`, new RegExp(`more than ${MAX_NESTING} deep`)],
    ['root ::= "a"{1000000}', /more than 600000 parts/],
    ['root ::= "a"{0,99999999999999999999}', /more than 600000 parts/],
    ['root ::= "a"{3,2}', /out of order/],
    ["root ::= *", /nothing stands before/],
    ['root ::= "\\UFFFFFFFF"', /beyond Unicode/],
    ["root ::= [z-a]", /out of order/],
    ["root ::= []", /class is empty/],
    ['root ::= "a', /not closed/],
    ['root ::= "\\q"', /no escape/],
    ['root ::= "a"\nroot = "b"', /in line 2 ::= is expected/],
    [`root ::= "a"\n#${" ".repeat(MAX_TEXT)}`, /characters, more than/],
    [`root ::= "${"a".repeat(700_000)}"`, /more than 600000 characters/],
    [Array.from({ length: 220_000 }, () => '("")').join("").replace(/^/, "root ::= "), /200000 rules/],
  ];
  for (const [grammar, why] of cases) assert.match(refusal(grammar), why, grammar.slice(0, 60));
});

Deno.test("GrammarMatcher refuses to follow more ways than it can within a token", () => {
  const lines = (count: number, line: (i: number) => string, last: string) =>
    ["root ::= r0", ...Array.from({ length: count }, (_, i) => line(i)), `r${count} ::= ${last}`].join("\n");
  const cases: [string, string][] = [
    [lines(3_000, (i) => `r${i} ::= r${i + 1} "a"?`, '"b"'), "baaa"],
    [lines(40, (i) => `r${i} ::= r${i + 1} "a" | r${i + 1} "b"`, '"b"'), "baaa"],
    [`root ::= "b" ${'("a" | [a-z])? '.repeat(2_000)}`, "baaa"],
    ['root ::= "a" root "b" | "a" root "c" | ""', "a".repeat(60)],
    ['root ::= ((("a"?){0,2000}){0,2000}){0,2000} "b"', "aaaab"],
  ];
  for (const [grammar, text] of cases) {
    assert.match(refusal(grammar, text), /too ambiguous/, grammar.slice(0, 60));
  }
});

Deno.test("GrammarMatcher follows large grammars of honest clients", () => {
  const properties = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`property ${i}`, { type: "string", maxLength: 900 }]),
  );
  const words = Array.from({ length: 5_000 }, (_, i) => `word ${i} of many`);
  const cases: [unknown, string][] = [
    [{ type: "object", properties }, '{"property 7": "x", "property 299": "y"}'],
    [{ enum: words }, '"word 4999 of many"'],
    [{ type: "string", minLength: 500, maxLength: 1_000 }, JSON.stringify("é".repeat(700))],
    [
      { type: "array", minItems: 100, maxItems: 400, items: { enum: words } },
      JSON.stringify(words.slice(0, 200)),
    ],
    [
      { $defs: { t: { type: "array", items: { $ref: "#/$defs/t" } } }, $ref: "#/$defs/t" },
      "[".repeat(500) + "]".repeat(500),
    ],
  ];
  for (const [schema, text] of cases) {
    assert.equal(
      verdict(compileJsonSchema(schema, { root: "root" }).gbnf, text),
      "matches",
      text.slice(0, 40),
    );
  }
});
