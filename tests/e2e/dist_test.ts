/** The one executable: `make dist` in an empty root, damage and repair; `make compile` up to linking. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  emptyRootObstacle,
  fillEmptyRoot,
  runInEmptyRoot,
  type Scenario,
  type StartReport,
} from "../support/empty_root.ts";
import { repositoryRoot } from "../support/paths.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const ROOT = repositoryRoot();
const PLATFORM = `linux-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`;
const HAS_TOOLS = Deno.build.os === "linux" && works("make", "--version") &&
  works("cc", "--version");
const OBSTACLE = HAS_TOOLS ? emptyRootObstacle() : "needs Linux, make and a C compiler";

function works(program: string, argument: string): boolean {
  try {
    execFileSync(program, [argument], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

let built: Promise<string> | undefined;

/** Builds once. The libraries are those that are there: "make setup" is not made again. */
function executable(): Promise<string> {
  return built ??= (async () => {
    const { success, stdout, stderr } = await new Deno.Command("make", {
      args: ["--old-file=setup", "dist"],
      cwd: ROOT,
      env: { MAKEFLAGS: "" },
    }).output();
    assert.ok(
      success,
      new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr),
    );
    return join(ROOT, "dist", "llamacpp-server");
  })();
}

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a copy of the executable, or another file, with a cache folder of its own. */
async function run(
  file: string,
  cache: string,
  args: readonly string[],
  env = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(file, {
    args: [...args],
    env: { LLAMACPP_SERVER_CACHE_DIR: cache, NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

async function versionOf(file: string, cache: string): Promise<void> {
  const { code, stdout, stderr } = await run(file, cache, ["version"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^llamacpp-server \d/);
}

/** The one folder that was unpacked below `cache`. */
function unpackedIn(cache: string): string {
  const folders = [...Deno.readDirSync(cache)].filter(({ name }) => !name.startsWith("."));
  assert.equal(folders.length, 1);
  return join(cache, folders[0]!.name);
}

/** Plays a scenario in a root where nothing was unpacked, then, where asked for, again in the same root. */
async function inEmptyRoot(...scenarios: Scenario[]): Promise<StartReport[]> {
  using folder = new TemporaryFolder();
  fillEmptyRoot(folder.path, await executable());
  const reports: StartReport[] = [];
  for (const scenario of scenarios) {
    reports.push(await runInEmptyRoot(folder.path, scenario));
  }
  for (const { texts, unpacked } of reports) {
    assert.ok(texts.every((text) => text.length > 0));
    assert.equal(unpacked.length, 1);
  }
  return reports;
}

Deno.test({
  name: "the single file answers in an empty root without network, first within 2 s, then within 1 s",
  ignore: OBSTACLE !== undefined,
  fn: async () => {
    const seen: string[] = [];
    // Three tries: other work on this machine is not what is measured.
    for (let tries = 0; tries < 3; tries++) {
      const [first, second] = await inEmptyRoot("one", "one");
      const [firstMs = Infinity, secondMs = Infinity] = [
        first?.answeredMs[0],
        second?.answeredMs[0],
      ];
      seen.push(`${firstMs} and ${secondMs} ms`);
      if (firstMs < 2000 && secondMs < 1000) {
        console.log(`first and second start answered after ${seen.at(-1)}`);
        return;
      }
    }
    assert.fail(`started too slowly: ${seen.join(", ")}`);
  },
});

Deno.test({
  name: "two single files started at once with nothing unpacked both answer",
  ignore: OBSTACLE !== undefined,
  fn: async () => {
    const [report] = await inEmptyRoot("two");
    assert.equal(report?.texts.length, 2);
  },
});

Deno.test({
  name: "the single file unpacks elsewhere when its cache folder is read-only",
  ignore: OBSTACLE !== undefined,
  fn: async () => void await inEmptyRoot("read-only cache"),
});

Deno.test({
  name: "the single file repairs what was unpacked: changed, cut, removed, writable, half",
  ignore: !HAS_TOOLS,
  fn: async () => {
    using folder = new TemporaryFolder();
    const file = await executable();
    const cache = join(folder.path, "cache");
    await versionOf(file, cache);
    const unpacked = unpackedIn(cache);
    assert.equal(Deno.statSync(unpacked).mode! & 0o777, 0o700);
    const main = join(unpacked, "src", "cli", "main.js");
    const whole = Deno.readTextFileSync(main);
    const damages = [
      () => Deno.writeTextFileSync(main, whole.replace("llamacpp", "llamacqq")),
      () => Deno.truncateSync(main, 100),
      () => Deno.removeSync(main),
      () => Deno.chmodSync(main, 0o666),
      () => Deno.removeSync(join(unpacked, "lib"), { recursive: true }),
    ];
    for (const damage of damages) {
      damage();
      await versionOf(file, cache);
      assert.equal(Deno.readTextFileSync(main), whole);
      assert.equal(Deno.statSync(main).mode! & 0o022, 0);
      assert.ok(existsSync(join(unpacked, "lib", "VERSION")));
    }
    const { ino } = Deno.statSync(main);
    await versionOf(file, cache);
    assert.equal(Deno.statSync(main).ino, ino, "what is right stays");
  },
});

Deno.test({
  name: "the single file refuses to run when it is cut short or damaged",
  ignore: !HAS_TOOLS,
  fn: async () => {
    using folder = new TemporaryFolder();
    const original = Deno.readFileSync(await executable());
    const file = join(folder.path, "llamacpp-server");
    const cache = join(folder.path, "cache");
    const damaged = original.slice();
    damaged[original.length >> 1]! ^= 1;
    const indexDamaged = original.slice();
    indexDamaged[original.length - 300]! ^= 1;
    const cases: [Uint8Array, RegExp][] = [
      [
        original.subarray(0, original.length - 1),
        /is not complete, it ends after \d+ bytes: copy it again/,
      ],
      [original.subarray(0, original.length >> 1), /is not complete/],
      [damaged, /is damaged, \S+ in it is not what was written: copy it again/],
      [indexDamaged, /is damaged, its index/],
    ];
    for (const [bytes, message] of cases) {
      Deno.writeFileSync(file, bytes, { mode: 0o755 });
      const { code, stderr } = await run(file, cache, ["version"]);
      assert.equal(code, 1);
      assert.match(stderr, message);
    }
    assert.ok(
      [...Deno.readDirSync(cache)].every(({ name }) => name === ".lock"),
      "nothing half stays",
    );
  },
});

Deno.test({
  name: "the single file names the places it cannot unpack to",
  ignore: !HAS_TOOLS,
  fn: async () => {
    using folder = new TemporaryFolder();
    const open = join(folder.path, "open");
    Deno.mkdirSync(open);
    Deno.chmodSync(open, 0o777);
    const blocked = join(folder.path, "file");
    Deno.writeTextFileSync(blocked, "");
    for (
      const [place, reason] of [[open, "other users can write there"], [
        blocked,
        "Not a directory",
      ]] as const
    ) {
      const { code, stderr } = await run(await executable(), place, [
        "version",
      ]);
      assert.equal(code, 1);
      assert.ok(stderr.includes(`\n  ${place}: ${reason}\n`), stderr);
      assert.match(stderr, /LLAMACPP_SERVER_CACHE_DIR names another folder/);
    }
  },
});

Deno.test({
  name: "serve of the single file writes the log file that the operator names",
  ignore: !HAS_TOOLS,
  fn: async () => {
    using folder = new TemporaryFolder();
    const log = join(folder.path, "log");
    const args = [
      "serve",
      "--port",
      "0",
      `--log-file=${log}`,
      "--model",
      join(folder.path, "missing.gguf"),
    ];
    const { code } = await run(
      await executable(),
      join(folder.path, "cache"),
      args,
    );
    assert.equal(code, 1);
    assert.match(Deno.readTextFileSync(log), /missing\.gguf/);
  },
});

Deno.test({
  name: "make compile links an executable that holds every file, with Deno itself in denort's place",
  ignore: !HAS_TOOLS,
  fn: async () => {
    using folder = new TemporaryFolder();
    const output = join(folder.path, "compiled");
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "lib/launcher/compile.ts", PLATFORM, output],
      cwd: ROOT,
      env: { DENORT_BIN: Deno.execPath() },
      stdout: "null",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    // Searching in Deno's own part would take long.
    const compiled = Buffer.from(Deno.readFileSync(output)).subarray(
      Deno.statSync(Deno.execPath()).size - 4096,
    );
    const stage = join(ROOT, ".tools", "stage", PLATFORM);
    const index = Deno.readTextFileSync(join(stage, "lib", "index")).trim()
      .split("\n");
    const carried = index.map((line) => line.split(" ").slice(3).join(" "));
    assert.ok(carried.includes("lib/demo/demo.gguf"));
    assert.ok(carried.includes(`lib/${PLATFORM}/libllama.so`));
    for (const path of [...carried, "lib/index", "src/cli/main.js"]) {
      assert.ok(
        compiled.includes(Buffer.from(Deno.readFileSync(join(stage, path)))),
        `${path} is missing`,
      );
    }
  },
});
