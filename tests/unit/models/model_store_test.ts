import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { parseModelName } from "../../../src/models/ollama_name.ts";
import { digestOf, parseDigest } from "../../../src/models/store/digest.ts";
import { CONFIG_TYPE, encodeManifest, layerType, parseManifest } from "../../../src/models/store/manifest.ts";
import { ModelStore, type OpenToWrite } from "../../../src/models/store/model_store.ts";
import { filesBelow, TemporaryFolder } from "../../support/temporary_folder.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const stream = (text: string) => ReadableStream.from([bytes(text)]);

async function addModel(
  store: ModelStore,
  name: string,
  ...texts: string[]
): Promise<Uint8Array<ArrayBuffer>> {
  const layers = [];
  for (const text of texts) {
    const { digest } = await store.putBytes(bytes(text));
    layers.push({ mediaType: layerType("license"), digest, size: text.length });
  }
  const { digest } = await store.putBytes(bytes("{}"));
  const manifest = encodeManifest({ mediaType: CONFIG_TYPE, digest, size: 2 }, layers);
  await store.writeManifest(parseModelName(name), manifest);
  return manifest;
}

/** A disk with room for so many bytes. */
function smallDisk(room: number): OpenToWrite {
  return async (path) => {
    const file = await Deno.open(path, { write: true, create: true });
    return {
      write: (data) => {
        room -= data.length;
        if (room >= 0) return file.write(data);
        return Promise.reject(
          Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" }),
        );
      },
      seek: (offset, whence) => file.seek(offset, whence),
      truncate: (length) => file.truncate(length),
      sync: () => file.sync(),
      [Symbol.dispose]: () => file.close(),
    };
  };
}

Deno.test("parseDigest() takes both spellings and nothing that could leave a folder", () => {
  const hex = "aB".repeat(32);
  assert.equal(parseDigest(`sha256:${hex}`), `sha256:${hex.toLowerCase()}`);
  assert.equal(parseDigest(`sha256-${hex}`), `sha256:${hex.toLowerCase()}`);
  for (
    const bad of ["", hex, `sha256:${hex}0`, `sha256:../${hex.slice(3)}`, `md5:${hex}`, `sha256:${hex}\n`]
  ) {
    assert.throws(() => parseDigest(bad), (e) => e instanceof ServerError && e.kind === "bad_request", bad);
  }
});

Deno.test("ModelStore.putStream() stores under the digest and refuses other content", async () => {
  using folder = new TemporaryFolder();
  const store = new ModelStore(folder.path);
  const digest = digestOf(bytes("hello"));
  await assert.rejects(
    store.putStream(digest, stream("hellO")),
    (e) =>
      e instanceof ServerError && e.kind === "bad_request" && e.message.includes("the content has sha256:"),
  );
  assert.deepEqual(filesBelow(folder.path), []);
  await store.putStream(digest, stream("hello"));
  assert.deepEqual(filesBelow(folder.path), [`blobs/sha256-${digest.slice(7)}`]);
  assert.equal(store.blobSize(digest), 5);
});

Deno.test("ModelStore.writeManifest() keeps the bytes and lies as Ollama's", async () => {
  using folder = new TemporaryFolder();
  const store = new ModelStore(folder.path);
  const manifest = await addModel(store, "me/x:1", "L");
  const path = folder.file("manifests", "registry.ollama.ai", "me", "x", "1");
  assert.deepEqual(Deno.readFileSync(path), manifest);
  const [found] = store.list();
  assert.equal(found?.digest, digestOf(manifest));
  assert.deepEqual(found?.manifest, parseManifest(manifest));
});

Deno.test("ModelStore.writeManifest() refuses a manifest whose blob is missing or of another size", async () => {
  using folder = new TemporaryFolder();
  const store = new ModelStore(folder.path);
  const { digest } = await store.putBytes(bytes("config"));
  const config = { mediaType: CONFIG_TYPE, digest, size: 6 };
  const layer = (size: number, of: string) => ({
    mediaType: layerType("model"),
    digest: digestOf(bytes(of)),
    size,
  });
  for (const layers of [[layer(4, "none")], [layer(5, "config")]]) {
    const write = store.writeManifest(parseModelName("x"), encodeManifest(config, layers));
    await assert.rejects(write, /its blob sha256:.* is missing/);
  }
  assert.deepEqual(store.list(), []);
});

Deno.test("ModelStore.find() ignores case, and a new manifest takes the stored case's place", async () => {
  using folder = new TemporaryFolder();
  const store = new ModelStore(folder.path);
  await addModel(store, "Big:Tag", "one");
  assert.equal(store.find(parseModelName("big:tag"))?.name.model, "Big");
  await addModel(store, "BIG:TAG", "two");
  assert.equal(store.list().length, 1);
  assert.equal(store.blobSize(digestOf(bytes("one"))), undefined, "only the older manifest needed it");
});

