/** Models over the wire: push, pull, create, delete against a real registry; pulls that are killed. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LocalModels } from "../../src/models/manager.ts";
import { digestOf } from "../../src/models/store/digest.ts";
import { cliCommand, cliEnvironment, runCli } from "../support/cli_process.ts";
import { CLIENTS, NODE, PYTHON, runChecks } from "../support/client_tools.ts";
import { findDebianProgram } from "../support/debian_program.ts";
import { DOCKER_REGISTRY, DockerRegistry } from "../support/docker_registry.ts";
import { FakeRegistry, patternBytes } from "../support/fake_registry.ts";
import { generativeModel } from "../support/paths.ts";
import { ServerProcess } from "../support/server_process.ts";
import { filesBelow, TemporaryFolder } from "../support/temporary_folder.ts";
import { tinyModel } from "../support/tiny_models.ts";

const PROGRAM = findDebianProgram(DOCKER_REGISTRY);
const NOTE = PROGRAM === undefined ? " (skipped: no docker-registry)" : "";
const PULL_CHILD = fileURLToPath(
  new URL("../support/pull_child.ts", import.meta.url),
);

interface Step {
  status?: string;
  error?: string;
  digest?: string;
}

async function steps(response: Response): Promise<Step[]> {
  return (await response.text()).trim().split("\n").map((line) => JSON.parse(line) as Step);
}

/** The server with a store of its own and no other models. */
function startServer(store: string): Promise<ServerProcess> {
  Deno.mkdirSync(store, { recursive: true });
  return ServerProcess.start({
    args: ["--models-store", store, "--no-model-discovery"],
  });
}

async function tags(server: ServerProcess): Promise<string[]> {
  const { models } = await (await fetch(`${server.url}/api/tags`)).json();
  return models.map(({ name }: { name: string }) => name).sort();
}

/** Puts a file as a blob and makes a model of it. */
async function createFrom(
  server: ServerProcess,
  name: string,
  path: string,
  more: object = {},
): Promise<Step[]> {
  const bytes = Deno.readFileSync(path);
  const digest = digestOf(bytes);
  const put = await fetch(`${server.url}/api/blobs/${digest}`, {
    method: "POST",
    body: bytes,
  });
  await put.body?.cancel();
  assert.ok(put.status === 201 || put.status === 200, String(put.status));
  return await steps(
    await server.post("/api/create", {
      model: name,
      files: { "model.gguf": digest },
      ...more,
    }),
  );
}

