import { strict as assert } from "node:assert";
import { JinjaProgram, TemplateRefusal } from "../../../../src/chat/jinja_program.ts";
import { render } from "./render.ts";

Deno.test("for goes through lists, keys and pairs, filters and knows its place", () => {
  assert.equal(
    render(
      "{% for x in [1, 2, 3] if x != 2 %}{{ loop.index }}:{{ x }}{{ ',' if not loop.last }}{% endfor %}",
    ),
    "1:1,2:3",
  );
  assert.equal(render("{% for k in d %}{{ k }}{% endfor %}", { d: { a: 1, b: 2 } }), "ab");
  assert.equal(
    render("{% for k, v in d.items() %}{{ k }}{{ v }}{% endfor %}", { d: { a: 1, b: 2 } }),
    "a1b2",
  );
  assert.equal(render("{% for k, v in d|items %}{{ k }}{{ v }}{% endfor %}", { d: { a: 1 } }), "a1");
  assert.equal(render("{% for x in [] %}a{% else %}none{% endfor %}"), "none");
  assert.equal(render("{% for x in missing %}a{% endfor %}"), "");
  assert.equal(render("{% for x in [1, 2] %}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}"), "2;1;");
});

Deno.test("break and continue keep what was printed before them", () => {
  assert.equal(
    render(
      "{% for x in [1, 2, 3, 4] %}{% if x == 2 %}c{% continue %}{% endif %}{% if x == 4 %}b{% break %}{% endif %}{{ x }}{% endfor %}",
    ),
    "1c3b",
  );
});

Deno.test("set binds in its own scope; a namespace is for all", () => {
  assert.equal(render("{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}"), "1");
  assert.equal(
    render("{% set n = namespace(x=1) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}"),
    "4",
  );
  assert.equal(render("{% set a, b = (1, 2) %}{{ b }}{{ a }}"), "21");
  assert.equal(render("{% set x %}a{{ 1 }}{% endset %}[{{ x }}]"), "[a1]");
});

Deno.test("a variable set in a loop lasts to the next round, as in llama.cpp", () => {
  const source = "{% for x in [1, 2] %}{{ seen is defined }}{% set seen = 1 %}{% endfor %}";
  assert.equal(render(source), "FalseTrue");
});

Deno.test("macros take arguments by place, name and default, and call themselves", () => {
  const source = "{% macro m(a, b='x', c='y') %}{{ a }}{{ b }}{{ c }}{% endmacro %}";
  assert.equal(render(source + "{{ m(1, c=3) }}"), "1x3");
  assert.equal(
    render("{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}"),
    "3210",
  );
  assert.equal(render("{{ f() }}{% macro f() %}a{% endmacro %}".replace("{{ f() }}", "") + "{{ f() }}"), "a");
});

Deno.test("a call block is the macro's caller", () => {
  const source = "{% macro box() %}[{{ caller('x') }}]{% endmacro %}{% call(a) box() %}{{ a }}!{% endcall %}";
  assert.equal(render(source), "[x!]");
});

Deno.test("a filter block filters what it prints; marks of training print nothing", () => {
  assert.equal(render("{% filter upper %}a{{ 'b' }}{% endfilter %}"), "AB");
  assert.equal(render("{% generation %}a{% endgeneration %}"), "a");
});

Deno.test("raise_exception() refuses in the template's words", () => {
  assert.throws(() => render("{{ raise_exception('No ' ~ 1) }}"), (error) => {
    return error instanceof TemplateRefusal && error.message === "No 1";
  });
});

Deno.test("strftime_now() and range() work on what they are given", () => {
  const program = new JinjaProgram(
    "{{ strftime_now('%Y-%m-%d') }} {{ range(1, 6, 2)|join }} {{ range(3)|join }}",
  );
  assert.equal(program.render({}, { now: new Date(2024, 1, 3) }), "2024-02-03 135 012");
});

Deno.test("rendering ends where a template would not", () => {
  assert.throws(() => render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), /nest deeper/);
  const nested = "{% for a in range(1000) %}".repeat(3) + "{% endfor %}".repeat(3);
  assert.throws(() => render(nested), /more than \d+ statements/);
});

Deno.test("parseTemplate() says what it expected where", () => {
  const cases: Readonly<Record<string, RegExp>> = {
    "{% if x %}a": /expected \{% endif %\}, got the end of the template at line 1/,
    "{% endfor %}": /unknown statement "endfor"/,
    "{% for x %}": /expected "in", got "%\}" at line 1, column 10/,
    "{{ (1 }}": /expected "\)"/,
    "{% include 'x' %}": /unknown statement "include"/,
    "{% set 1 = 2 %}": /cannot assign/,
  };
  for (const [source, message] of Object.entries(cases)) {
    assert.throws(() => new JinjaProgram(source), message, source);
  }
});
