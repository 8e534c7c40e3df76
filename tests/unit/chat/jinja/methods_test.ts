import { check } from "./render.ts";

Deno.test("string methods and filters", () => {
  check({
    "' a b '|trim": "a b",
    "'xxaxx'.strip('x')": "a",
    "'\\n a'.lstrip()": "a",
    "'a\\n'.rstrip('\\n')": "a",
    "'aé'|upper": "Aé",
    "'hELLO wORLD'|capitalize": "Hello world",
    "'hELLO wORLD'|title": "Hello World",
    "'😀é'|length": "2",
    "'a,b,c'.split(',')|join('|')": "a|b|c",
    "'a,b,c'.split(',', 1)|join('|')": "a|b,c",
    "'a,b,c'.rsplit(',', 1)|join('|')": "a,b|c",
    "'aXbX'.replace('X', '$&')": "a$&b$&",
    "'aXbX'|replace('X', '', 1)": "abX",
    "'abc'.startswith('ab')": "True",
    "'abc'.endswith(('x', 'c'))": "True",
    "'{} of {}'.format(1, 'x')": "1 of x",
    "'%s of %s'|format(1, 'x')": "1 of x",
    "'a\\n\\nb'|indent(2)": "a\n\n  b",
    "'a\\nb'|indent(2, true)": "  a\n  b",
    "'12'|int + 1": "13",
    "'x'|int(7)": "7",
    "''|default('d')": "",
    "''|default('d', true)": "d",
    "missing|default('d')": "d",
    "none|default('d')": "d",
    "5|string ~ ''": "5",
  });
});

Deno.test("list methods and filters", () => {
  check({
    "[3, 1, 2]|sort|join": "123",
    "[1, 2, 3]|reverse|join": "321",
    "[1, 1, 2]|unique|join": "12",
    "[1, 2]|max": "2",
    "[]|first": "",
    "[1, 2]|last": "2",
    "users|map(attribute='name')|join(', ')": "ann, bob",
    "users|selectattr('admin')|map(attribute='name')|join": "ann",
    "users|rejectattr('admin')|map(attribute='name')|join": "bob",
    "users|selectattr('name', 'equalto', 'bob')|list|length": "1",
    "users|selectattr('mail', 'defined')|list|length": "0",
    "users|sort(attribute='name', reverse=true)|map(attribute='name')|join": "bobann",
    "[1, 'a', 2]|select('string')|join": "a",
    "users|join(',', 'name')": "ann,bob",
  }, { users: [{ name: "ann", admin: true }, { name: "bob", admin: false }] });
});

Deno.test("dictionary methods and filters", () => {
  check({
    "d.get('b')": "2",
    "d.get('x', 'none')": "none",
    "d.keys()|join": "ba",
    "d.values()|join": "21",
    "d|items|length": "2",
    "d|length": "2",
    "d|default('x')|length": "2",
    "(d|dictsort).keys()|join": "ab",
    "(d|dictsort(by='value', reverse=true)).keys()|join": "ba",
  }, { d: { b: 2, a: 1 } });
});

Deno.test("tojson writes as Python's json.dumps with templates' options", () => {
  const data = { b: [1, 2.5, null, true], a: { é: 'q"\n\u0001' }, e: [], o: {} };
  check({
    "x|tojson": '{"b": [1, 2.5, null, true], "a": {"é": "q\\"\\n\\u0001"}, "e": [], "o": {}}',
    "x|tojson(indent=2)":
      '{\n  "b": [\n    1,\n    2.5,\n    null,\n    true\n  ],\n  "a": {\n    "é": "q\\"\\n\\u0001"\n  },\n  "e": [],\n  "o": {}\n}',
    "x.b|tojson(separators=(',', ':'))": "[1,2.5,null,true]",
    "x.a|tojson(ensure_ascii=true)": '{"\\u00e9": "q\\"\\n\\u0001"}',
    "x|tojson(sort_keys=true)": '{"a": {"é": "q\\"\\n\\u0001"}, "b": [1, 2.5, null, true], "e": [], "o": {}}',
    "tojson('</script> & <')": '"</script> & <"',
    "missing.x is defined": "False",
  }, { x: data });
});

Deno.test("containers inside of text have Python's notation", () => {
  check({
    "x|string": `{'a': ['b', "it's", 1.5, None, True], 't': 2}`,
    "(1,)|string": "(1,)",
    "(1, 'a')|string": "(1, 'a')",
  }, { x: { a: ["b", "it's", 1.5, null, true], t: 2 } });
});