Deno.test({
  name: `create, push, delete, pull against docker-registry give the same bytes${NOTE}`,
  ignore: PROGRAM === undefined,
  async fn(t) {
    using folder = new TemporaryFolder();
    await using registry = await DockerRegistry.start(PROGRAM!, folder.path);
    const store = folder.file("store");
    await using server = await startServer(store);
    const name = `${registry.host}/library/demo:v1`;
    const before = await tags(server);

    await t.step(
      "POST /api/create makes a model of an uploaded file",
      async () => {
        const bad = await fetch(
          `${server.url}/api/blobs/sha256:${"0".repeat(64)}`,
          {
            method: "POST",
            body: "x",
          },
        );
        assert.equal(bad.status, 400);
        await bad.body?.cancel();
        const created = await createFrom(server, name, generativeModel(), {
          system: "Be brief.",
          parameters: { temperature: 0, stop: ["END"] },
        });
        assert.equal(
          created.at(-1)?.status,
          "success",
          JSON.stringify(created),
        );
        const shown = await server.ask<Record<string, unknown>>("/api/show", {
          model: name,
        });
        assert.equal(shown.system, "Be brief.");
        assert.match(String(shown.parameters), /^stop\s+"END"$/m);
      },
    );
    const stored = new Map(
      filesBelow(store).filter((file) => /^(blobs|manifests)\//.test(file))
        .map((file) => [file, Deno.readFileSync(`${store}/${file}`)]),
    );

    await t.step(
      "POST /api/push stores the model in the registry",
      async () => {
        const secure = await steps(
          await server.post("/api/push", { model: name }),
        );
        assert.match(
          secure.at(-1)?.error ?? "",
          /Cannot reach https:/,
          "no plain HTTP unless asked for",
        );
        const pushed = await steps(
          await server.post("/api/push", { model: name, insecure: true }),
        );
        assert.equal(
          pushed.at(-1)?.status,
          "success",
          JSON.stringify(pushed.at(-1)),
        );
      },
    );

    await t.step(
      "DELETE /api/delete removes the name and its blobs",
      async () => {
        const init = {
          method: "DELETE",
          body: JSON.stringify({ model: name }),
        };
        const deleted = await fetch(`${server.url}/api/delete`, init);
        assert.deepEqual([deleted.status, await deleted.text()], [200, ""]);
        assert.deepEqual(await tags(server), before);
        assert.deepEqual(
          filesBelow(store).filter((file) => file !== "lock"),
          [],
        );
      },
    );

    await t.step("POST /api/pull brings every byte back", async () => {
      const pulled = await steps(
        await server.post("/api/pull", { model: name, insecure: true }),
      );
      assert.equal(
        pulled.at(-1)?.status,
        "success",
        JSON.stringify(pulled.at(-1)),
      );
      for (const [file, bytes] of stored) {
        assert.deepEqual(Deno.readFileSync(`${store}/${file}`), bytes, file);
      }
      assert.deepEqual(await tags(server), [...before, name].sort());
      const whole = await server.ask("/api/pull", {
        model: name,
        insecure: true,
        stream: false,
      });
      assert.deepEqual(whole, { status: "success" });
      const missing = await steps(
        await server.post("/api/pull", {
          model: `${registry.host}/a/none`,
          insecure: true,
        }),
      );
      assert.equal(
        missing.at(-1)?.error,
        "pull model manifest: file does not exist",
      );
    });

    await t.step("a corrupted blob in the registry is refused", async () => {
      const [blob = ""] = [...stored.keys()].filter((file) => file.includes(digestHexOf(generativeModel())));
      const file = registry.blobFile(`sha256:${blob.slice(-64)}`);
      const bytes = Deno.readFileSync(file);
      bytes[bytes.length >> 1]! ^= 1;
      Deno.writeFileSync(file, bytes);
      const other = new LocalModels({
        store: folder.file("other"),
        libDir: "",
      });
      const pull = Array.fromAsync(
        other.pull(name, { insecure: true }, new AbortController().signal),
      );
      await assert.rejects(pull, /digest mismatch/);
      assert.deepEqual(await other.list(), []);
      assert.ok(
        !filesBelow(folder.file("other")).some((each) => each.endsWith(blob.slice(-64))),
      );
    });
  },
});

function digestHexOf(path: string): string {
  return digestOf(Deno.readFileSync(path)).slice("sha256:".length);
}

Deno.test({
  name: `npm ollama and PyPI ollama manage models${NOTE}${NODE.note}${PYTHON.note}`,
  ignore: PROGRAM === undefined || !(NODE.found || PYTHON.found),
  async fn(t) {
    using folder = new TemporaryFolder();
    await using registry = await DockerRegistry.start(PROGRAM!, folder.path);
    await using server = await startServer(folder.file("store"));
    if (NODE.found) {
      await createFrom(server, "base", generativeModel());
      const digest = `sha256:${digestHexOf(generativeModel())}`;
      await runChecks(t, [
        NODE.path,
        `${CLIENTS}ollama_manage.mjs`,
        registry.host,
        digest,
      ], server.url);
    }
    if (PYTHON.found) {
      const command = [
        PYTHON.path,
        `${CLIENTS}ollama_manage_client.py`,
        registry.host,
        generativeModel(),
      ];
      await runChecks(t, command, server.url);
    }
  },
});

Deno.test("POST /api/create quantizes with libllama beside the loaded model", async () => {
  using folder = new TemporaryFolder();
  const store = folder.file("store");
  await using server = await startServer(store);
  const path = tinyModel("llama", { type: "F16", nEmbd: 256 });
  const created = await createFrom(server, "small", path, {
    quantize: "q4_K_M",
  });
  assert.ok(
    created.some(({ status }) => status === "quantizing F16 model to Q4_K_M"),
    JSON.stringify(created),
  );
  assert.equal(created.at(-1)?.status, "success");
  const { details } = await server.ask<
    { details: { quantization_level: string } }
  >("/api/show", {
    model: "small",
  });
  assert.equal(details.quantization_level, "Q4_K_M");
  const answer = await server.ask<{ done: boolean }>("/api/generate", {
    prompt: "hello",
    stream: false,
    options: { num_predict: 4 },
  });
  assert.equal(answer.done, true, "the loaded model still answers");
  const again = await createFrom(server, "again", path, {
    from: "small",
    quantize: "Q8_0",
  });
  assert.match(again.at(-1)?.error ?? "", /this one is Q4_K_M/);
  assert.ok(!(await tags(server)).includes("again:latest"));
});

Deno.test("a pull killed with kill -9 at 10 random points resumes and ends verified", async () => {
  using folder = new TemporaryFolder();
  const registry = new FakeRegistry();
  const weights = patternBytes(4_000_000);
  const model = registry.addModel("library/m:latest", [["model", weights], [
    "license",
    "free",
  ]]);
  Object.assign(registry.script, { piece: 8192, pauseMs: 12 });
  let sent = 0;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const answer = await registry.handle(request);
      const counted = answer.body?.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(bytes, controller) {
            sent += bytes.length;
            controller.enqueue(bytes);
          },
        }),
      );
      return new Response(counted ?? null, answer);
    },
  );
  const store = folder.file("store");
  const name = `127.0.0.1:${server.addr.port}/library/m`;
  const spawn = () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-all", PULL_CHILD, store, name],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  const models = new LocalModels({ store, libDir: "" });
  let midway = 0;
  for (let round = 0; round < 10; round++) {
    const child = spawn();
    const reader = child.stdout.getReader();
    await reader.read(); // It has begun.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
    child.kill("SIGKILL");
    const { signal } = await child.status;
    await reader.cancel();
    if (signal === "SIGKILL") midway++;
    assert.deepEqual(await models.list(), [], "no name before the end");
    const blob = `${store}/blobs/${model.digests[0]!.replace(":", "-")}`;
    if (fileExists(blob)) {
      assert.deepEqual(
        Deno.readFileSync(blob),
        weights,
        "a blob's name means verified",
      );
    }
  }
  assert.ok(midway >= 5, `${midway} of 10 kills came before the end`);
  registry.script.pauseMs = 0;
  const { success } = await spawn().output();
  assert.ok(success);
  assert.deepEqual(
    Deno.readFileSync(`${store}/blobs/${model.digests[0]!.replace(":", "-")}`),
    weights,
  );
  assert.deepEqual(
    Deno.readFileSync(
      `${store}/manifests/127.0.0.1:${server.addr.port}/library/m/latest`,
    ),
    model.manifest,
  );
  assert.ok(!filesBelow(store).some((file) => file.includes("-partial")));
  // Without resuming, ten attempts would have fetched much more; what a kill loses is bounded by the checkpoints.
  assert.ok(
    sent < weights.length * 2.5,
    `${sent} bytes were sent for ${weights.length}`,
  );
});

