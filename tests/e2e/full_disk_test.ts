/** A disk that fills up: nothing half is left under a name, the server goes on, and room made by hand helps. */

import assert from "node:assert/strict";
import { LocalModels } from "../../src/models/manager.ts";
import { DOWNLOAD_OPTIONS } from "../../src/models/pull/blob_download.ts";
import { digestOf } from "../../src/models/store/digest.ts";
import { runCli } from "../support/cli_process.ts";
import { FakeRegistry, patternBytes } from "../support/fake_registry.ts";
import { ServerProcess } from "../support/server_process.ts";
import { canMountSmallDisk, mountSmallDisk } from "../support/small_disk.ts";
import { filesBelow, TemporaryFolder } from "../support/temporary_folder.ts";
import { tinyModel } from "../support/tiny_models.ts";

const MOUNTS = canMountSmallDisk();
const NOTE = MOUNTS ? "" : " (skipped: file systems cannot be mounted)";
const MIB = 1024 * 1024;
const DISK_MIB = 6;

/** Blobs that have a name, and so count as whole. */
function blobs(store: string): string[] {
  return filesBelow(store).filter((file) => /sha256-[0-9a-f]{64}$/.test(file));
}

Deno.test({
  name: `LocalModels.pull() onto a full disk leaves no half model${NOTE}`,
  ignore: !MOUNTS,
  async fn() {
    using folder = new TemporaryFolder();
    const store = folder.file("small");
    using _disk = mountSmallDisk(store, 1)!;
    const registry = new FakeRegistry();
    registry.addModel("library/m:latest", [["model", patternBytes(3_000_000)]]);
    const unknown = () => Promise.resolve(undefined);
    for (const freeBytes of [DOWNLOAD_OPTIONS.freeBytes, unknown]) {
      const download = { ...DOWNLOAD_OPTIONS, freeBytes };
      const models = new LocalModels({
        store,
        libDir: "",
        fetch: registry.fetch,
        download,
      });
      const steps = models.pull(
        "localhost:1/library/m",
        { insecure: false },
        new AbortController().signal,
      );
      await assert.rejects(
        Array.fromAsync(steps),
        /the disk (is full|has 1 MiB free)/,
      );
      assert.deepEqual(await models.list(), []);
      assert.deepEqual(blobs(store), []);
    }
  },
});

Deno.test({
  name: `blob upload, create and pull onto a full disk are refused with words, and the server goes on${NOTE}`,
  ignore: !MOUNTS,
  async fn(t) {
    using folder = new TemporaryFolder();
    const store = folder.file("small");
    using _disk = mountSmallDisk(store, DISK_MIB)!;
    await using server = await ServerProcess.start({
      args: ["--models-store", store],
    });
    const registry = new FakeRegistry();
    registry.addModel("library/big:latest", [["model", patternBytes(9 * MIB)]]);
    await using listening = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      registry.handle.bind(registry),
    );
    const big = `127.0.0.1:${listening.addr.port}/library/big`;

    const put = async (bytes: Uint8Array<ArrayBuffer>) => {
      const url = `${server.url}/api/blobs/${digestOf(bytes)}`;
      const response = await fetch(url, { method: "POST", body: bytes });
      return { status: response.status, text: await response.text() };
    };
    const last = async (path: string, body: object) => {
      const lines = (await (await server.post(path, body)).text()).trim().split(
        "\n",
      );
      return JSON.parse(lines.at(-1) ?? "{}") as {
        status?: string;
        error?: string;
      };
    };
    /** What was there before is there still, nothing else is, and the loaded model answers. */
    const unharmed = async (names: string[], files: number) => {
      const { models } = await (await fetch(`${server.url}/api/tags`))
        .json() as {
          models: { name: string }[];
        };
      assert.deepEqual(
        models.map(({ name }) => name).sort(),
        ["demo:latest", ...names].sort(),
      );
      assert.equal(blobs(store).length, files, filesBelow(store).join(" "));
      const answer = await server.ask<{ done: boolean }>("/api/generate", {
        model: "demo",
        prompt: "hello",
        stream: false,
        options: { num_predict: 4 },
      });
      assert.equal(answer.done, true);
    };

    await t.step("POST /api/blobs/:digest", async () => {
      const { status, text } = await put(patternBytes(9 * MIB));
      assert.equal(status, 503, text);
      assert.match(text, /the disk is full/);
      await unharmed([], 0);
    });

    await t.step("POST /api/pull", async () => {
      const { error = "" } = await last("/api/pull", {
        model: big,
        insecure: true,
      });
      assert.match(error, /the disk (is full|has \d+ MiB free)/);
      await unharmed([], 0);
    });

    await t.step("the command pull", async () => {
      const { code, stderr } = await runCli(["pull", big, "--insecure"], {
        store,
      });
      assert.equal(code, 1);
      assert.match(stderr, /Error: .*the disk (is full|has \d+ MiB free)/);
      await unharmed([], 0);
    });

    await t.step("POST /api/create with quantize", async () => {
      const bytes = Deno.readFileSync(
        tinyModel("llama", { type: "F16", nEmbd: 256 }),
      );
      assert.ok(
        bytes.length > 2 * MIB && bytes.length < DISK_MIB * MIB / 2,
        `${bytes.length}`,
      );
      assert.equal((await put(bytes)).status, 201);
      const file = `${store}/filler`;
      Deno.writeFileSync(
        file,
        new Uint8Array(DISK_MIB * MIB - bytes.length - 64 * 1024),
      );
      const body = {
        model: "small",
        files: { "model.gguf": digestOf(bytes) },
        quantize: "q8_0",
      };
      const { error = "" } = await last("/api/create", body);
      assert.match(error, /^Cannot quantize: the disk is full$/);
      await unharmed([], 1);
      Deno.removeSync(file);
      assert.deepEqual(await last("/api/create", body), { status: "success" }, "there is room now");
      await unharmed(["small:latest"], blobs(store).length);
    });
  },
});
