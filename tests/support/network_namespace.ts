/**
 * Other machines in one: Linux network namespaces, each with a cable (a veth pair) to this one. Always holds: whatever a
 * namespace was made of is gone when it is disposed of, with the processes in it; what a killed run left behind goes when
 * the next one begins. Needs root.
 */

import { existsSync } from "node:fs";

const NAME = /^lcs(\d+)n\d+$/;

/** Why there can be no namespaces here; undefined when there can. */
export function namespacesMissing(): string | undefined {
  if (Deno.build.os !== "linux") return "no Linux";
  if (Deno.uid() !== 0) return "not root";
  const name = `lcs${Deno.pid}n9`;
  try {
    return ip("netns", "add", name) ?? ip("netns", "del", name);
  } catch {
    return "no ip command";
  }
}

/** A namespace in which programs run as on a machine of their own. */
export class NetworkNamespace implements AsyncDisposable {
  readonly name: string;
  /** Its address, seen from here. */
  readonly address: string;
  readonly #cable: string;
  readonly #children: Deno.ChildProcess[] = [];

  private constructor(index: number) {
    this.name = `lcs${Deno.pid}n${index}`;
    this.#cable = this.name;
    // 198.18.0.0/15 is reserved for tests of networks.
    this.address = `198.18.${Deno.pid % 250}.${4 * index + 2}`;
  }

  /** @param index 0 to 8, one for each namespace of this process */
  static create(index: number): NetworkNamespace {
    sweep();
    const namespace = new NetworkNamespace(index);
    const { name, address } = namespace;
    const here = address.replace(/\d+$/, String(4 * index + 1));
    try {
      must("netns", "add", name);
      must(
        "link",
        "add",
        namespace.#cable,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        name,
      );
      must("address", "add", `${here}/30`, "dev", namespace.#cable);
      must("link", "set", namespace.#cable, "up");
      must("-n", name, "address", "add", `${address}/30`, "dev", "eth0");
      must("-n", name, "link", "set", "eth0", "up");
      return namespace;
    } catch (error) {
      remove(name);
      throw error;
    }
  }

  /** Starts a program in the namespace. Its output is dropped. */
  spawn(program: string, args: readonly string[]): Deno.ChildProcess {
    const child = new Deno.Command("ip", {
      args: ["netns", "exec", this.name, program, ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#children.push(child);
    return child;
  }

  /** Bytes that have gone over the cable: to the namespace, and from it. */
  traffic(): { to: number; from: number } {
    const count = (what: string) =>
      Number(Deno.readTextFileSync(`/sys/class/net/${this.#cable}/statistics/${what}`));
    return { to: count("tx_bytes"), from: count("rx_bytes") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await child.status;
    }
    remove(this.name);
  }
}

/** Removes namespaces of test processes that are no more. */
function sweep(): void {
  for (const line of new TextDecoder().decode(run(["netns", "list"]).stdout).split("\n")) {
    const [name = ""] = line.split(" ");
    const [, pid] = NAME.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) remove(name);
  }
}

/** The cable goes with either of its ends. */
function remove(name: string): void {
  ip("link", "del", name);
  ip("netns", "del", name);
}

/** @returns what went wrong */
function ip(...args: string[]): string | undefined {
  const { success, stderr } = run(args);
  return success ? undefined : new TextDecoder().decode(stderr).trim() || "ip failed";
}

function must(...args: string[]): void {
  const wrong = ip(...args);
  if (wrong !== undefined) throw new Error(`ip ${args.join(" ")}: ${wrong}`);
}

function run(args: string[]): Deno.CommandOutput {
  return new Deno.Command("ip", { args, stdin: "null" }).outputSync();
}
