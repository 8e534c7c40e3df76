import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { unpackedFolder, UnpackingError, unpackingPlaces } from "../../../src/cli/unpacking.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const USER = (() => {
  using folder = new TemporaryFolder();
  return Deno.statSync(folder.path).uid ?? undefined;
})();

/** A folder with two files and their index, and a place beside it that does not exist yet. */
function carried(root: string): { source: string; place: string } {
  const source = join(root, "source");
  Deno.mkdirSync(join(source, "lib", "demo"), { recursive: true });
  const files = { "lib/VERSION": "v1\n", "lib/demo/a model": "weights" };
  const lines = Object.entries(files).map(([path, text]) => {
    Deno.writeTextFileSync(join(source, path), text);
    return `${createHash("sha256").update(text).digest("hex")} ${text.length} 644 ${path}\n`;
  });
  Deno.writeTextFileSync(join(source, "lib", "index"), lines.join(""));
  return { source, place: join(root, "cache", "llamacpp-server") };
}

const model = (folder: string) => join(folder, "lib", "demo", "a model");

Deno.test("unpackedFolder() unpacks once, for this user alone", () => {
  using root = new TemporaryFolder();
  const { source, place } = carried(root.path);
  const folder = unpackedFolder(source, [place], USER);
  assert.equal(Deno.readTextFileSync(model(folder)), "weights");
  const first = Deno.statSync(model(folder));
  assert.equal(unpackedFolder(source, [place], USER), folder);
  assert.equal(Deno.statSync(model(folder)).ino, first.ino);
  if (Deno.build.os !== "windows") assert.equal(Deno.statSync(folder).mode! & 0o777, 0o700);
});

Deno.test("unpackedFolder() repairs a file that was changed, cut or removed", async () => {
  using root = new TemporaryFolder();
  const { source, place } = carried(root.path);
  const folder = unpackedFolder(source, [place], USER);
  const damages = [
    () => Deno.writeTextFileSync(model(folder), "w31ghts"),
    () => Deno.truncateSync(model(folder), 3),
    () => Deno.removeSync(model(folder)),
    () => Deno.chmodSync(model(folder), 0o666),
    () => Deno.removeSync(folder, { recursive: true }),
  ];
  for (const damage of damages) {
    // A file system's clock goes in ticks: what changes within one has the same times as before.
    await new Promise((done) => setTimeout(done, 30));
    damage();
    assert.equal(unpackedFolder(source, [place], USER), folder);
    assert.equal(Deno.readTextFileSync(model(folder)), "weights");
    assert.equal(Deno.statSync(model(folder)).mode! & 0o022, 0);
  }
  assert.deepEqual([...Deno.readDirSync(place)].filter(({ name }) => name.startsWith(".part")), []);
});

Deno.test("unpackedFolder() keeps files that are right when the seal is gone", () => {
  using root = new TemporaryFolder();
  const { source, place } = carried(root.path);
  const folder = unpackedFolder(source, [place], USER);
  const { ino } = Deno.statSync(model(folder));
  Deno.removeSync(join(folder, ".seal"));
  unpackedFolder(source, [place], USER);
  assert.equal(Deno.statSync(model(folder)).ino, ino);
  assert.ok(existsSync(join(folder, ".seal")));
});

Deno.test("unpackedFolder() removes what a killed start left", () => {
  using root = new TemporaryFolder();
  const { source, place } = carried(root.path);
  Deno.mkdirSync(join(place, ".part-new", "lib"), { recursive: true });
  Deno.chmodSync(place, 0o700);
  unpackedFolder(source, [place], USER);
  assert.ok(!existsSync(join(place, ".part-new")));
});

Deno.test("unpackedFolder() passes over places that cannot be used and names them all", () => {
  using root = new TemporaryFolder();
  const { source, place } = carried(root.path);
  const blocked = join(source, "lib", "VERSION", "below a file");
  const open = join(root.path, "open");
  Deno.mkdirSync(open);
  Deno.chmodSync(open, 0o777);
  assert.ok(unpackedFolder(source, [blocked, open, place], USER).startsWith(place));
  assert.throws(() => unpackedFolder(source, [blocked, open], USER), (error) => {
    assert.ok(error instanceof UnpackingError);
    assert.match(error.message, /below a file: .*\n.*open: other users can write there\n.*CACHE_DIR/);
    return true;
  });
});

Deno.test("unpackedFolder() refuses an executable whose files are not the index's", () => {
  using root = new TemporaryFolder();
  const { source, place } = carried(root.path);
  Deno.writeTextFileSync(model(source), "w31ghts");
  assert.throws(() => unpackedFolder(source, [place], USER), /a model in the executable is damaged/);
  assert.deepEqual([...Deno.readDirSync(place)].map(({ name }) => name), [".lock"]);
});

Deno.test("unpackingPlaces() prefers the user's choice, then the cache folder, then a folder of this user alone", () => {
  const of = (env: Record<string, string>) => unpackingPlaces((name) => env[name], 7);
  assert.deepEqual(of({ LLAMACPP_SERVER_CACHE_DIR: "/x", HOME: "/home/a" }), ["/x"]);
  assert.deepEqual(of({ XDG_CACHE_HOME: "/c", HOME: "/home/a", TMPDIR: "/t" }), [
    "/c/llamacpp-server",
    "/t/llamacpp-server-7",
  ]);
  assert.deepEqual(of({ HOME: "/home/a" }), ["/home/a/.cache/llamacpp-server", "/tmp/llamacpp-server-7"]);
  assert.deepEqual(of({}), ["/tmp/llamacpp-server-7"]);
});
