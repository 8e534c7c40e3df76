import assert from "node:assert/strict";
import { dirname } from "node:path";
import { LocalModels, type ManagerOptions } from "../../../src/models/manager.ts";
import { parseModelName } from "../../../src/models/ollama_name.ts";
import { quantizationOfName } from "../../../src/models/sources/gguf_folder.ts";
import { isGoTemplate } from "../../../src/models/sources/stored_content.ts";
import {
  CONFIG_TYPE,
  encodeManifest,
  type LayerKind,
  layerType,
} from "../../../src/models/store/manifest.ts";
import { ModelStore } from "../../../src/models/store/model_store.ts";
import { defaultPlaces } from "../../../src/models/model_places.ts";
import { ServerError } from "../../../src/core/server_error.ts";
import { tinyModel, tinyModelWriter } from "../../support/tiny_models.ts";
import { filesBelow, TemporaryFolder } from "../../support/temporary_folder.ts";

function manager(folder: TemporaryFolder, options: Partial<ManagerOptions> = {}): LocalModels {
  return new LocalModels({ store: folder.file("store"), libDir: "", ...options });
}

function place(path: string, model = tinyModel("qwen2")): string {
  Deno.mkdirSync(dirname(path), { recursive: true });
  Deno.copyFileSync(model, path);
  return path;
}

/** A store in Ollama's layout with one model. */
async function storeWith(
  root: string,
  name: string,
  layers: readonly (readonly [LayerKind, string | Uint8Array])[],
) {
  const store = new ModelStore(root);
  const descriptors = [];
  for (const [kind, content] of layers) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
    const { digest } = await store.putBytes(bytes);
    descriptors.push({ mediaType: layerType(kind), digest, size: bytes.length });
  }
  const { digest } = await store.putBytes(new TextEncoder().encode("{}"));
  await store.writeManifest(
    parseModelName(name),
    encodeManifest({ mediaType: CONFIG_TYPE, digest, size: 2 }, descriptors),
  );
  return store;
}

const weights = () => Deno.readFileSync(tinyModel("qwen2"));

Deno.test("LocalModels.list() finds plain files, their split parts and projectors", async () => {
  using folder = new TemporaryFolder();
  const dir = folder.file("models");
  place(`${dir}/Qwen-Q8_0.gguf`);
  place(`${dir}/sub/Qwen-Q8_0.gguf`);
  place(`${dir}/vision/gemma-Q4_K_M.gguf`);
  place(`${dir}/vision/mmproj-model-f16.gguf`);
  place(`${dir}/mmproj-other.gguf`);
  Deno.writeTextFileSync(`${dir}/broken.gguf`, "GGUF");
  Deno.writeTextFileSync(`${dir}/readme.md`, "");
  const writer = tinyModelWriter("qwen2").set("split.count", "uint16", 2).set("split.no", "uint16", 0);
  writer.write(`${dir}/split-00001-of-00002.gguf`);
  place(`${dir}/split-00002-of-00002.gguf`);
  const faults: string[] = [];
  const models = manager(folder, { folders: [dir], onFault: (message) => faults.push(message) });
  const cards = await models.list();
  assert.deepEqual(cards.map(({ id }) => id).sort(), ["Qwen-Q8_0", "gemma-Q4_K_M", "split", "sub/Qwen-Q8_0"]);
  const of = (id: string) => cards.find((card) => card.id === id);
  assert.deepEqual(of("gemma-Q4_K_M")?.stored?.projectors, [`${dir}/vision/mmproj-model-f16.gguf`]);
  assert.ok(of("gemma-Q4_K_M")?.capabilities.includes("vision"));
  assert.equal(of("Qwen-Q8_0")?.stored, undefined);
  assert.equal(of("split")?.path, `${dir}/split-00001-of-00002.gguf`);
  assert.ok(of("split")!.size > of("Qwen-Q8_0")!.size * 1.9, "the size of all parts");
  assert.equal(of("Qwen-Q8_0")?.architecture, "qwen2");
  assert.match(of("Qwen-Q8_0")?.digest ?? "", /^[0-9a-f]{64}$/);
  assert.deepEqual([faults.length, faults[0]?.includes("broken.gguf")], [1, true]);
  await models.list();
  assert.equal(faults.length, 1, "told once");
});

