import assert from "node:assert/strict";
import type { CreateModelRequest } from "../../../src/core/model_manager.ts";
import { type ErrorKind, ServerError } from "../../../src/core/server_error.ts";
import { createModel } from "../../../src/models/create/create_model.ts";
import { LocalModels } from "../../../src/models/manager.ts";
import { parseModelName } from "../../../src/models/ollama_name.ts";
import { digestOf } from "../../../src/models/store/digest.ts";
import { ModelStore } from "../../../src/models/store/model_store.ts";
import { tinyModel, tinyModelWriter } from "../../support/tiny_models.ts";
import { filesBelow, TemporaryFolder } from "../../support/temporary_folder.ts";

const WEIGHTS = Deno.readFileSync(tinyModel("qwen2"));
const DIGEST = digestOf(WEIGHTS);

/** A manager whose store has the weights as a blob. */
class Setup implements Disposable {
  readonly folder = new TemporaryFolder();
  readonly store = new ModelStore(this.folder.path);
  readonly models = new LocalModels({ store: this.folder.path, libDir: "" });

  static async make(): Promise<Setup> {
    const setup = new Setup();
    await setup.models.blobs.put(DIGEST, ReadableStream.from([WEIGHTS]));
    return setup;
  }

  async create(request: Partial<CreateModelRequest>): Promise<string[]> {
    const steps = this.models.create({ name: "made", ...request }, new AbortController().signal);
    return (await Array.fromAsync(steps)).map(({ status }) => status);
  }

