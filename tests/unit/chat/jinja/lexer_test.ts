import { strict as assert } from "node:assert";
import { tokenize } from "../../../../src/chat/jinja/lexer.ts";
import { JinjaError } from "../../../../src/chat/jinja/value.ts";
import { render } from "./render.ts";

Deno.test("tokenize() takes the newline after a block tag, not after an expression", () => {
  assert.equal(render("{% if true %}\na\n{% endif %}\nb{{ 1 }}\nc"), "a\nb1\nc");
  assert.equal(render("{# x #}\na"), "a");
});

Deno.test("tokenize() takes the space between the beginning of a line and a block tag", () => {
  assert.equal(render("a\n  {% if true %}b{% endif %}"), "a\nb");
  assert.equal(render("  {% if true %}b{% endif %}"), "b");
  assert.equal(render("a  {% if true %}b{% endif %}"), "a  b");
  assert.equal(render("{{ 1 }} {% if true %}b{% endif %}"), "1 b");
  assert.equal(render("  {{ 1 }}"), "  1");
});

Deno.test("tokenize() takes all space before {%- and after -%}, of comments and expressions too", () => {
  assert.equal(render("a \n {%- if true -%} \n b \n {%- endif -%} \n c"), "abc");
  assert.equal(render("a {{- 1 -}} b"), "a1b");
  assert.equal(render("a {#- x -#} b"), "ab");
});

Deno.test("tokenize() keeps space where a plus asks for it", () => {
  assert.equal(render("a\n  {%+ if true +%}\nb{% endif %}"), "a\n  \nb");
});

Deno.test("tokenize() takes one newline at the end of the source and reads all line ends alike", () => {
  assert.equal(render("a\r\nb\n\n"), "a\nb\n");
  assert.equal(render("a\rb"), "a\nb");
});

Deno.test("tokenize() reads braces of a dictionary before the end of the expression", () => {
  assert.equal(render("{{ {'a': {'b': 1}}['a']['b'] }}"), "1");
  assert.equal(render("{{ {'a': 1}}}"), "");
});

Deno.test("tokenize() resolves escapes of strings and joins neighbours", () => {
  assert.equal(render(`{{ 'a\\n\\t\\'\\\\' "b" }}`), "a\n\t'\\b");
  assert.equal(render(`{{ '\\d' }}`), "\\d");
});

Deno.test("tokenize() reads a name longer than it looks ahead", () => {
  const name = "x".repeat(1000);
  assert.equal(render(`{{ ${name} }}`, { [name]: 7 }), "7");
});

Deno.test("tokenize() says where the source is wrong", () => {
  const cases: [string, RegExp][] = [
    ["a\n{{ 'x", /String without an end at line 2, column 4/],
    ["{{ x", /Tag without an end at line 1, column 1/],
    ["{# x", /Comment without an end/],
    ["{{ a ? b }}", /Unexpected character "\?" at line 1, column 6/],
  ];
  for (const [source, message] of cases) {
    assert.throws(
      () => tokenize(source),
      (error) => error instanceof JinjaError && message.test(error.message),
    );
  }
});