Deno.test("LocalModels.resolve() takes names as Ollama does", async () => {
  using folder = new TemporaryFolder();
  const path = place(folder.file("models/Qwen-Q8_0.gguf"));
  await storeWith(folder.file("store"), "me/Tiny:8b", [["model", weights()]]);
  await storeWith(folder.file("store"), "solo", [["model", weights()]]);
  const models = manager(folder, { folders: [folder.file("models")] });
  const id = async (name: string) => (await models.resolve(name))?.id;
  for (const name of ["qwen-q8_0", "Qwen-Q8_0.gguf", "Qwen-Q8_0:latest", path]) {
    assert.equal(await id(name), "Qwen-Q8_0", name);
  }
  for (const name of ["me/tiny:8B", "registry.ollama.ai/me/Tiny:8b"]) {
    assert.equal(await id(name), "me/Tiny:8b", name);
  }
  for (const name of ["solo", "SOLO:latest", "library/solo", "solo:local"]) {
    assert.equal(await id(name), "solo:latest", name);
  }
  for (const name of ["me/tiny", "", "..", "nope"]) assert.equal(await id(name), undefined, name);
});

Deno.test("LocalModels.resolve() knows the model to begin with by all its names", async () => {
  using folder = new TemporaryFolder();
  const path = place(folder.file("begin.gguf"));
  await storeWith(folder.file("store"), "mine", [["model", weights()], ["system", "S"]]);
  const models = manager(folder, { files: [{ path, alias: ["mine", "other"] }] });
  for (const name of ["llama", "LLAMA:latest", "mine", "other", "begin", "begin.gguf", path]) {
    assert.equal((await models.resolve(name))?.path, path, name);
  }
  await models.copy("llama", "kept");
  assert.equal((await models.resolve("kept"))?.architecture, "qwen2");
  assert.deepEqual((await models.list()).map(({ id }) => id).sort(), ["kept:latest", "mine"]);
});

Deno.test("LocalModels.list() reads the caches of Hugging Face and LM Studio in place", async () => {
  using folder = new TemporaryFolder();
  const hub = folder.file("hub");
  const snapshot = `${hub}/models--org--Repo-GGUF/snapshots/abcdef01`;
  place(`${hub}/models--org--Repo-GGUF/blobs/0011`);
  Deno.mkdirSync(snapshot, { recursive: true });
  Deno.symlinkSync("../../blobs/0011", `${snapshot}/repo-q4_k_m.gguf`);
  Deno.symlinkSync("../../blobs/0011", `${snapshot}/repo-Q8_0.gguf`);
  place(`${hub}/models--org--Repo-GGUF/snapshots/0ld/old-F16.gguf`);
  Deno.mkdirSync(`${hub}/models--org--Repo-GGUF/refs`);
  Deno.writeTextFileSync(`${hub}/models--org--Repo-GGUF/refs/main`, "abcdef01\n");
  place(folder.file("lm/pub/model-gguf/model-IQ4_XS.gguf"));
  const before = filesBelow(folder.path);
  const models = manager(folder, { huggingFace: [hub], lmStudio: [folder.file("lm")] });
  const ids = (await models.list()).map(({ id }) => id).sort();
  assert.deepEqual(ids, [
    "hf.co/org/Repo-GGUF:Q4_K_M",
    "hf.co/org/Repo-GGUF:Q8_0",
    "hf.co/pub/model-gguf:IQ4_XS",
  ]);
  const id = async (name: string) => (await models.resolve(name))?.id;
  assert.equal(await id("hf.co/org/repo-gguf"), "hf.co/org/Repo-GGUF:Q4_K_M");
  assert.equal(await id("huggingface.co/org/Repo-GGUF:q8_0"), "hf.co/org/Repo-GGUF:Q8_0");
  assert.equal(await id("pub/model-gguf"), "hf.co/pub/model-gguf:IQ4_XS");
  await assert.rejects(
    models.remove("pub/model-gguf"),
    (e) => e instanceof ServerError && e.kind === "forbidden",
  );
  assert.deepEqual(filesBelow(folder.path), before, "nothing was written");
});

Deno.test("LocalModels.list() gives a stored model's layers, and sees every change", async () => {
  using folder = new TemporaryFolder();
  const jinja = "{% for m in messages %}{{ m.content }}{% endfor %}";
  await storeWith(folder.file("store"), "x", [
    ["model", weights()],
    ["template", jinja],
    ["system", "Be brief."],
    ["params", '{"stop":"END","temperature":0.5}'],
    ["messages", '[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"bad":1}]'],
    ["license", "free"],
    ["projector", "not looked at"],
  ]);
  await storeWith(folder.file("store"), "go", [["model", weights()], [
    "template",
    "{{ .System }} {{ .Prompt }}",
  ]]);
  const models = manager(folder);
  const card = await models.resolve("x");
  assert.equal(card?.chatTemplate, jinja);
  assert.deepEqual({ ...card?.stored, projectors: [] }, {
    template: jinja,
    system: "Be brief.",
    parameters: { stop: ["END"], temperature: 0.5 },
    messages: [{ role: "user", content: "hi" }, { role: "assistant", content: "hello" }],
    licenses: ["free"],
    adapters: [],
    projectors: [],
  });
  assert.deepEqual(card?.capabilities, ["completion", "vision"]);
  const go = await models.resolve("go");
  assert.equal(go?.stored?.template, "{{ .System }} {{ .Prompt }}");
  assert.doesNotMatch(go?.chatTemplate ?? "", /\.System/, "Go templates are shown, not used");
  assert.equal(go?.size, weights().length + "{{ .System }} {{ .Prompt }}".length + 2);
  await models.remove("x");
  assert.deepEqual((await models.list()).map(({ id }) => id), ["go:latest"]);
});

