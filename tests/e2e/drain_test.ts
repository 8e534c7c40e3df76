/** A stop under load: running answers end whole, new requests are refused, and what does not end gets an error. */

import assert from "node:assert/strict";
import { ServerProcess } from "../support/server_process.ts";
import { tinyModel } from "../support/tiny_models.ts";

const ignore = Deno.build.os === "windows";
const MESSAGES = [{ role: "user", content: "Tell me a story." }];

function streamOf(
  path: string,
  server: ServerProcess,
  tokens: number,
): Promise<Response> {
  const body = path === "/v1/responses"
    ? { input: MESSAGES, max_output_tokens: tokens }
    : path.startsWith("/api/")
    ? { messages: MESSAGES, prompt: "Once", options: { num_predict: tokens } }
    : {
      messages: MESSAGES,
      prompt: "Once",
      max_tokens: tokens,
      ignore_eos: true,
    };
  return server.post(path, { model: "llama", stream: true, ...body });
}

Deno.test({
  name: "SIGTERM under load cuts no stream within the drain time and refuses new requests with 503",
  ignore,
  async fn() {
    await using server = await ServerProcess.start({
      args: ["--drain-timeout", "30"],
    });
    const paths = [
      "/v1/chat/completions",
      "/api/chat",
      "/v1/messages",
      "/v1/responses",
    ];
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
      /event: response\.(completed|incomplete)\n.*\n\n$/,
    ];
    for (const [i, text] of texts.entries()) {
      assert.match(text, ends[i % ends.length]!);
    }
    assert.equal((await server.status).code, 0, server.stderr);
  },
});

const SHUTTING_DOWN = "The server is shutting down";

/** The last thing that a stream of each path says when it is ended, and what it must not say. */
const ENDED: readonly [path: string, end: RegExp, whole: RegExp][] = [
  [
    "/v1/chat/completions",
    /\n\ndata: \{"error":\{"message":"(.*?)".*\}\n\n$/,
    /\[DONE\]|"finish_reason":"/,
  ],
  [
    "/v1/completions",
    /\n\ndata: \{"error":\{"message":"(.*?)".*\}\n\n$/,
    /\[DONE\]|"finish_reason":"/,
  ],
  [
    "/v1/responses",
    /\n\nevent: (?:error|response\.failed)\ndata: .*"message":"(.*?)".*\}\n\n$/,
    /event: response\.(completed|incomplete)/,
  ],
  [
    "/v1/messages",
    /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"[a-z_]+","message":"(.*?)".*\}\n\n$/,
    /message_stop/,
  ],
  ["/api/chat", /\n\{"error":"(.*?)"\}\n$/, /"done":true/],
  ["/api/generate", /\n\{"error":"(.*?)"\}\n$/, /"done":true/],
  [
    "/completion",
    /\n\ndata: \{"error":\{.*"message":"(.*?)".*\}\n\n$/,
    /"stop":true/,
  ],
];

Deno.test({
  name: "what does not end within the drain time ends with an error event in its dialect",
  ignore,
  async fn(t) {
    await using server = await ServerProcess.start({
      // Its answers do not end by themselves.
      model: tinyModel("llama"),
      args: ["--drain-timeout", "1", "--parallel", String(ENDED.length)],
    });
    const running = await Promise.all(
      ENDED.map(([path]) => streamOf(path, server, 1_000_000)),
    );
    for (const response of running) {
      assert.equal(response.status, 200, response.url);
    }
    const reading = running.map((response) => response.text());
    server.signal("SIGTERM");
    const texts = await Promise.all(reading);
    for (const [i, [path, end, whole]] of ENDED.entries()) {
      await t.step(path, () => {
        const text = texts[i]!;
        assert.equal(end.exec(text)?.[1], SHUTTING_DOWN, text.slice(-400));
        assert.doesNotMatch(text, whole);
      });
    }
    assert.equal((await server.status).code, 0, server.stderr);
  },
});
