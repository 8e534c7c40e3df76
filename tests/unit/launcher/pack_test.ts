import assert from "node:assert/strict";
import { compileArguments } from "../../../lib/launcher/compile.ts";
import { indexText, startArguments, trailerText } from "../../../lib/launcher/pack.ts";
import { BuildError, ownRunFlags, runFlags } from "../../../lib/launcher/stage.ts";

Deno.test("runFlags() takes each command's flags from its task, `*` from the one that names none", () => {
  const flags = runFlags({
    serve: "deno run --allow-net --allow-write=$HOME/x main.ts serve",
    cli: "deno run --allow-read main.ts",
    test: "deno run --allow-all tests/main.ts unit",
    ok: "deno fmt && deno run --allow-all main.ts serve",
  });
  assert.deepEqual([...flags], [["serve", ["--allow-net", "--allow-write=$HOME/x"]], ["*", [
    "--allow-read",
  ]]]);
});

Deno.test("runFlags() misses a task that is gone", () => {
  assert.throws(() => runFlags({ cli: "deno run --allow-read main.ts" }), BuildError);
});

Deno.test("ownRunFlags() gives serve neither processes nor all files to write, and deno.json's features", () => {
  const serve = ownRunFlags().get("serve") ?? [];
  assert.ok(!serve.some((flag) => /^--allow-(run|all|write$)/.test(flag) || flag === "-A"), serve.join(" "));
  assert.ok(serve.includes("--unstable-no-legacy-abort"));
});

Deno.test("startArguments() lets serve write where the operator's flags say, besides its own folder", () => {
  const start = startArguments(["--allow-net", "--allow-write=$HOME/x"]);
  assert.equal(start[0], "$LLAMACPP_SERVER_EXECUTABLE");
  assert.ok(start.includes("--allow-write=$HOME/x$LLAMACPP_SERVER_WRITES"));
  assert.ok(start.includes("--no-prompt"));
  assert.match(start.at(-1)!, /main\.js$/);
});

Deno.test("indexText() places the files one behind the other", () => {
  const file = { source: "", sha256: "ab", mode: 0o755 };
  const text = indexText(
    [{ ...file, path: "a", size: 5 }, { ...file, path: "b c", size: 7 }],
    100,
    new Map(),
  );
  assert.ok(text.startsWith("file\tab\t5\t100\t755\ta\nfile\tab\t7\t105\t755\tb c\n"), text);
});

Deno.test("trailerText() has the length that the launcher reads", () => {
  const source = Deno.readTextFileSync(new URL("../../../lib/launcher/payload.c", import.meta.url));
  const length = Number(/#define TRAILER_SIZE (\d+)/.exec(source)?.[1]);
  assert.equal(trailerText(2 ** 40, new Uint8Array(3)).length, length);
});

Deno.test("compileArguments() includes lib/ and the permissions", () => {
  const args = compileArguments("x86_64-apple-darwin", "/s", "/o", ["--allow-net"]);
  assert.deepEqual(args.slice(-8), [
    "--allow-net",
    "--target",
    "x86_64-apple-darwin",
    "--include",
    "/s/lib",
    "--output",
    "/o",
    "/s/src/cli/main.js",
  ]);
});
