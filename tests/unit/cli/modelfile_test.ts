import assert from "node:assert/strict";
import { planCreate } from "../../../src/cli/create_request.ts";
import { parseParameter } from "../../../src/cli/model_parameters.ts";
import { parseModelfile } from "../../../src/cli/modelfile.ts";

function values(source: string): string[][] {
  return parseModelfile(source).map(({ name, key, value }) =>
    key === undefined ? [name, value] : [name, key, value]
  );
}

Deno.test("parseModelfile() reads every instruction, in any case, with comments and blank lines", () => {
  const source = [
    "\uFEFF# a comment",
    "",
    "  from ./x.gguf",
    "PARAMETER temperature 0.5",
    'Parameter stop "<|end|>"',
    "ADAPTER ./lora.gguf",
    "   # another",
    'SYSTEM "You are short."',
    "MESSAGE user Hello there",
    "MESSAGE assistant Hi!",
    "LICENSE MIT",
    "TEMPLATE {{ .Prompt }}",
  ].join("\r\n");
  assert.deepEqual(values(source), [
    ["from", "./x.gguf"],
    ["parameter", "temperature", "0.5"],
    ["parameter", "stop", "<|end|>"],
    ["adapter", "./lora.gguf"],
    ["system", "You are short."],
    ["message", "user", "Hello there"],
    ["message", "assistant", "Hi!"],
    ["license", "MIT"],
    ["template", "{{ .Prompt }}"],
  ]);
});

Deno.test("parseModelfile() keeps a quoted text as it is over several lines", () => {
  const text = '\nFirst "quoted" line\n  # no comment\n\nlast ';
  assert.deepEqual(values(`FROM x\nSYSTEM """${text}"""\nLICENSE """a""" \n`), [
    ["from", "x"],
    ["system", text],
    ["license", "a"],
  ]);
});

Deno.test("parseModelfile() takes quotes within a line for text", () => {
  assert.deepEqual(values('FROM x\nSYSTEM "Hi" is what you say\nMESSAGE user say "a" and "b"'), [
    ["from", "x"],
    ["system", '"Hi" is what you say'],
    ["message", "user", 'say "a" and "b"'],
  ]);
});

Deno.test("parseModelfile() lets SYSTEM be empty and nothing else", () => {
  assert.deepEqual(values('FROM x\nSYSTEM ""'), [["from", "x"], ["system", ""]]);
  assert.throws(() => parseModelfile("FROM"), /line 1: FROM has no value/);
  assert.throws(() => parseModelfile("FROM x\nPARAMETER stop"), /line 2: PARAMETER has no value/);
});

Deno.test("parseModelfile() names the line of what is wrong", () => {
  assert.throws(() => parseModelfile(""), /no FROM line/);
  assert.throws(() => parseModelfile("FROM x\n\nFORM y"), /line 3: unknown instruction "FORM"/);
  assert.throws(
    () => parseModelfile("FROM x\nMESSAGE robot hi"),
    /line 2: MESSAGE expects one of .*, got "robot"/,
  );
  assert.throws(
    () => parseModelfile('FROM x\nSYSTEM """never closed\nFROM y'),
    /line 2: .*no closing quotes/,
  );
});

Deno.test("planCreate() tells files from names and collects what there are several of", () => {
  const source = [
    "FROM ./a.gguf",
    "FROM ~/mmproj.gguf",
    "ADAPTER /l/lora.gguf",
    "PARAMETER stop A",
    "PARAMETER stop B",
    "PARAMETER temperature 1",
    "PARAMETER temperature 0.25",
    "PARAMETER mirostat 1",
    "SYSTEM one",
    "SYSTEM two",
    "LICENSE x",
    "LICENSE y",
    "MESSAGE user hi",
    "PARSER p",
  ].join("\n");
  const plan = planCreate(parseModelfile(source), "/work", "/home/u", (path) => [path]);
  assert.deepEqual([...plan.files], [["a.gguf", "/work/a.gguf"], ["mmproj.gguf", "/home/u/mmproj.gguf"]]);
  assert.deepEqual([...plan.adapters], [["lora.gguf", "/l/lora.gguf"]]);
  assert.deepEqual(plan.body, {
    system: "two",
    license: ["x", "y"],
    messages: [{ role: "user", content: "hi" }],
    parameters: { stop: ["A", "B"], temperature: 0.25 },
  });
  assert.equal(plan.warnings.length, 2);
});

Deno.test("planCreate() takes a name where there is no file, and refuses a path", () => {
  const none = () => undefined;
  assert.deepEqual(planCreate(parseModelfile("FROM qwen:0.5b"), "/", undefined, none).body, {
    from: "qwen:0.5b",
  });
  for (const path of ["./x", "/x/y", "../x", "~/x", "x.gguf"]) {
    assert.throws(
      () => planCreate(parseModelfile(`FROM ${path}`), "/", undefined, none),
      /there is no file/,
      path,
    );
  }
  assert.throws(
    () => planCreate(parseModelfile("FROM x\nADAPTER y"), "/", undefined, none),
    /line 2: there is no adapter/,
  );
});

Deno.test("parseParameter() gives each parameter its kind of value", () => {
  assert.equal(parseParameter("num_ctx", ["4096"]), 4096);
  assert.equal(parseParameter("temperature", ["1", "0.5"]), 0.5);
  assert.equal(parseParameter("use_mmap", ["false"]), false);
  assert.deepEqual(parseParameter("stop", ["a", "b"]), ["a", "b"]);
  assert.throws(() => parseParameter("num_ctx", ["1.5"]), /'num_ctx': expected a whole number, got "1.5"/);
  assert.throws(() => parseParameter("top_p", ["x"]), /'top_p': expected a number, got "x"/);
  assert.throws(() => parseParameter("constructor", ["1"]), /unknown parameter 'constructor'/);
});
