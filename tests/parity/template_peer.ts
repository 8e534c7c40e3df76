/** llama-server with one chat template, to ask what it makes of a conversation. */

import { generativeModel } from "../support/paths.ts";
import { peerEnvironment, peerProgram } from "../bench/peer.ts";
import type { Conversation } from "./template_conversations.ts";
import type { Outcome } from "./template_cases.ts";

/** Milliseconds in which it must be ready. */
const START_MS = 60_000;

/** A running llama-server; ends when disposed of. */
export class TemplatePeer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #url: string;

  private constructor(child: Deno.ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /** Starts one on a free port. @param templateFile path of a Jinja file */
  static async start(templateFile: string): Promise<TemplatePeer> {
    const port = freePort();
    const child = new Deno.Command(peerProgram("llama-server"), {
      args: [
        "--model",
        generativeModel(),
        "--jinja",
        "--chat-template-file",
        templateFile,
        "--port",
        String(port),
      ]
        .concat(
          "--host",
          "127.0.0.1",
          "--ctx-size",
          "256",
          "--parallel",
          "1",
          "--threads",
          "1",
          "--no-warmup",
        ),
      env: peerEnvironment(),
      stdout: "null",
      stderr: "null",
    }).spawn();
    const peer = new TemplatePeer(child, `http://127.0.0.1:${port}`);
    let ended = false;
    child.status.then(() => ended = true);
    for (const end = Date.now() + START_MS; !ended && Date.now() < end;) {
      if (await peer.#ready()) return peer;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await peer[Symbol.asyncDispose]();
    throw new Error(
      `Cannot start llama-server with "${templateFile}": ${
        ended ? "it ended" : `not ready after ${START_MS} ms`
      }`,
    );
  }

  async #ready(): Promise<boolean> {
    try {
      const reply = await fetch(`${this.#url}/health`);
      await reply.body?.cancel();
      return reply.ok;
    } catch {
      return false; // not listening yet
    }
  }

  /** What the peer's model has for BOS and EOS. */
  async specials(): Promise<{ bosToken: string; eosToken: string }> {
    const props = await (await fetch(`${this.#url}/props`)).json();
    return { bosToken: props.bos_token ?? "", eosToken: props.eos_token ?? "" };
  }

  async render({ messages, tools, kwargs, addGenerationPrompt }: Conversation): Promise<Outcome> {
    const reply = await fetch(`${this.#url}/apply-template`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        messages,
        tools,
        chat_template_kwargs: { enable_thinking: true, ...kwargs },
        add_generation_prompt: addGenerationPrompt,
      }),
    });
    const body = await reply.json();
    return reply.ok ? { text: body.prompt } : { refusal: body.error?.message ?? JSON.stringify(body) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
