import assert from "node:assert/strict";
import { checkLayers, importsOf, readSources } from "../../support/layers.ts";

/** Messages for a made-up tree. */
function complaints(files: Record<string, string>): string[] {
  return checkLayers(new Map(Object.entries(files))).map(({ file, message }) => `${file}: ${message}`);
}

Deno.test("importsOf() finds every form of import and re-export", () => {
  const source = `
import a from "./a.ts";
import { b,
  c } from './b.ts';
import "./c.ts";
import type { D } from "./d.ts";
export { e } from "./e.ts";
export * from "./f.ts";
export type { G } from "./g.ts";
import { type H, i } from "./h.ts";
const j = await import("./j.ts");
`;
  assert.deepEqual(importsOf(source).map((found) => `${found.specifier}${found.typeOnly ? " type" : ""}`), [
    "./a.ts",
    "./b.ts",
    "./c.ts",
    "./d.ts type",
    "./e.ts",
    "./f.ts",
    "./g.ts type",
    "./h.ts",
    "./j.ts",
  ]);
});

Deno.test("importsOf() passes over comments and strings", () => {
  const source = `// import a from "./a.ts";
/* import b from "./b.ts"; */
const url = "http://x"; const c = 'say import("./c.ts")'.length;
export const d = "./d.ts";`;
  const specifiers = importsOf(source).map((found) => found.specifier);
  for (const wrong of ["./a.ts", "./b.ts", "./d.ts"]) assert.ok(!specifiers.includes(wrong), wrong);
});

Deno.test("checkLayers() lets imports go downwards and into core", () => {
  assert.deepEqual(
    complaints({
      "main.ts": `import "./src/cli/serve.ts";`,
      "src/cli/serve.ts": `import "../http/app.ts"; import "../models/loader.ts"; import "../core/x.ts";`,
      "src/http/app.ts": `import "../protocols/openai/routes.ts";`,
      "src/protocols/openai/routes.ts": `import "../shared/json.ts"; import "./schema.ts";`,
      "src/protocols/openai/schema.ts": `import { z } from "zod";`,
      "src/protocols/shared/json.ts": `import type { ZodType } from "zod";`,
      "src/engine/llama_backend.ts": `import "../../ffi/mod.ts"; import "../text/tokenizer.ts";`,
      "src/text/tokenizer.ts": `import "../../ffi/mod.ts";`,
      "src/models/loader.ts": `import "../../ffi/mod.ts";`,
      "ffi/mod.ts": `Deno.dlopen("x", {}); import "../src/core/x.ts";`,
      "src/core/x.ts": `import "./y.ts";`,
      "src/core/y.ts": ``,
    }),
    [],
  );
});

Deno.test("checkLayers() refuses an import upwards", () => {
  assert.match(
    complaints({ "src/engine/engine.ts": `import "../http/app.ts";` }).join(),
    /engine\.ts: imports src\/http\/app\.ts; engine lies below http/,
  );
  assert.equal(complaints({ "ffi/a.ts": `import "../src/engine/b.ts";` }).length, 1);
});

Deno.test("checkLayers() refuses one protocol in another, and a dialect in the shared folder", () => {
  assert.match(
    complaints({ "src/protocols/ollama/x.ts": `import type { A } from "../openai/schema.ts";` }).join(),
    /no protocol knows another/,
  );
  assert.equal(complaints({ "src/protocols/shared/x.ts": `import "../openai/schema.ts";` }).length, 1);
});

Deno.test("checkLayers() lets three files alone import ffi", () => {
  assert.match(complaints({ "src/engine/engine.ts": `import "../../ffi/mod.ts";` }).join(), /of ffi\/ only/);
  assert.match(
    complaints({ "src/cli/serve.ts": `import type { L } from "../../ffi/mod.ts";` }).join(),
    /of ffi\/ only/,
  );
});

Deno.test("checkLayers() refuses any import in core", () => {
  assert.equal(complaints({ "src/core/x.ts": `import "../text/a.ts";` }).length, 1);
  assert.match(complaints({ "src/core/x.ts": `import "node:path";` }).join(), /core imports nothing/);
});

Deno.test("checkLayers() refuses zod outside schema.ts", () => {
  assert.match(
    complaints({ "src/http/app.ts": `import { z } from "zod";` }).join(),
    /only schema\.ts and \*_schema\.ts files do/,
  );
});

Deno.test("checkLayers() refuses pointers outside ffi, comments aside", () => {
  assert.equal(complaints({ "src/engine/a.ts": `const p = Deno.UnsafePointer.of(x);` }).length, 1);
  assert.equal(complaints({ "src/engine/a.ts": `// Deno.dlopen is not used here` }).length, 0);
});

Deno.test("checkLayers() refuses a circle among rooms of one height", () => {
  const circle = {
    "src/chat/a.ts": `import "../text/b.ts";`,
    "src/text/b.ts": `import "../models/c.ts";`,
    "src/models/c.ts": `import "../chat/a.ts";`,
  };
  assert.equal(complaints(circle).length, 3);
  assert.deepEqual(complaints({ ...circle, "src/models/c.ts": "" }), []);
});

Deno.test("checkLayers() refuses jsr and URL imports, tests, and unknown rooms", () => {
  assert.equal(complaints({ "src/text/a.ts": `import "jsr:@std/path";` }).length, 1);
  assert.equal(complaints({ "src/text/a.ts": `import "https://example.com/x.ts";` }).length, 1);
  assert.equal(complaints({ "src/text/a.ts": `import "../../tests/support/x.ts";` }).length, 1);
  assert.equal(complaints({ "src/attic/a.ts": `` }).length, 1);
});

Deno.test("checkLayers() holds for this repository", () => {
  const root = new URL("../../../", import.meta.url);
  const violations = checkLayers(readSources(root.pathname));
  assert.deepEqual(violations, []);
});