Deno.test("ModelStore.remove() deletes what no other name needs", async () => {
  using folder = new TemporaryFolder();
  const store = new ModelStore(folder.path);
  await addModel(store, "a", "shared", "only a");
  await addModel(store, "b", "shared");
  assert.equal(await store.remove(parseModelName("a")), true);
  assert.equal(await store.remove(parseModelName("a")), false);
  assert.equal(store.blobSize(digestOf(bytes("only a"))), undefined);
  assert.equal(store.blobSize(digestOf(bytes("shared"))), 6);
  assert.deepEqual(store.list().map(({ name }) => name.model), ["b"]);
  assert.throws(() => Deno.statSync(folder.file("manifests/registry.ollama.ai/library/a")));
});

Deno.test("ModelStore.remove() leaves blobs that are pinned", async () => {
  using folder = new TemporaryFolder();
  const store = new ModelStore(folder.path);
  await addModel(store, "a", "wanted");
  const digest = digestOf(bytes("wanted"));
  {
    using _pin = store.pin(digest);
    await store.remove(parseModelName("a"));
    assert.equal(store.blobSize(digest), 6);
  }
  assert.equal(await store.prune(Date.now() + 25 * 3600 * 1000), 1);
  assert.equal(store.blobSize(digest), undefined);
});

Deno.test("ModelStore.prune() keeps what is named or new", async () => {
  using folder = new TemporaryFolder();
  const store = new ModelStore(folder.path);
  await addModel(store, "a", "named");
  await store.putBytes(bytes("uploaded a moment ago"));
  assert.equal(await store.prune(), 0);
  assert.equal(await store.prune(Date.now() + 25 * 3600 * 1000), 1);
  assert.equal(store.blobSize(digestOf(bytes("named"))), 5);
});

Deno.test("ModelStore on a full disk leaves neither a blob nor a name", async () => {
  using folder = new TemporaryFolder();
  const full = (e: unknown) =>
    e instanceof ServerError && e.kind === "unavailable" && /the disk is full/.test(e.message);
  await assert.rejects(new ModelStore(folder.path, smallDisk(3)).putBytes(bytes("hello")), full);
  assert.deepEqual(filesBelow(folder.path), []);
  // Room for the two blobs, not for the manifest.
  await assert.rejects(addModel(new ModelStore(folder.path, smallDisk(100)), "x", "layer"), full);
  assert.deepEqual(new ModelStore(folder.path).list(), []);
  assert.deepEqual(filesBelow(folder.path).filter((name) => name.startsWith("tmp/")), []);
});

Deno.test("ModelStore.list() passes over what is no manifest", async () => {
  using folder = new TemporaryFolder();
  const store = new ModelStore(folder.path);
  await addModel(store, "good", "x");
  const library = folder.file("manifests/registry.ollama.ai/library");
  Deno.mkdirSync(`${library}/bad`);
  Deno.writeTextFileSync(`${library}/bad/latest`, "{");
  Deno.writeTextFileSync(
    `${library}/bad/v2`,
    '{"schemaVersion":2,"config":{"digest":"sha256:../../x","size":1},"layers":[]}',
  );
  Deno.writeTextFileSync(`${library}/.DS_Store`, "");
  Deno.mkdirSync(folder.file("manifests-v2/registry.ollama.ai"), { recursive: true });
  assert.deepEqual(store.list().map(({ name }) => name.model), ["good"]);
});

Deno.test("ModelStore runs changes of two stores on one folder one after another", async () => {
  using folder = new TemporaryFolder();
  const stores = [new ModelStore(folder.path), new ModelStore(folder.path)];
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    const store = stores[i % 2]!;
    using _pin = store.pin(digestOf(bytes("{}")));
    await addModel(store, `m${i}`, `text ${i}`);
  }));
  assert.equal(stores[0]?.list().length, 20);
});

Deno.test({
  name: "ModelStore says so when it may not write",
  permissions: { read: true, write: false },
  async fn() {
    const store = new ModelStore("/nowhere/store");
    const forbidden = (e: unknown) =>
      e instanceof ServerError && e.kind === "forbidden" && /--allow-write/.test(e.message);
    await assert.rejects(store.putBytes(bytes("x")), forbidden);
    await assert.rejects(store.prune(), forbidden);
  },
});

Deno.test("ModelStore.share() copies where it cannot link", async () => {
  using folder = new TemporaryFolder();
  const digest = digestOf(bytes("shared"));
  Deno.writeTextFileSync(folder.file("source"), "shared");
  const linking = new ModelStore(folder.file("a"));
  await linking.share(digest, folder.file("source"));
  assert.equal(Deno.statSync(linking.blobPath(digest)).nlink, 2);
  // A device of its own: no link can leave it.
  const copying = new ModelStore(folder.file("b"));
  await copying.share(digestOf(bytes("")), "/dev/null");
  assert.equal(copying.blobSize(digestOf(bytes(""))), 0);
  assert.deepEqual(filesBelow(folder.file("b")), [`blobs/sha256-${digestOf(bytes("")).slice(7)}`]);
});
