/** A stop under load: running answers end whole, new requests are refused, and what does not end gets an error. */

import assert from "node:assert/strict";
import { ServerProcess } from "../support/server_process.ts";

const ignore = Deno.build.os === "windows";
const MESSAGES = [{ role: "user", content: "Tell me a story." }];

function streamOf(
  path: string,
  server: ServerProcess,
  tokens: number,
): Promise<Response> {
  const options = path === "/api/chat" ? { options: { num_predict: tokens } } : { max_tokens: tokens };
  return server.post(path, {
    model: "llama",
    messages: MESSAGES,
    prompt: "Once",
    stream: true,
    ignore_eos: true,
    ...options,
  });
}

Deno.test({
  name: "SIGTERM under load cuts no stream within the drain time and refuses new requests with 503",
  ignore,
  async fn() {
    await using server = await ServerProcess.start({
      args: ["--drain-timeout", "30"],
    });
    const paths = ["/v1/chat/completions", "/api/chat", "/v1/messages"];
    const running = await Promise.all(
      [...paths, ...paths, ...paths].map((path) => streamOf(path, server, 150)),
    );
    server.signal("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const refused = await streamOf("/v1/chat/completions", server, 5);
    assert.deepEqual([refused.status, refused.headers.get("retry-after")], [
      503,
      "5",
    ]);
    await refused.body?.cancel();
    assert.equal(
      (await (await fetch(`${server.url}/health`)).json()).status,
      "draining",
    );
    const texts = await Promise.all(running.map((response) => response.text()));
    const ends = [
      /data: \[DONE\]\n\n$/,
      /"done":true.*\n$/,
      /event: message_stop\n.*\n\n$/,
    ];
    for (const [i, text] of texts.entries()) assert.match(text, ends[i % 3]!);
    assert.equal((await server.status).code, 0, server.stderr);
  },
});

Deno.test({
  name: "what does not end within the drain time ends with an error event in its dialect",
  ignore,
  async fn() {
    await using server = await ServerProcess.start({
      args: ["--drain-timeout", "1"],
    });
    // Dialects in which an answer can be told not to end by itself.
    const paths = ["/v1/chat/completions", "/v1/completions", "/completion"];
    const running = await Promise.all(
      paths.map((path) => streamOf(path, server, 1_000_000)),
    );
    server.signal("SIGTERM");
    for (
      const text of await Promise.all(
        running.map((response) => response.text()),
      )
    ) {
      assert.match(
        text,
        /data: \{"error":\{.*"The server is shutting down".*\}\n\n$/,
      );
      assert.doesNotMatch(text, /\[DONE\]|"stop":true/);
    }
    assert.equal((await server.status).code, 0, server.stderr);
  },
});
