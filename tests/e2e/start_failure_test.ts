/** A server that cannot start says why in one line and ends with a code other than 0. Nothing crashes. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runs } from "../support/runs.ts";
import { runToEnd, ServerProcess } from "../support/server_process.ts";

const DEMO = fileURLToPath(
  new URL("../../lib/demo/demo.gguf", import.meta.url),
);

/** File name of libllama here. */
const LIBRARY = { windows: "llama.dll", darwin: "libllama.dylib" }[Deno.build.os as string] ??
  "libllama.so";

/** Exit codes: what could not be started, and what was not understood. */
const FAILED = 1;
const MISUSED = 2;

async function assertFails(
  args: readonly string[],
  code: number,
  message: RegExp,
): Promise<void> {
  const outcome = await runToEnd(["--port", "0", ...args]);
  assert.equal(outcome.code, code, JSON.stringify(outcome));
  assert.equal(outcome.stdout, "");
  const lines = outcome.stderr.trimEnd().split("\n");
  assert.equal(lines.length, 1, `one line, not:\n${outcome.stderr}`);
  assert.match(lines[0]!, message);
  assert.doesNotMatch(
    lines[0]!,
    /\.ts:\d+|\.cpp:\d+|Uncaught|GGML_ASSERT|Segmentation/,
  );
}

/** Runs a test in a folder of its own. */
async function inFolder(fn: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts with a model file of these bytes, which must fail. */
async function assertModelFails(
  bytes: Uint8Array | string,
  message: RegExp,
): Promise<void> {
  await inFolder(async (folder) => {
    const path = join(folder, "broken.gguf");
    await Deno.writeFile(
      path,
      typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes,
    );
    await assertFails(["--model", path], FAILED, message);
  });
}

Deno.test("a model that is truncated is refused with both sizes", async () => {
  const whole = await Deno.readFile(DEMO);
  const inData = whole.subarray(0, whole.length - 1000);
  const size = new Intl.NumberFormat("en").format(inData.length);
  await assertModelFails(
    inData,
    new RegExp(`Cannot load model ".*broken\\.gguf": .*truncated.*${size}`),
  );
});

Deno.test("a model that is truncated in its header is refused", async () => {
  const whole = await Deno.readFile(DEMO);
  for (const length of [3, 7, 20, 1000, 50_000]) {
    await assertModelFails(
      whole.subarray(0, length),
      /Cannot load model ".*broken\.gguf": ./,
    );
  }
});

Deno.test("a model file that is empty is refused", async () => {
  await assertModelFails("", /Cannot load model ".*broken\.gguf": .*empty/);
});

Deno.test("a model file that is no GGUF is refused", async () => {
  await assertModelFails(
    "This is a text file and not a model. ".repeat(100),
    /Cannot load model ".*": .*GGUF/,
  );
});

Deno.test("a model of the other endianness is refused as such", async () => {
  const bytes = await Deno.readFile(DEMO);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  // Magic stays; version and the two counts are the other way round.
  view.setUint32(4, view.getUint32(4, true), false);
  view.setBigUint64(8, view.getBigUint64(8, true), false);
  view.setBigUint64(16, view.getBigUint64(16, true), false);
  await assertModelFails(bytes, /Cannot load model ".*": .*endian/);
});

Deno.test("a model file with garbage after its magic is refused", async () => {
  const bytes = (await Deno.readFile(DEMO)).slice(0, 100_000);
  for (let i = 8; i < 4096; i++) bytes[i] = (i * 31) & 0xff;
  await assertModelFails(bytes, /Cannot load model/);
});

Deno.test("a model that does not exist, or is a folder, is refused", async () => {
  await assertFails(
    ["--model", "/nowhere/model.gguf"],
    FAILED,
    /Cannot load model "\/nowhere\/model\.gguf": no such file/,
  );
  await inFolder((folder) => assertFails(["--model", folder], FAILED, /Cannot load model/));
});

Deno.test("a missing library is named", async () => {
  await inFolder((folder) =>
    assertFails(
      ["--lib-dir", folder],
      FAILED,
      new RegExp(`Cannot open libllama ".*${LIBRARY}"`),
    )
  );
});

Deno.test("a library that is no library is refused", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, LIBRARY), "not a library");
    await assertFails(
      ["--lib-dir", folder],
      FAILED,
      new RegExp(`Cannot open libllama ".*${LIBRARY}"`),
    );
  });
});

const COMPILER = compilerHere();

Deno.test({
  name: `a library of another version is refused with both versions${
    COMPILER ? "" : " (skipped: no C compiler)"
  }`,
  ignore: !COMPILER,
  async fn() {
    await inFolder(async (folder) => {
      await compileLibrary(
        folder,
        'const char * llama_version(void) { return "9.9.9"; }',
      );
      await assertFails(
        ["--lib-dir", folder],
        FAILED,
        /Cannot open libllama ".*": .*"9\.9\.9".*"0\.5\.0"/,
      );
    });
  },
});

Deno.test({
  name: `a library without llama_version is refused${COMPILER ? "" : " (skipped: no C compiler)"}`,
  ignore: !COMPILER,
  async fn() {
    await inFolder(async (folder) => {
      await compileLibrary(folder, "int something_else(void) { return 1; }");
      await assertFails(
        ["--lib-dir", folder],
        FAILED,
        /Cannot open libllama ".*": .*llama_version/,
      );
    });
  },
});

Deno.test("a port in use is named, and its owner goes on answering", async () => {
  await using server = await ServerProcess.start();
  await assertFails(
    ["--port", String(server.port)],
    FAILED,
    new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${server.port}: `),
  );
  const response = await fetch(`${server.url}/health`);
  assert.deepEqual(await response.json(), {
    status: "healthy",
    model_ready: true,
  });
});

Deno.test("an address that is not here is named", async () => {
  await assertFails(
    ["--host", "192.0.2.1", "--allow-anonymous"],
    FAILED,
    /Cannot listen on 192\.0\.2\.1:0: ./,
  );
});

Deno.test("a wrong flag gets the nearest right one", async () => {
  await assertFails(["--prot", "1"], MISUSED, /unknown flag "--prot".*--port/);
  await assertFails(
    ["--ctxsize", "1"],
    MISUSED,
    /unknown flag "--ctxsize".*--ctx-size/,
  );
});

Deno.test("a wrong value names the flag and what it takes", async () => {
  await assertFails(["--port", "99999"], MISUSED, /--port: .*65535.*"99999"/);
  await assertFails(["--ctx-size", "big"], MISUSED, /--ctx-size: .*"big"/);
});

Deno.test("a chat template that cannot be read or parsed is named", async () => {
  await assertFails(
    ["--chat-template-file", "/nowhere/t.jinja"],
    FAILED,
    /chat template.*"\/nowhere\/t\.jinja"/,
  );
  await assertFails(["--chat-template", "{% for x in %}"], FAILED, /template/);
});

function compilerHere(): boolean {
  return Deno.build.os !== "windows" && runs("cc", ["--version"]);
}

async function compileLibrary(folder: string, source: string): Promise<void> {
  const file = join(folder, "library.c");
  await Deno.writeTextFile(file, source);
  const args = ["-shared", "-fPIC", "-o", join(folder, LIBRARY), file];
  const { success } = await new Deno.Command("cc", { args }).output();
  assert.ok(success, "the library compiles");
}