Deno.test("LocalModels reads Ollama's store without touching it, and copies from it into its own", async () => {
  using folder = new TemporaryFolder();
  const ollama = folder.file("ollama");
  await storeWith(ollama, "theirs", [["model", weights()], ["system", "S"]]);
  const before = filesBelow(ollama);
  const models = manager(folder, { ollama });
  assert.deepEqual((await models.list()).map(({ id }) => id), ["theirs:latest"]);
  await assert.rejects(models.remove("theirs"), (e) => e instanceof ServerError && e.kind === "forbidden");
  await models.copy("theirs", "mine:1");
  assert.equal((await models.resolve("mine:1"))?.digest, (await models.resolve("theirs"))?.digest);
  await models.remove("mine:1");
  assert.deepEqual(filesBelow(ollama), before);
  assert.equal((await models.resolve("theirs"))?.stored?.system, "S");
  await assert.rejects(
    models.copy("nope", "x"),
    (e) => e instanceof ServerError && e.kind === "model_not_found",
  );
  await assert.rejects(
    models.copy("theirs", "../x"),
    (e) => e instanceof ServerError && e.kind === "bad_request",
  );
  await assert.rejects(
    models.remove("../x"),
    (e) => e instanceof ServerError && e.kind === "model_not_found",
  );
});

Deno.test("LocalModels.list() answers for 200 models in under 50 ms when warm", async () => {
  using folder = new TemporaryFolder();
  await storeWith(folder.file("store"), "m0", [["model", weights()], ["system", "S"], ["params", "{}"]]);
  const models = manager(folder, { folders: [folder.file("models")] });
  const source = folder.file("store/manifests/registry.ollama.ai/library/m0/latest");
  for (let i = 1; i < 100; i++) {
    const target = folder.file(`store/manifests/registry.ollama.ai/library/m${i}`);
    Deno.mkdirSync(target);
    Deno.copyFileSync(source, `${target}/latest`);
  }
  for (let i = 0; i < 100; i++) place(folder.file(`models/file${i}.gguf`));
  assert.equal((await models.list()).length, 200);
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    await models.list();
    times.push(performance.now() - start);
  }
  const best = Math.min(...times);
  assert.ok(best < 50, `the best of 9 took ${best.toFixed(1)} ms`);
});

Deno.test("quantizationOfName() finds the quantization in a file's name", () => {
  const cases: [string, string | undefined][] = [
    ["Qwen2.5-0.5B-Instruct-Q4_K_M", "Q4_K_M"],
    ["model.q8_0", "Q8_0"],
    ["gemma-3-UD-IQ2_XXS", "UD-IQ2_XXS"],
    ["llama-f16", "F16"],
    ["gpt-oss-20b-mxfp4", "MXFP4"],
    ["phi-4", undefined],
    ["q4chat", undefined],
  ];
  for (const [stem, expected] of cases) assert.equal(quantizationOfName(stem), expected, stem);
});

Deno.test("isGoTemplate() tells Go's templates from Jinja's", () => {
  for (
    const go of [
      "{{ .Prompt }}",
      "{{- if .System }}x{{ end }}",
      "{{ range $i, $m := .Messages }}",
      "{{- /* c */ -}}",
    ]
  ) {
    assert.equal(isGoTemplate(go), true, go);
  }
  for (
    const jinja of ["{{ messages[0].content }}", "{% if x %}{{ .5 }}{% endif %}", "{{- bos_token }}", "plain"]
  ) {
    assert.equal(isGoTemplate(jinja), false, jinja);
  }
});

Deno.test("defaultPlaces() follows the environment, then the home folder", () => {
  const places = defaultPlaces((name) => ({ OLLAMA_MODELS: "/o", HF_HOME: "/hf" })[name], "/home/u");
  assert.equal(places.store, "/home/u/.llamacpp-server/models");
  assert.equal(places.ollama, "/o");
  assert.equal(places.huggingFace, "/hf/hub");
  assert.deepEqual(places.lmStudio, ["/home/u/.lmstudio/models", "/home/u/.cache/lm-studio/models"]);
  const homeless = defaultPlaces(() => undefined, undefined);
  assert.deepEqual([homeless.ollama, homeless.huggingFace, homeless.lmStudio], [undefined, undefined, []]);
});
