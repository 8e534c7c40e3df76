import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { LocalModels, type ManagerOptions } from "../../../src/models/manager.ts";
import type { DownloadOptions } from "../../../src/models/pull/blob_download.ts";
import type { ModelProgress } from "../../../src/core/model_manager.ts";
import { FakeRegistry, patternBytes } from "../../support/fake_registry.ts";
import { filesBelow, TemporaryFolder } from "../../support/temporary_folder.ts";

const NAME = "localhost:5000/library/m:latest";
const DOWNLOAD: DownloadOptions = {
  parts: { count: 4, min: 100_000, max: 1e9 },
  patience: { retries: 3, backoffMs: 1, stallMs: 5000 },
  checkpointBytes: 50_000,
  freeBytes: () => Promise.resolve(2 ** 40),
};
const WEIGHTS = patternBytes(1_000_000);

/** A registry with one model, and a manager on an empty store. */
class Setup implements Disposable {
  readonly folder = new TemporaryFolder();
  readonly registry = new FakeRegistry();
  readonly model = this.registry.addModel("library/m:latest", [["model", WEIGHTS], ["license", "free"]]);
  readonly models: LocalModels;

  constructor(options: Partial<ManagerOptions> = {}) {
    this.models = this.manager(options);
  }

  manager(options: Partial<ManagerOptions> = {}): LocalModels {
    return new LocalModels({
      store: this.folder.path,
      libDir: "",
      download: DOWNLOAD,
      fetch: this.registry.fetch,
      ...options,
    });
  }

  async pull(
    options: { name?: string; signal?: AbortSignal; models?: LocalModels } = {},
  ): Promise<ModelProgress[]> {
    const { name = NAME, signal = new AbortController().signal, models = this.models } = options;
    return await Array.fromAsync(models.pull(name, { insecure: false }, signal));
  }

  get blobPath(): string {
    return this.folder.file("blobs", this.model.digests[0]!.replace(":", "-"));
  }

  assertPulled(): void {
    assert.deepEqual(Deno.readFileSync(this.blobPath), WEIGHTS);
    const manifest = this.folder.file("manifests/localhost:5000/library/m/latest");
    assert.deepEqual(Deno.readFileSync(manifest), this.model.manifest);
    const blobs = filesBelow(this.folder.file("blobs"));
    assert.deepEqual(blobs, this.model.digests.map((digest) => digest.replace(":", "-")).sort());
  }