function fileExists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A pull by the program itself, as `kill` finds it. */
interface RunningPull extends AsyncDisposable {
  kill(): void;
}

/** `POST /api/pull` of a server. */
async function pullByServer(store: string, name: string): Promise<RunningPull> {
  const server = await startServer(store);
  // The connection breaks with the server.
  const asked = server.post("/api/pull", { model: name, insecure: true }).then((
    answer,
  ) => answer.text())
    .catch(() => "");
  return {
    kill: () => server.signal("SIGKILL"),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await asked;
    },
  };
}

/** The command `pull` without a server. */
function pullByCommand(store: string, name: string): RunningPull {
  const [program = "", ...args] = cliCommand(["pull", name, "--insecure"]);
  const output = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const child = new Deno.Command(program, {
    args,
    ...output,
    env: cliEnvironment({ store }),
  }).spawn();
  return {
    kill: () => child.kill("SIGKILL"),
    async [Symbol.asyncDispose]() {
      await child.status;
    },
  };
}

Deno.test("the server and the command pull, killed with kill -9 in turns, go on where the other was", async () => {
  using folder = new TemporaryFolder();
  const registry = new FakeRegistry();
  const weights = patternBytes(32 * 1024 * 1024);
  const { digests } = registry.addModel("library/big:latest", [[
    "model",
    weights,
  ]]);
  Object.assign(registry.script, { piece: 64 * 1024, pauseMs: 1 });
  let sent = 0;
  const begun = { promise: Promise.resolve(), resolve() {} };
  await using listening = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, async (request) => {
    const answer = await registry.handle(request);
    if (!request.url.includes("/blobs/")) return answer;
    begun.resolve();
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        sent += bytes.length;
        controller.enqueue(bytes);
      },
    });
    return new Response(answer.body?.pipeThrough(count) ?? null, answer);
  });
  const store = folder.file("store");
  const name = `127.0.0.1:${listening.addr.port}/library/big`;
  const blob = `${store}/blobs/${digests[0]!.replace(":", "-")}`;
  let midway = 0;
  for (let round = 0; round < 10; round++) {
    Object.assign(begun, Promise.withResolvers<void>());
    await using pull = round % 2 === 0 ? await pullByServer(store, name) : pullByCommand(store, name);
    await begun.promise;
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
    pull.kill();
    if (!fileExists(blob)) midway++;
    assert.deepEqual(
      await new LocalModels({ store, libDir: "" }).list(),
      [],
      "no name before the end",
    );
  }
  assert.ok(midway >= 5, `${midway} of 10 kills came before the end`);
  Object.assign(registry.script, { piece: 1024 * 1024, pauseMs: 0 });
  const { code, stderr } = await runCli(["pull", name, "--insecure"], {
    store,
  });
  assert.equal(code, 0, stderr);
  assert.equal(digestOf(Deno.readFileSync(blob)), digests[0]);
  assert.ok(!filesBelow(store).some((file) => file.includes("-partial")));
  console.log(
    `${midway} of 10 kills in the middle, ${sent} bytes sent for ${weights.length}`,
  );
  assert.ok(
    sent < weights.length * 3,
    `${sent} bytes were sent for ${weights.length}`,
  );
});

