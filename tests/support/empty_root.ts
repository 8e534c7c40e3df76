/**
 * A root that holds libc, the executable and nothing else: no shell, no tools, no compiler libraries. Programs in it run
 * in namespaces of their own, in which there is no network but loopback. Needs Linux, root and util-linux.
 *
 *   deno run -A tests/support/empty_root.ts FOLDER SCENARIO     what `runInEmptyRoot()` starts inside the namespaces
 */

import { execFileSync } from "node:child_process";
import { setPriority } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** What a scenario found out. */
export interface StartReport {
  /** Milliseconds from the start of the process to a whole answer, for each server. */
  answeredMs: number[];
  /** The texts of the answers. */
  texts: string[];
  /** Folders below the place that the servers unpacked to. */
  unpacked: string[];
}

/** What to do in the empty root: start one server, two at the same time, or one whose cache folder is read-only. */
export type Scenario = "one" | "two" | "read-only cache";

const CACHE = "home/.cache/llamacpp-server";
const FALLBACK = "tmp/llamacpp-server-0";
const PORT = 18_090;

/** Why such a root cannot be had here; undefined: it can. */
export function emptyRootObstacle(): string | undefined {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root";
  try {
    execFileSync("unshare", ["--net", "--mount", "--pid", "--fork", "chroot", "/", "ip", "link"], {
      stdio: "ignore",
    });
    return undefined;
  } catch {
    return "needs unshare, chroot and ip, and the right to make namespaces";
  }
}

/** Puts libc and the executable into an empty folder. */
export function fillEmptyRoot(folder: string, executable: string): void {
  const needed = execFileSync("ldd", [Deno.execPath()], { encoding: "utf8" });
  for (
    const [, library] of needed.matchAll(/(\/\S*\/(?:ld-linux[\w-]*|lib(?:c|m|dl|pthread|rt))\.so\.\d+)/g)
  ) {
    Deno.mkdirSync(join(folder, dirname(library!)), { recursive: true });
    Deno.copyFileSync(library!, join(folder, library!));
  }
  for (const empty of ["proc", "tmp", "home"]) Deno.mkdirSync(join(folder, empty));
  Deno.copyFileSync(executable, join(folder, "llamacpp-server"));
}

/** Runs a scenario in new namespaces. */
export async function runInEmptyRoot(folder: string, scenario: Scenario): Promise<StartReport> {
  const { success, stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      ...["--net", "--mount", "--pid", "--fork", "--kill-child", Deno.execPath(), "run", "-A"],
      ...[fileURLToPath(import.meta.url), folder, scenario],
    ],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`The scenario "${scenario}" failed: ${decoder.decode(stderr)}`);
  return JSON.parse(decoder.decode(stdout));
}

interface Started {
  process: Deno.ChildProcess;
  url: string;
  at: number;
}

function start(folder: string, port: number): Started {
  const at = performance.now();
  const process = new Deno.Command("chroot", {
    args: [folder, "/llamacpp-server", "serve", "--port", `${port}`, "--threads", "1"],
    clearEnv: true,
    env: { HOME: "/home", PATH: Deno.env.get("PATH") ?? "" },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  return { process, url: `http://127.0.0.1:${port}`, at };
}

/** Asks until the server answers. */
async function answered({ process, url, at }: Started): Promise<{ text: string; ms: number }> {
  let ended = false;
  process.status.then(() => ended = true);
  const messages = [{ role: "user", content: "Hello!" }];
  const body = JSON.stringify({ model: "llama", max_tokens: 8, messages });
  while (!ended && performance.now() - at < 60_000) {
    try {
      const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", body });
      const answer = await response.json();
      if (response.ok) return { text: answer.choices[0].message.content, ms: performance.now() - at };
      if (response.status !== 503) throw new Error(`${response.status}: ${JSON.stringify(answer)}`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // not listening yet
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(ended ? "the server ended" : "the server did not answer within a minute");
}

function below(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter(({ name }) => !name.startsWith(".")).map(({ name }) => name);
  } catch {
    return [];
  }
}

async function play(folder: string, scenario: Scenario): Promise<StartReport> {
  setPriority(0); // times are measured, also when the tests give way to other work
  execFileSync("ip", ["link", "set", "lo", "up"]);
  execFileSync("mount", ["-t", "proc", "proc", join(folder, "proc")]);
  if (scenario === "read-only cache") {
    Deno.mkdirSync(join(folder, CACHE), { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro,mode=700", "tmpfs", join(folder, CACHE)]);
  }
  const servers = [start(folder, PORT)];
  if (scenario === "two") servers.push(start(folder, PORT + 1));
  try {
    const answers = await Promise.all(servers.map(answered));
    return {
      answeredMs: answers.map(({ ms }) => Math.round(ms)),
      texts: answers.map(({ text }) => text),
      unpacked: below(join(folder, scenario === "read-only cache" ? FALLBACK : CACHE)),
    };
  } finally {
    for (const { process } of servers) {
      try {
        process.kill("SIGTERM");
      } catch {
        // It has ended.
      }
      await process.status;
    }
  }
}

if (import.meta.main) {
  const [folder = "", scenario = ""] = Deno.args;
  console.log(JSON.stringify(await play(folder, scenario as Scenario)));
}
