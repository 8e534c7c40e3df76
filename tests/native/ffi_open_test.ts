/** Opening libllama: what is refused and how it is said. */
import assert from "node:assert/strict";
import { LibraryError, libraryFile, LLAMA_CPP_VERSION, openLibrary } from "../../ffi/mod.ts";
import { libDir } from "../support/paths.ts";

function libraryError(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LibraryError, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

Deno.test("openLibrary() opens the pinned version with a CPU device", () => {
  using llama = openLibrary(libDir());
  assert.ok(llama.version.startsWith(LLAMA_CPP_VERSION), llama.version);
  const cpu = llama.devices().find(({ type }) => type === "cpu");
  assert.ok(cpu !== undefined && cpu.memoryTotal > 0, JSON.stringify(llama.devices()));
  assert.match(llama.systemInfo(), /CPU/);
});

Deno.test("openLibrary() opens twice without registering backends twice", () => {
  const first = openLibrary(libDir());
  const devices = first.devices().length;
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assert.throws(() => first.devices(), /Cannot use Llama: it is disposed/);
  using second = openLibrary(libDir());
  assert.equal(second.devices().length, devices);
});

Deno.test("openLibrary() names the file that is missing", () => {
  assert.throws(
    () => openLibrary("/nonexistent"),
    libraryError(/^Cannot open libllama "\/nonexistent\/.*llama\..*": /),
  );
});

Deno.test("openLibrary() refuses another version", () => {
  assert.throws(
    () => openLibrary(libDir(), { expectedVersion: "0.4.9" }),
    libraryError(/its version is "0\.5\.0.*", expected "0\.4\.9"/),
  );
  const prefix = LLAMA_CPP_VERSION.slice(0, -1); // "0.5." must not match "0.5.0"
  assert.throws(() => openLibrary(libDir(), { expectedVersion: prefix }), libraryError(/its version is/));
});

Deno.test({
  name: "openLibrary() refuses a library that is not libllama",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const dir = await Deno.makeTempDir();
    try {
      const { stdout } = await new Deno.Command("sh", { args: ["-c", "ldconfig -p || /sbin/ldconfig -p"] })
        .output();
      const libm = /libm\.so\.6 .*=> (\S+)/.exec(new TextDecoder().decode(stdout))?.[1];
      assert.ok(libm, "no libm found");
      await Deno.copyFile(libm, `${dir}/${libraryFile("llama")}`);
      assert.throws(
        () => openLibrary(dir),
        libraryError(/it is not libllama .*, symbol llama_version is missing/),
      );
      await Deno.writeTextFile(`${dir}/${libraryFile("llama")}`, "no library at all");
      assert.throws(() => openLibrary(dir), libraryError(/^Cannot open libllama/));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test({
  name: "openLibrary() says when no CPU backend is there",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const dir = await Deno.makeTempDir();
    try {
      for (const { name } of Deno.readDirSync(libDir())) {
        if (/^lib(llama|ggml|ggml-base)\.(so|dylib)/.test(name)) {
          await Deno.copyFile(`${libDir()}/${name}`, `${dir}/${name}`);
        }
      }
      const script = `
        import { openLibrary } from "${new URL("../../ffi/mod.ts", import.meta.url)}";
        try { openLibrary(${JSON.stringify(dir)}); } catch (error) { console.log(String(error)); }`;
      const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
      assert.match(new TextDecoder().decode(stdout), /^LibraryError: .*no CPU backend loads from/);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
