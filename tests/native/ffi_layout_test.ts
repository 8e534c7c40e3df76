/** The generated tables against the header and the C compiler. */
import assert from "node:assert/strict";
import { evaluateC } from "../../ffi/gen/c_tokens.ts";
import { parseDeclarations } from "../../ffi/gen/c_declarations.ts";
import { layoutOf, nativeTypeOf } from "../../ffi/gen/layout.ts";
import { generate } from "../../ffi/generate.ts";
import { LAYOUTS, LLAMA_SYMBOLS } from "../../ffi/llama.gen.ts";
import { llamaSrc, repositoryRoot } from "../support/paths.ts";

const CC = Deno.env.get("CC") ?? "cc";
const hasCompiler = await new Deno.Command(CC, { args: ["--version"], stdout: "null", stderr: "null" })
  .output()
  .then(({ success }) => success, () => false);

async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: "LAYOUTS agree with sizeof and offsetof of the C compiler",
  ignore: !hasCompiler,
  fn: async () => {
    const program = await Deno.makeTempFile({ prefix: "probe" });
    const source = llamaSrc();
    const include = ["-I", `${source}/include`, "-I", `${source}/ggml/include`];
    try {
      await run(CC, "-w", ...include, `${repositoryRoot()}/ffi/probe.gen.c`, "-o", `${program}.out`);
      const measured = (await run(`${program}.out`)).trim().split("\n").sort();
      const generated = Object.entries(LAYOUTS).flatMap(([name, { size, fields }]) => [
        `${name} ${size}`,
        ...Object.entries(fields as Record<string, { offset: number; size: number }>)
          .map(([field, slot]) => `${name}.${field} ${slot.offset} ${slot.size}`),
      ]).sort();
      assert.deepEqual(generated, measured);
      assert.ok(measured.length > 100);
    } finally {
      await Deno.remove(program);
      await Deno.remove(`${program}.out`).catch(() => {});
    }
  },
});

Deno.test({
  name: "generate() gives the files that lie in ffi/",
  ignore: !hasCompiler,
  fn: async () => {
    for (const [name, text] of await generate(llamaSrc())) {
      assert.equal(await Deno.readTextFile(`${repositoryRoot()}/ffi/${name}`), text, `${name} is stale`);
    }
  },
});

Deno.test("LLAMA_SYMBOLS has every function of llama.h that is not deprecated", async () => {
  const header = (await Deno.readTextFile(`${llamaSrc()}/include/llama.h`)).replace(/\/\/.*$/gm, "");
  const declarations = header.split(";").filter((text) =>
    text.includes("LLAMA_API") && !text.includes("DEPRECATED(")
  );
  const names = declarations.flatMap((text) => /LLAMA_API[^(]*?\b(llama_\w+)\s*\(/.exec(text)?.[1] ?? []);
  assert.ok(names.length > 180, `${names.length}`);
  assert.deepEqual(names.filter((name) => !(name in LLAMA_SYMBOLS)), []);
});

Deno.test("parseDeclarations() reads the forms that llama.h uses", () => {
  const declarations = parseDeclarations(
    `
    typedef int int32_t; struct opaque; enum color { RED = -1, GREEN, BLUE = 1 << 4, LAST = BLUE };
    typedef _Bool (*callback)(float progress, void * data);
    struct pair { char tag; union { double d; char s[3]; }; callback f; enum color c; };
    extern const struct opaque * make(struct opaque ** out, const char * name, callback f, struct pair p, int32_t * n);
    int old(void) __attribute__((deprecated("use new")));
    static inline int body(int x) { return x; }
    int printf(const char * format, ...);
  `.replace("f, * unused[0];", "f;").replace("n[]", "* n"),
  );
  assert.deepEqual([...declarations.enums.get("color") ?? []], [["RED", -1], ["GREEN", 0], ["BLUE", 16], [
    "LAST",
    16,
  ]]);
  assert.deepEqual([...declarations.functions.keys()], ["make", "old"]);
  assert.equal(declarations.functions.get("old")?.deprecated, true);
  const make = declarations.functions.get("make");
  assert.deepEqual(
    make?.parameters.map(({ type }) => nativeTypeOf(type, declarations, "parameter")),
    ["buffer", "buffer", "function", undefined, "buffer"],
  );
  const layout = layoutOf("pair", declarations);
  assert.deepEqual(layout.fields.map(({ name, offset }) => [name, offset]), [["tag", 0], ["f", 16], [
    "c",
    24,
  ]]);
  assert.equal(layout.size, 32);
});

Deno.test("evaluateC() follows C's precedence", () => {
  const names = new Map([["A", 5]]);
  assert.equal(evaluateC(["1", "<<", "3", "|", "A"], names), 13);
  assert.equal(evaluateC(["2", "+", "3", "*", "4"], names), 14);
  assert.equal(evaluateC(["-", "(", "10", "-", "4", "-", "3", ")"], names), -3);
  assert.throws(() => evaluateC(["B"], names), /unknown "B"/);
});
