/** Two servers behind HAProxy with `deploy/haproxy.cfg`: conversations stay where they are cached, a dead server is left out. */

import assert from "node:assert/strict";
import { findDebianProgram } from "../support/debian_program.ts";
import { repositoryRoot } from "../support/paths.ts";
import { ServerProcess } from "../support/server_process.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const HAPROXY = findDebianProgram({
  name: "haproxy",
  probe: "-v",
  packages: ["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"],
  file: "usr/sbin/haproxy",
});
const CONVERSATIONS = 8;

/** HAProxy in front of these servers. */
class Balancer implements AsyncDisposable {
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #folder: TemporaryFolder;

  private constructor(child: Deno.ChildProcess, folder: TemporaryFolder, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(servers: readonly ServerProcess[]): Promise<Balancer> {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    let config = Deno.readTextFileSync(`${repositoryRoot()}/deploy/haproxy.cfg`);
    config = config.replace("bind :8090", `bind 127.0.0.1:${port}`);
    for (const [i, server] of servers.entries()) {
      config = config.replace(`10.0.0.1${i + 1}:8090`, `127.0.0.1:${server.port}`);
    }
    const folder = new TemporaryFolder();
    const file = `${folder.path}/haproxy.cfg`;
    Deno.writeTextFileSync(file, config);
    const child = new Deno.Command(HAPROXY!.path, {
      args: ["-db", "-f", file],
      env: HAPROXY!.env,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const balancer = new Balancer(child, folder, port);
    await balancer.#ready();
    return balancer;
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (Date.now() < deadline) {
      const status = await fetch(`${this.url}/health`).then(
        async (response) => {
          await response.body?.cancel();
          return response.status;
        },
        () => 0,
      );
      if (status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await this[Symbol.asyncDispose]();
    throw new Error("HAProxy was not ready in time");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    this.#folder[Symbol.dispose]();
  }
}

interface Chat {
  choices: { message: { role: string; content: string } }[];
  usage: {
    prompt_tokens: number;
    prompt_tokens_details: { cached_tokens: number };
  };
}

/** What keeps a conversation on one server. */
const KEYS = {
  "x-session-id": (id: string) => ({
    headers: { "x-session-id": id },
    fields: {},
  }),
  prompt_cache_key: (id: string) => ({
    headers: {},
    fields: { prompt_cache_key: id },
  }),
  "its beginning": () => ({ headers: {}, fields: {} }),
} as const;

/** Three turns. @returns share of the last prompt that was cached */
async function converse(balancer: Balancer, by: keyof typeof KEYS, id: string): Promise<number> {
  const { headers, fields } = KEYS[by](id);
  const messages = [
    {
      role: "system",
      content: "You tell short stories about animals that live by the sea.",
    },
    { role: "user", content: `I am ${id} and I like foxes.` },
  ];
  let cached = 0;
  for (let turn = 0; turn < 3; turn++) {
    const response = await fetch(`${balancer.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({
        messages,
        max_tokens: 12,
        temperature: 0,
        ...fields,
      }),
    });
    assert.equal(response.status, 200);
    const { choices, usage } = await response.json() as Chat;
    cached = usage.prompt_tokens_details.cached_tokens / usage.prompt_tokens;
    messages.push(choices[0]!.message, { role: "user", content: "Go on." });
  }
  return cached;
}

async function promptTokens({ url }: ServerProcess): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^llamacpp:prompt_tokens_total (\d+)/m.exec(text)?.[1]);
}

Deno.test({
  name: `deploy/haproxy.cfg keeps conversations on their server and leaves out a dead one${
    HAPROXY ? "" : " (skipped: no haproxy)"
  }`,
  ignore: HAPROXY === undefined,
  async fn() {
    await using first = await ServerProcess.start();
    await using second = await ServerProcess.start();
    await using balancer = await Balancer.start([first, second]);
    // Both are taken into service within a second.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    for (const by of Object.keys(KEYS) as (keyof typeof KEYS)[]) {
      for (let i = 0; i < CONVERSATIONS; i++) {
        const cached = await converse(balancer, by, `visitor ${by} ${i}`);
        assert.ok(cached > 0.5, `${by}, conversation ${i}: ${cached} of the prompt was cached`);
      }
    }
    assert.ok(await promptTokens(first) > 0 && await promptTokens(second) > 0, "both servers had work");

    first.signal("SIGKILL");
    await first.status;
    for (let i = 0; i < CONVERSATIONS; i++) {
      assert.ok(await converse(balancer, "x-session-id", `later ${i}`) > 0.5);
    }
  },
});