  config(name: string): Record<string, unknown> {
    const { manifest } = this.store.find(parseModelName(name))!;
    return JSON.parse(Deno.readTextFileSync(this.store.blobPath(manifest.config.digest)));
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

const fails = (kind: ErrorKind, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ServerError, String(error));
  assert.match(error.message, words);
  assert.equal(error.kind, kind);
  return true;
};

const FILES = { "x.gguf": DIGEST };

Deno.test("LocalModels.create() makes a model of a file with every kind of layer", async () => {
  using setup = await Setup.make();
  const statuses = await setup.create({
    files: FILES,
    template: "{% for m in messages %}{{ m.content }}{% endfor %}",
    system: "S",
    parameters: { temperature: 0.1, stop: ["a", "b"] },
    messages: [{ role: "user", content: "q" }],
    licenses: ["MIT", "more"],
  });
  assert.equal(statuses[0], "parsing GGUF");
  assert.equal(statuses[1], `using existing layer ${DIGEST}`);
  assert.equal(statuses.filter((status) => status.startsWith("creating new layer sha256:")).length, 6);
  assert.deepEqual(statuses.slice(-2), ["writing manifest", "success"]);
  const card = await setup.models.resolve("made");
  assert.deepEqual(card?.stored?.parameters, { temperature: 0.1, stop: ["a", "b"] });
  assert.deepEqual(card?.stored?.licenses, ["MIT", "more"]);
  assert.equal(card?.path, setup.store.blobPath(DIGEST));
  const config = setup.config("made");
  assert.deepEqual([config.model_format, config.model_family, config.file_type], ["gguf", "qwen2", "F32"]);
  const { layers } = setup.store.find(parseModelName("made"))!.manifest;
  assert.deepEqual(config.rootfs, { type: "layers", diff_ids: layers.map(({ digest }) => digest) });
});

Deno.test("LocalModels.create() changes a model: what is named is replaced, parameters are merged", async () => {
  using setup = await Setup.make();
  await setup.create({ files: FILES, system: "old", parameters: { top_k: 1, seed: 2 }, licenses: ["MIT"] });
  await setup.create({
    name: "me/second:x",
    from: "MADE",
    system: "new",
    parameters: { seed: 3 },
    licenses: ["BSD"],
  });
  const card = await setup.models.resolve("me/second:x");
  assert.equal(card?.stored?.system, "new");
  assert.deepEqual(card?.stored?.parameters, { top_k: 1, seed: 3 });
  assert.deepEqual(card?.stored?.licenses, ["MIT", "BSD"]);
  assert.equal(card?.stored?.parentModel, "made:latest");
  assert.equal((await setup.models.resolve("made"))?.stored?.system, "old");
});

Deno.test("LocalModels.create() may replace the model that it is made from", async () => {
  using setup = await Setup.make();
  await setup.create({ files: FILES, system: "old" });
  await setup.create({ from: "made", system: "new" });
  assert.equal((await setup.models.list()).length, 1);
  assert.equal((await setup.models.resolve("made"))?.stored?.system, "new");
  assert.equal(setup.store.blobSize(digestOf(new TextEncoder().encode("old"))), undefined);
});

Deno.test("LocalModels.create() stores a copy of a plain file", async () => {
  using _setup = await Setup.make();
  using other = new TemporaryFolder();
  Deno.writeFileSync(other.file("plain.gguf"), WEIGHTS);
  const models = new LocalModels({ store: other.file("store"), folders: [other.path], libDir: "" });
  await Array.fromAsync(models.create({ name: "c", from: "plain" }, new AbortController().signal));
  await models.copy("plain", "d");
  assert.deepEqual((await models.list()).map(({ id }) => id).sort(), ["c:latest", "d:latest", "plain"]);
  Deno.removeSync(other.file("plain.gguf"));
  assert.equal((await models.resolve("d"))?.architecture, "qwen2");
});

Deno.test("LocalModels.create() refuses what cannot be made, and leaves no name", async () => {
  using setup = await Setup.make();
  const text = await setup.store.putBytes(new TextEncoder().encode("not a model"));
  const none = `sha256:${"0".repeat(64)}`;
  const cases: [Partial<CreateModelRequest>, ErrorKind, RegExp][] = [
    [{}, "bad_request", /neither 'from' or 'files'/],
    [{ name: "../x", files: FILES }, "bad_request", /invalid model name/],
    [{ from: "nope" }, "model_not_found", /model 'nope' not found/],
    [{ from: "/etc/passwd" }, "model_not_found", /not found/],
    [{ files: { "x.gguf": none } }, "bad_request", /there is no blob/],
    [{ files: { "x.gguf": "sha256:../../etc/passwd" } }, "bad_request", /invalid digest/],
    [{ files: { "x.gguf": text.digest } }, "bad_request", /not a GGUF file/],
    [{ files: { "a.gguf": DIGEST, "b.gguf": DIGEST } }, "bad_request", /only one file/],
    [{ files: FILES, template: "{% if %}" }, "bad_request", /^template: /],
    [{ files: FILES, quantize: "Q9_9" }, "bad_request", /unsupported quantization type "Q9_9"/],
    [{ name: "x:cloud", files: FILES }, "bad_request", /cloud/],
  ];
  for (const [request, kind, words] of cases) {
    await assert.rejects(setup.create(request), fails(kind, words), JSON.stringify(request));
  }
  assert.deepEqual(await setup.models.list(), []);
});

Deno.test("createModel() quantizes F32 models, keeps nothing of a failure, and refuses quantized ones", async () => {
  using setup = await Setup.make();
  const small = tinyModel("qwen2", { type: "Q8_0" });
  const calls: string[] = [];
  const run = (request: Partial<CreateModelRequest>, quantize: (output: string) => void) =>
    Array.fromAsync(createModel({ name: "q", ...request }, {
      store: setup.store,
      find: () => Promise.resolve(undefined),
      quantize: (input, output, type) => {
        calls.push(`${input === setup.store.blobPath(DIGEST)} ${type}`);
        return Promise.resolve(quantize(output));
      },
    }, new AbortController().signal));
  await assert.rejects(
    run({ files: FILES, quantize: "q8_0" }, (output) => {
      Deno.writeTextFileSync(output, "half");
      throw new Error("libllama failed");
    }),
    /libllama failed/,
  );
  assert.deepEqual(filesBelow(setup.folder.path).filter((name) => name.startsWith("tmp/")), []);
  assert.deepEqual(await setup.models.list(), []);
  const steps = await run({ files: FILES, quantize: "q8_0" }, (output) => Deno.copyFileSync(small, output));
  assert.deepEqual(calls, ["true Q8_0", "true Q8_0"]);
  assert.ok(steps.some(({ status }) => status === "quantizing F32 model to Q8_0"));
  const card = await setup.models.resolve("q");
  assert.equal(card?.quantization, "Q8_0");
  const digest = `sha256:${card?.path.slice(-64)}`;
  const again = run({ files: { a: digest }, quantize: "Q4_0" }, () => assert.fail("not called"));
  await assert.rejects(
    again,
    fails("bad_request", /only supported for F16, BF16 and F32 models, this one is Q8_0/),
  );
});

Deno.test("LocalModels.blobs refuse invalid digests", async () => {
  using setup = await Setup.make();
  assert.equal(await setup.models.blobs.has(DIGEST), true);
  assert.equal(await setup.models.blobs.has(`sha256-${"1".repeat(64)}`), false);
  await assert.rejects(setup.models.blobs.has("sha256:../x"), fails("bad_request", /invalid digest/));
  const again = ReadableStream.from([WEIGHTS]);
  assert.equal(await setup.models.blobs.put(DIGEST, again), false, "it is there");
  const { done } = await again.getReader().read();
  assert.ok(done, "a client can send to its end");
});

Deno.test("LocalModels.create() tells weights, projectors and adapters apart", async () => {
  using setup = await Setup.make();
  const put = async (change: (writer: ReturnType<typeof tinyModelWriter>) => void) => {
    const writer = tinyModelWriter("qwen2");
    change(writer);
    writer.write(setup.folder.file("x.gguf"));
    return (await setup.store.putBytes(Deno.readFileSync(setup.folder.file("x.gguf")))).digest;
  };
  const projector = await put((writer) => writer.set("general.architecture", "string", "clip"));
  const adapter = await put((writer) => writer.set("general.type", "string", "adapter"));
  await setup.create({ files: { ...FILES, "p.gguf": projector }, adapters: { "a.gguf": adapter } });
  const card = await setup.models.resolve("made");
  assert.deepEqual(card?.stored?.projectors, [setup.store.blobPath(projector)]);
  assert.deepEqual(card?.stored?.adapters, [setup.store.blobPath(adapter)]);
  assert.deepEqual(setup.config("made").model_families, ["qwen2", "clip"]);
  const alone = setup.create({ files: { "a.gguf": adapter } });
  await assert.rejects(alone, fails("bad_request", /none of the files holds a model's weights/));
});