  /** No name, whatever else is there. */
  assertNoName(): void {
    assert.deepEqual(filesBelow(this.folder.path).filter((name) => name.startsWith("manifests/")), []);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

const rejected = (kind: ServerError["kind"], words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ServerError, String(error));
  assert.match(error.message, words);
  assert.equal(error.kind, kind);
  return true;
};

Deno.test("LocalModels.pull() stores manifest and blobs byte for byte, with Ollama's progress", async () => {
  using setup = new Setup();
  setup.registry.script.pauseMs = 80;
  const steps = await setup.pull();
  setup.assertPulled();
  const [weights = ""] = setup.model.digests;
  const statuses = [...new Set(steps.map(({ status }) => status))];
  assert.deepEqual(statuses, [
    "pulling manifest",
    ...setup.model.digests.map((digest) => `pulling ${digest.slice(7, 19)}`),
    "verifying sha256 digest",
    "writing manifest",
    "success",
  ]);
  const own = steps.filter(({ digest }) => digest === weights);
  assert.ok(own.length > 3, "progress in between");
  assert.equal(own[0]?.completed, undefined);
  assert.ok(own.every(({ total }) => total === WEIGHTS.length));
  assert.equal(own.at(-1)?.completed, WEIGHTS.length);
  const ranges = setup.registry.requests.filter(({ path, range }) =>
    path.endsWith(weights) && range !== null
  );
  assert.equal(ranges.length, 4, "parts side by side");
});

Deno.test("LocalModels.pull() asks for nothing that the store has", async () => {
  using setup = new Setup();
  await setup.pull();
  setup.registry.requests.length = 0;
  const steps = await setup.pull();
  assert.deepEqual(setup.registry.requests.map(({ path }) => path), ["/v2/library/m/manifests/latest"]);
  assert.ok(steps.filter(({ digest }) => digest).every(({ completed, total }) => completed === total));
});

Deno.test("LocalModels.pull() says so when the registry has no such model", async () => {
  using setup = new Setup();
  await assert.rejects(
    setup.pull({ name: "localhost:5000/library/none" }),
    rejected("model_not_found", /^pull model manifest: file does not exist$/),
  );
  setup.assertNoName();
});

Deno.test("LocalModels.pull() refuses invalid, cloud and plain-HTTP names before any request", async () => {
  using setup = new Setup();
  await assert.rejects(setup.pull({ name: "../x" }), rejected("bad_request", /invalid model name/));
  await assert.rejects(setup.pull({ name: "x:cloud" }), rejected("not_supported", /cloud/));
  await assert.rejects(
    setup.pull({ name: `http://${NAME}` }),
    rejected("bad_request", /insecure protocol http/),
  );
  assert.deepEqual(setup.registry.requests, []);
});

Deno.test("LocalModels.pull() gets a token where the registry asks for one, and no CDN sees it", async () => {
  using setup = new Setup();
  Object.assign(setup.registry.script, { realm: "https://localhost:5000/token", cdn: "cdn.example" });
  await setup.pull();
  setup.assertPulled();
  const seen = setup.registry.requests;
  const cdn = seen.filter(({ host }) => host === "cdn.example");
  assert.ok(cdn.length >= 4 && cdn.every(({ authorization }) => authorization === null));
  const registry = seen.filter(({ host, path }) => host === "localhost:5000" && path.includes("/blobs/"));
  assert.ok(registry.every(({ authorization }) => authorization === "Bearer a-token"));
});

Deno.test("LocalModels.pull() asks no other host and no plain HTTP for a token", async () => {
  for (const realm of ["https://evil.example/token", "http://localhost:5000/token", "nonsense"]) {
    using setup = new Setup();
    setup.registry.script.before = () =>
      new Response("", { status: 401, headers: { "www-authenticate": `Bearer realm="${realm}"` } });
    await assert.rejects(setup.pull(), rejected("forbidden", /Cannot sign in/));
    assert.equal(setup.registry.requests.length, 1, realm);
  }
});

Deno.test("LocalModels.pull() sends the user's Hugging Face token to Hugging Face alone", async () => {
  using setup = new Setup({ huggingFaceToken: "hf_secret" });
  setup.registry.addModel("org/Repo-GGUF:Q4_K_M", [["model", WEIGHTS]]);
  setup.registry.script.cdn = "cdn.example";
  await setup.pull({ name: "hf.co/org/Repo-GGUF:Q4_K_M" });
  await setup.pull();
  for (const { host, authorization } of setup.registry.requests) {
    assert.equal(authorization, host === "hf.co" ? "Bearer hf_secret" : null, host);
  }
  assert.ok(setup.registry.requests.some(({ host }) => host === "hf.co"));
  const [card] = (await setup.models.list()).filter(({ id }) => id.startsWith("hf.co"));
  assert.equal(card, undefined, "these weights are no GGUF file, so nothing is listed");
});

Deno.test("LocalModels.pull() follows no redirect from HTTPS to HTTP", async () => {
  using setup = new Setup();
  setup.registry.script.before = (_request, url) =>
    url.pathname.includes("/blobs/")
      ? new Response(null, { status: 307, headers: { location: "http://cdn.example/x" } })
      : undefined;
  await assert.rejects(setup.pull(), rejected("forbidden", /it is not HTTPS/));
  setup.assertNoName();
});

Deno.test("LocalModels.pull() falls back to HTTP only where insecure is set", async () => {
  using setup = new Setup();
  const models = setup.manager({
    fetch: (url, init) => {
      if (url.protocol === "https:") return Promise.reject(new TypeError("tls: not TLS"));
      return setup.registry.fetch(url, init);
    },
  });
  await assert.rejects(
    setup.pull({ models }),
    rejected("unavailable", /Cannot reach https:\/\/localhost:5000/),
  );
  await Array.fromAsync(models.pull(NAME, { insecure: true }, new AbortController().signal));
  setup.assertPulled();
});

Deno.test("LocalModels.pull() copes with a registry without ranges", async () => {
  using setup = new Setup();
  setup.registry.script.ranges = false;
  setup.registry.script.cut = { bytes: 300_000, times: 6 };
  await setup.pull();
  setup.assertPulled();
});

Deno.test("LocalModels.pull() goes on within a part after a broken connection", async () => {
  using setup = new Setup();
  setup.registry.script.cut = { bytes: 130_000, times: 5 };
  await setup.pull();
  setup.assertPulled();
  const starts = setup.registry.requests.flatMap(({ range }) =>
    range === null ? [] : [Number(/\d+/.exec(range)?.[0])]
  );
  assert.ok(starts.some((start) => start % 250_000 !== 0), "a later attempt asked for the rest only");
});

Deno.test("LocalModels.pull() tries a stalled connection again", async () => {
  using setup = new Setup();
  let silent = 2;
  setup.registry.script.before = (request, url) => {
    if (!url.pathname.includes("/blobs/") || silent-- <= 0) return undefined;
    const range = request.headers.get("range")?.replace("=", " ");
    return new Response(new ReadableStream(), { status: 206, headers: { "content-range": `${range}/*` } });
  };
  const download = { ...DOWNLOAD, patience: { ...DOWNLOAD.patience, stallMs: 500 } };
  await setup.pull({ models: setup.manager({ download }) });
  setup.assertPulled();
  const asked = setup.registry.requests.filter(({ path }) => path.endsWith(setup.model.digests[0]!)).length;
  assert.equal(asked, 6, "four parts, two of them twice");
});

Deno.test("LocalModels.pull() gives up after its retries, and goes on where it was the next time", async () => {
  using setup = new Setup();
  let served = 0;
  setup.registry.script.before = (request, url) => {
    if (!url.pathname.includes("/blobs/") || request.headers.get("range") === "bytes=0-249999") {
      return undefined;
    }
    served++;
    return new Response("busy", { status: 503 });
  };
  await assert.rejects(setup.pull(), rejected("unavailable", /the registry answers 503/));
  assert.ok(served >= 4);
  setup.assertNoName();
  delete setup.registry.script.before;
  setup.registry.requests.length = 0;
  await setup.pull({ models: setup.manager() });
  setup.assertPulled();
  assert.ok(
    !setup.registry.requests.some(({ range }) => range === "bytes=0-249999"),
    "the first part was there",
  );
});

Deno.test("LocalModels.pull() refuses a corrupted blob and keeps nothing of it", async () => {
  using setup = new Setup();
  setup.registry.script.corrupt = (bytes) => {
    const changed = bytes.slice();
    if (changed.length > 1000) changed[500_000]! ^= 1;
    return changed;
  };
  await assert.rejects(setup.pull(), rejected("unavailable", /digest mismatch/));
  setup.assertNoName();
  assert.throws(() => Deno.statSync(setup.blobPath));
  delete setup.registry.script.corrupt;
  await setup.pull();
  setup.assertPulled();
});

Deno.test("LocalModels.pull() begins anew when what an earlier attempt left is corrupt", async () => {
  using setup = new Setup();
  setup.registry.script.cut = { bytes: 60_000, times: 1000 };
  await assert.rejects(
    setup.pull({
      models: setup.manager({ download: { ...DOWNLOAD, patience: { ...DOWNLOAD.patience, retries: 0 } } }),
    }),
  );
  const partial = `${setup.blobPath}-partial`;
  {
    using file = Deno.openSync(partial, { write: true });
    file.writeSync(new Uint8Array([1, 2, 3, 4, 5]));
  }
  delete setup.registry.script.cut;
  await setup.pull();
  setup.assertPulled();
});

Deno.test("LocalModels.pull() shares one download among several, and stops it when the last one leaves", async () => {
  using setup = new Setup();
  setup.registry.addModel("library/other:latest", [["model", WEIGHTS]]);
  setup.registry.script.pauseMs = 30;
  const weights = () =>
    setup.registry.requests.filter(({ path }) => path.endsWith(setup.model.digests[0]!)).length;
  const first = new AbortController();
  const second = new AbortController();
  const pulls = [
    setup.pull({ signal: first.signal }),
    setup.pull({ signal: second.signal, name: "localhost:5000/library/other" }),
  ];
  const outcomes = pulls.map((pull) => pull.then(() => "pulled", (error: ServerError) => error.kind));
  while (weights() < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  first.abort();
  assert.equal(await outcomes[0], "cancelled");
  assert.equal(weights(), 4, "four parts, once");
  second.abort();
  assert.equal(await outcomes[1], "cancelled");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const partial = Deno.readTextFileSync(`${setup.blobPath}-partial-0`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(Deno.readTextFileSync(`${setup.blobPath}-partial-0`), partial, "nobody writes any more");
  setup.registry.script.pauseMs = 0;
  await Promise.all([setup.pull(), setup.pull({ name: "localhost:5000/library/other" })]);
  assert.deepEqual(Deno.readFileSync(setup.blobPath), WEIGHTS);
});

Deno.test("LocalModels.pull() of two processes on one store downloads once", async () => {
  using setup = new Setup();
  setup.registry.script.pauseMs = 5;
  await Promise.all([setup.pull(), setup.pull({ models: setup.manager() })]);
  setup.assertPulled();
  const sent = setup.registry.requests.filter(({ path }) => path.endsWith(setup.model.digests[0]!)).length;
  assert.equal(sent, 4);
});

Deno.test("LocalModels.pull() on a full disk leaves no name and goes on when there is room", async () => {
  using setup = new Setup();
  let room = 400_000;
  const models = setup.manager({
    open: async (path) => {
      const file = await Deno.open(path, { write: true, create: true });
      return {
        write: (bytes) => {
          room -= bytes.length;
          return room >= 0
            ? file.write(bytes)
            : Promise.reject(Object.assign(new Error("No space left on device"), { code: "ENOSPC" }));
        },
        seek: (offset, whence) => file.seek(offset, whence),
        truncate: (length) => file.truncate(length),
        sync: () => file.sync(),
        [Symbol.dispose]: () => file.close(),
      };
    },
  });
  await assert.rejects(setup.pull({ models }), rejected("unavailable", /the disk is full/));
  setup.assertNoName();
  assert.throws(() => Deno.statSync(setup.blobPath));
  room = Infinity;
  await setup.pull({ models });
  setup.assertPulled();
});

Deno.test("LocalModels.pull() refuses what cannot fit before it downloads", async () => {
  using setup = new Setup();
  let free = WEIGHTS.length - 1;
  const download = { ...DOWNLOAD, freeBytes: () => Promise.resolve(free) };
  const models = setup.manager({ download });
  await assert.rejects(
    setup.pull({ models }),
    rejected("unavailable", /it needs 1 MiB more, the disk has 1 MiB free/),
  );
  assert.ok(!setup.registry.requests.some(({ path }) => path.includes("/blobs/")));
  setup.assertNoName();
  free = WEIGHTS.length;
  await setup.pull({ models });
});

Deno.test("LocalModels.pull() refuses manifests that it cannot trust", async () => {
  const text = (change: (manifest: { layers: Record<string, unknown>[] }) => void) => (setup: Setup) => {
    const manifest = JSON.parse(new TextDecoder().decode(setup.model.manifest));
    change(manifest);
    return JSON.stringify(manifest);
  };
  const cases = [
    () => "not JSON",
    () => "[]",
    text(({ layers }) => layers[0]!.digest = "sha256:../../../etc/passwd"),
    text(({ layers }) => layers[0]!.size = -1),
    text((manifest) => Object.assign(manifest, { layers: {} })),
  ];
  for (const make of cases) {
    using setup = new Setup();
    setup.registry.manifests.set("library/m:latest", new TextEncoder().encode(make(setup)));
    await assert.rejects(setup.pull(), rejected("unavailable", /its manifest cannot be used/));
    setup.assertNoName();
  }
});

Deno.test("LocalModels.pull() takes a blob that Ollama's store has from there", async () => {
  using ollama = new Setup();
  await ollama.pull();
  using setup = new Setup({ ollama: ollama.folder.path });
  setup.registry.requests.length = 0;
  await setup.pull();
  setup.assertPulled();
  assert.deepEqual(setup.registry.requests.filter(({ path }) => path.includes("/blobs/")), []);
});

Deno.test("LocalModels.push() sends what the registry lacks, byte for byte", async () => {
  using setup = new Setup();
  await setup.pull();
  const target = new FakeRegistry();
  target.addBlob(new TextEncoder().encode("free"));
  target.script.realm = "https://localhost:5000/token";
  const models = setup.manager({ fetch: target.fetch });
  const steps = await Array.fromAsync(models.push(NAME, { insecure: false }, new AbortController().signal));
  assert.deepEqual([...new Set(steps.map(({ status }) => status))], [
    "retrieving manifest",
    ...setup.model.digests.map((digest) => `pushing ${digest.slice(7, 19)}`),
    "pushing manifest",
    "success",
  ]);
  assert.deepEqual(target.blobs, setup.registry.blobs);
  assert.deepEqual(target.manifests.get("library/m:latest"), setup.model.manifest);
  assert.equal(target.requests.filter(({ method }) => method === "PATCH").length, 2);
});

Deno.test("LocalModels.push() knows no model that is not here", async () => {
  using setup = new Setup();
  const push = Array.fromAsync(setup.models.push(NAME, { insecure: false }, new AbortController().signal));
  await assert.rejects(push, rejected("model_not_found", /not found/));
});