Deno.test({
  name:
    `the command push to docker-registry, then pull and run give the same bytes and the same answer${NOTE}`,
  ignore: PROGRAM === undefined,
  async fn() {
    using folder = new TemporaryFolder();
    await using registry = await DockerRegistry.start(PROGRAM!, folder.path);
    const [first, second] = [folder.file("first"), folder.file("second")];
    const name = `${registry.host}/team/story:v1`;
    const file = folder.file("Modelfile");
    Deno.writeTextFileSync(
      file,
      `FROM ${generativeModel()}\nSYSTEM Be brief.\nPARAMETER temperature 0\nPARAMETER num_predict 20\n`,
    );
    const good = async (args: string[], store: string) => {
      const { code, stdout, stderr } = await runCli(args, { store });
      assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
      return stdout;
    };
    await good(["create", name, "-f", file], first);
    const answer = await good(["run", name, "Hello"], first);
    await good(["push", name, "--insecure"], first);
    const files = (store: string) => filesBelow(store).filter((each) => /^(blobs|manifests)\//.test(each));
    assert.ok(files(first).length >= 4);
    await good(["pull", name, "--insecure"], second);
    assert.deepEqual(files(second), files(first));
    for (const each of files(first)) {
      assert.deepEqual(
        Deno.readFileSync(`${second}/${each}`),
        Deno.readFileSync(`${first}/${each}`),
        each,
      );
    }
    assert.equal(await good(["run", name, "Hello"], second), answer);
  },
});
