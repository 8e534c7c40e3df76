/** libllama's log: silent by default, line by line on request. */
import assert from "node:assert/strict";
import { openLibrary } from "../../ffi/mod.ts";
import { LogLineAssembler } from "../../ffi/native_log.ts";
import { libDir, vocabModel } from "../support/paths.ts";
import { tinyModel } from "../support/tiny_models.ts";

Deno.test("NativeLog is silent by default and lets the process end", async () => {
  const script = `
    import { Batch, openLibrary } from "${new URL("../../ffi/mod.ts", import.meta.url)}";
    const llama = openLibrary(${JSON.stringify(libDir())});
    const model = await llama.loadModel(${JSON.stringify(tinyModel("llama"))});
    const context = model.createContext({ nCtx: 64 });
    console.log(await context.decode(new Batch(1)));
    await llama.loadModel("/no/such.gguf").catch(() => console.log("rejected"));`;
  const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] })
    .output();
  assert.deepEqual(
    [new TextDecoder().decode(stdout), new TextDecoder().decode(stderr), code],
    ["-1\nrejected\n", "", 0],
  );
});

Deno.test("Llama.setLogger() receives whole lines of loads and of blocking calls until it is taken off", async () => {
  using llama = openLibrary(libDir());
  const lines: [string, string][] = [];
  llama.setLogger((level, text) => lines.push([level, text]));
  using model = await llama.loadModel(tinyModel("llama"));
  assert.ok(lines.length > 20, `${lines.length} lines`);
  assert.ok(lines.every(([, text]) => !text.includes("\n")));
  using context = model.createContext({ nCtx: 64 });
  lines.length = 0;
  assert.throws(() => context.logits(12_345));
  assert.deepEqual(lines.map(([level]) => level), ["error"]);
  assert.match(lines[0]?.[1] ?? "", /invalid logits id 12345/);
  llama.setLogger(null);
  lines.length = 0;
  using _again = await llama.loadModel(vocabModel("gpt-2"), { vocabOnly: true });
  assert.equal(lines.length, 0);
});

Deno.test("LogLineAssembler.push() joins continued pieces under the first piece's level", () => {
  const lines = new LogLineAssembler();
  assert.deepEqual(lines.push(4, "one"), []);
  assert.deepEqual(lines.push(5, " two\nthree"), [{ level: "error", text: "one two" }]);
  assert.deepEqual(lines.push(5, "\n"), [{ level: "error", text: "three" }]);
  assert.deepEqual(lines.push(2, "a\nb\n"), [{ level: "info", text: "a" }, { level: "info", text: "b" }]);
});
