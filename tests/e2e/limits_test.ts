/** Every limit, set by its flag on the started server: what is beyond it is refused with an error that names the flag. */

import assert from "node:assert/strict";
import { exchange } from "../fuzz/wire.ts";
import { ServerProcess } from "../support/server_process.ts";

const CHAT = "/v1/chat/completions";
const encoder = new TextEncoder();

function chat(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    messages: [{ role: "user", content: "Count to 5" }],
    ignore_eos: true,
    ...more,
  };
}

async function refused(
  response: Response,
  status: number,
  flag: RegExp,
): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.match(
    (JSON.parse(text) as { error: { message: string } }).error.message,
    flag,
  );
}

Deno.test("--max-body-size, --max-tokens and --max-queue refuse what is beyond them, and name themselves", async (t) => {
  const args = [
    "--max-body-size",
    "2048",
    "--max-tokens",
    "3000",
    "--max-queue",
    "1",
    "--parallel",
    "1",
    "--ctx-size",
    "256",
  ];
  await using server = await ServerProcess.start({ args });

  await t.step("body size", async () => {
    await refused(
      await server.post(CHAT, chat({ x: "y".repeat(3000) })),
      413,
      /2048 bytes \(--max-body-size\)/,
    );
  });

  await t.step("tokens", async () => {
    await refused(
      await server.post(CHAT, chat({ max_tokens: 3001 })),
      422,
      /at most 3000 tokens.*--max-tokens/,
    );
  });

  await t.step("queue", async () => {
    const leave = new AbortController();
    const long = chat({ max_tokens: 3000, stream: true });
    const running = await server.post(CHAT, long, leave.signal);
    const waiting = await server.post(CHAT, long, leave.signal);
    const more = await server.post(CHAT, chat({ max_tokens: 1 }));
    assert.ok(Number(more.headers.get("retry-after")) > 0);
    await refused(more, 429, /queue is full.*--max-queue 1/);
    const many = await server.post(
      CHAT,
      chat({ max_tokens: 1, n: 12, stream: true }),
    );
    await refused(many, 429, /queue is full.*--max-queue 1/);
    leave.abort();
    await Promise.allSettled([running.text(), waiting.text()]);
  });

  await t.step(
    "more generations than places: one request, which is never refused half-way",
    async () => {
      const deadline = Date.now() + 20_000;
      const post = (body: unknown) => server.post(CHAT, body);
      let response = await post(chat({ max_tokens: 2, n: 12, stream: true }));
      while (response.status === 429 && Date.now() < deadline) {
        await response.body?.cancel();
        response = await post(chat({ max_tokens: 2, n: 12, stream: true }));
      }
      const text = await response.text();
      assert.equal(response.status, 200, text);
      assert.equal(
        [...text.matchAll(/"finish_reason":"length"/g)].length,
        12,
        text.slice(-500),
      );
      assert.match(text, /\[DONE\]\n\n$/);
      const prompt = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
      const completion = await server.post("/completion", {
        prompt,
        n_predict: 2,
        ignore_eos: true,
      });
      assert.equal(
        (await completion.json() as unknown[]).length,
        prompt.length,
      );
    },
  );

  await t.step(
    "what is wrong with a late one of many shows before anything has been sent",
    async () => {
      const prompt = [
        ...Array.from({ length: 10 }, (_, i) => `${i}`),
        "many words and ".repeat(100),
      ];
      for (
        const [path, body] of [["/v1/completions", { max_tokens: 1 }], [
          "/completion",
          { n_predict: 1 },
        ]] as const
      ) {
        const response = await server.post(path, {
          prompt,
          ...body,
          overflow: "error",
          stream: true,
        });
        await refused(response, 400, /context of 256 tokens/);
      }
    },
  );
});

Deno.test("--max-connections, --header-timeout and --idle-timeout end what is beyond them", async (t) => {
  const args = [
    "--max-connections",
    "2",
    "--header-timeout",
    "1",
    "--idle-timeout",
    "2",
    "--verbose",
  ];
  await using server = await ServerProcess.start({ args });

  await t.step("connections", async () => {
    const leave = new AbortController();
    const long = chat({ max_tokens: 3000, stream: true });
    const running = [
      await server.post(CHAT, long, leave.signal),
      await server.post(CHAT, long, leave.signal),
    ];
    await refused(
      await server.post(CHAT, chat({ max_tokens: 1 })),
      429,
      /limit is 2 \(--max-connections\)/,
    );
    leave.abort();
    await Promise.allSettled(running.map((response) => response.text()));
  });

  await t.step("a head that does not come", async () => {
    const started = performance.now();
    const piece = encoder.encode("GET /health HTTP/1.1\r\nHost: localhost\r\n");
    const { end, status } = await exchange(server.port, {
      pieces: [piece],
      then: "answer",
    }, 20_000);
    assert.deepEqual([end, status], ["closed", undefined]);
    assert.ok(performance.now() - started >= 900);
    assert.match(server.stderr, /Closed a connection: .*--header-timeout/);
  });

  await t.step("a body that stops", async () => {
    const head = `POST ${CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"messages":`;
    const answer = await exchange(server.port, {
      pieces: [encoder.encode(head)],
      then: "answer",
    }, 20_000);
    assert.equal(answer.status, 400);
    assert.match(
      new TextDecoder().decode(answer.body),
      /nothing came for 2 s \(--idle-timeout\)/,
    );
  });
});
