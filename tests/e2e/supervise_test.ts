/** A supervised server whose engine process is killed, stopped, or hangs: who calls gets an answer or an error, soon. */

import assert from "node:assert/strict";
import { CLIENTS, NODE } from "../support/client_tools.ts";
import { runToEnd, ServerProcess } from "../support/server_process.ts";
import { mayStopThreads, StoppedThread } from "../support/stopped_thread.ts";
import { tinyModel } from "../support/tiny_models.ts";

const ignore = Deno.build.os !== "linux";
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Milliseconds within which somebody who calls must know how it is, engine or not. */
const SILENCE_MS = 1000;

/** Milliseconds from a crash until the server answers again, besides loading the model. */
const RESTART_MS = 2000;

const STREAMS: readonly [path: string, body: object, end: RegExp][] = [
  [
    "/v1/chat/completions",
    { max_tokens: 100_000, ignore_eos: true },
    /data: \[DONE\]\n\n$/,
  ],
  [
    "/completion",
    { prompt: "Once", n_predict: 100_000, ignore_eos: true },
    /"stop":true[^\n]*\n\n$/,
  ],
  ["/api/chat", { options: { num_predict: 200 } }, /"done":true[^\n]*\n$/],
  ["/v1/messages", { max_tokens: 200 }, /event: message_stop\n[^\n]*\n\n$/],
];

function start(...args: string[]): Promise<ServerProcess> {
  return ServerProcess.start({ supervised: true, args });
}

function stream(
  server: ServerProcess,
  path: string,
  body: object,
): Promise<Response> {
  const messages = [{ role: "user", content: "Tell me a long story." }];
  return server.post(path, { model: "llama", messages, stream: true, ...body });
}

/** The engine process, once there is one other than `not`. */
async function engineOf(server: ServerProcess, not?: number): Promise<number> {
  for (;;) {
    const pid = server.enginePid;
    if (pid !== undefined && pid !== not) return pid;
    await sleep(5);
  }
}

/** What a stream ended with: its text, and whether the connection was cut. */
async function readAll(
  response: Response,
): Promise<{ text: string; cut: boolean }> {
  let text = "";
  try {
    for await (
      const piece of response.body!.pipeThrough(new TextDecoderStream())
    ) text += piece;
    return { text, cut: false };
  } catch {
    return { text, cut: true };
  }
}

/** Asks again and again on new connections until the server is healthy. */
async function untilHealthy(server: ServerProcess) {
  const started = performance.now();
  const seen = new Map<string, number>();
  let longestMs = 0;
  for (;;) {
    const asked = performance.now();
    let answer: string;
    try {
      // Deno's fetch would take a connection that it has already.
      const response = await askOnce(server.port);
      answer = /^HTTP\/1.1 (\d+)/.exec(response)?.[1] ?? "closed";
    } catch {
      answer = "refused or reset";
    }
    longestMs = Math.max(longestMs, performance.now() - asked);
    seen.set(answer, (seen.get(answer) ?? 0) + 1);
    const ms = performance.now() - started;
    if (answer === "200") return { ms, longestMs, seen };
    assert.ok(
      ms < 60_000,
      `not healthy after ${ms} ms: ${JSON.stringify([...seen])}`,
    );
    await sleep(2);
  }
}

async function askOnce(port: number): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(
    new TextEncoder().encode("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  );
  const buffer = new Uint8Array(4096);
  return new TextDecoder().decode(
    buffer.subarray(0, await connection.read(buffer) ?? 0),
  );
}

Deno.test({
  name:
    "kill -9 of the engine under load: streams break off, everybody gets an answer, the port answers again",
  ignore,
  async fn() {
    await using server = await start();
    const running = await Promise.all(
      STREAMS.slice(0, 2).map(([path, body]) => stream(server, path, body)),
    );
    const readers = running.map(readAll);
    await sleep(200);
    const pid = await engineOf(server);
    const killed = performance.now();
    Deno.kill(pid, "SIGKILL");
    const ends = await Promise.all(readers);
    const brokenMs = performance.now() - killed;
    for (const [i, { text, cut }] of ends.entries()) {
      assert.ok(
        text.length > 0 && cut,
        "a stream that broke off is an error, not an end",
      );
      assert.doesNotMatch(text, STREAMS[i]![2]);
    }
    assert.ok(
      brokenMs < SILENCE_MS,
      `the clients of ${ends.length} streams knew after ${brokenMs} ms`,
    );
    const { ms, longestMs, seen } = await untilHealthy(server);
    console.log(
      `    streams broke off after ${Math.round(brokenMs)} ms, healthy after ${
        Math.round(brokenMs + ms)
      } ms, ` +
        `meanwhile ${JSON.stringify(Object.fromEntries(seen))}, longest wait ${Math.round(longestMs)} ms`,
    );
    assert.ok(ms < RESTART_MS, `healthy again after ${ms} ms`);
    assert.ok(longestMs < SILENCE_MS, `an answer took ${longestMs} ms`);
    assert.ok(seen.has("503"), "requests in between are answered");
    assert.notEqual(await engineOf(server), pid);
    assert.match(
      server.stderr,
      /error The engine process ended by signal SIGKILL and is being restarted/,
    );
    const { choices } = await server.ask<{ choices: unknown[] }>(
      "/v1/chat/completions",
      {
        messages: [{ role: "user", content: "Hello" }],
        max_tokens: 4,
      },
    );
    assert.equal(choices.length, 1);
  },
});

Deno.test({
  name: "between two engines every path answers 503 with Retry-After in its dialect",
  ignore,
  async fn() {
    await using server = await start();
    // The second and the third crash in a row are followed by a pause.
    let pid = await engineOf(server);
    for (const last of [false, true]) {
      Deno.kill(pid, "SIGKILL");
      if (last) break;
      pid = await engineOf(server, pid);
      await untilHealthy(server);
    }
    const message = /The engine process ended by signal SIGKILL and is being restarted/;
    const bodies: [string, RegExp][] = [
      ["/v1/chat/completions", /^\{"error":\{"message":"The engine/],
      ["/api/chat", /^\{"error":"The engine/],
      [
        "/v1/messages",
        /^\{"type":"error","error":\{"type":"[a-z_]+","message":"The engine/,
      ],
      ["/completion", /^\{"error":\{"code":503,"message":"The engine/],
    ];
    await sleep(60);
    const big = "x".repeat(2_000_000);
    const answers = await Promise.all([
      ...bodies.map(async ([path]) => await server.post(path, { prompt: big })),
      ...["/health", "/health/live", "/metrics", "/"].map((path) => fetch(server.url + path)),
    ]);
    for (const [i, answer] of answers.entries()) {
      const text = await answer.text();
      assert.ok(
        [503, 529].includes(answer.status),
        `${answer.url}: ${answer.status} ${text}`,
      );
      assert.match(text, bodies[i]?.[1] ?? message);
      assert.match(text, message);
      assert.ok(Number(answer.headers.get("retry-after")) >= 1);
    }
    await untilHealthy(server);
  },
});

Deno.test({
  name:
    `npm openai and ollama: a stream whose engine is killed is an error, and the next request works${NODE.note}`,
  ignore: ignore || !NODE.found,
  async fn() {
    await using server = await start();
    const client = new Deno.Command(NODE.path, {
      args: [`${CLIENTS}engine_killed.mjs`, server.url],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let said = "";
    for await (
      const text of client.stdout.pipeThrough(new TextDecoderStream())
    ) {
      said += text;
      if (text.includes("streaming")) {
        Deno.kill(await engineOf(server), "SIGKILL");
      }
    }
    assert.equal((await client.status).code, 0, said);
    assert.match(
      said,
      /openai: error .*\n.*openai: answered\n.*streaming ollama\nollama: error .*\nollama: answered/s,
    );
  },
});

Deno.test({
  name: "an engine process that is silent for --watchdog seconds is killed and replaced",
  ignore,
  async fn() {
    await using server = await start("--watchdog", "3");
    const pid = await engineOf(server);
    Deno.kill(pid, "SIGSTOP");
    const stopped = performance.now();
    const next = await engineOf(server, pid);
    const seconds = (performance.now() - stopped) / 1000;
    assert.ok(seconds > 4 && seconds < 15, `replaced after ${seconds} s`);
    assert.notEqual(next, pid);
    await untilHealthy(server);
    assert.match(
      server.stderr,
      /was silent for [5-7] s \(--watchdog\) and was killed and is being restarted/,
    );
  },
});

/** Runs a test with a server of two compute threads, one of which is stopped while `ask` waits for its answer. */
function testHang(
  name: string,
  model: () => string | undefined,
  ask: (server: ServerProcess) => Promise<string>,
  expected: RegExp,
  reason: RegExp,
): void {
  Deno.test({
    name: name +
      (mayStopThreads() ? "" : " (skipped: only root may stop a thread)"),
    ignore: ignore || !mayStopThreads(),
    async fn() {
      const file = model();
      await using server = await ServerProcess.start({
        supervised: true,
        threads: 2,
        args: ["--watchdog", "2"],
        ...(file === undefined ? {} : { model: file }),
      });
      const pid = await engineOf(server);
      const answer = ask(server);
      {
        using _thread = await StoppedThread.computing(pid);
        assert.match((await answer).slice(-300), expected, server.stderr);
        await engineOf(server, pid);
      }
      await untilHealthy(server);
      assert.match(server.stderr, reason);
    },
  });
}

testHang(
  "a decode that hangs: its client gets an error, then the engine process ends and is replaced",
  // Reading the prompt takes it some seconds.
  () => tinyModel("llama", { nEmbd: 512, nLayer: 24 }),
  async (server) =>
    await (await server.post("/v1/completions", {
      prompt: "x y z ".repeat(600),
      stream: true,
    })).text(),
  /\{"error":\{"message":"The engine hangs: no step for \d+ s \(--watchdog\)"/,
  /was ended with code 75: The engine hangs: no step for \d+ s .* is being restarted/,
);

testHang(
  "a decode that hangs and blocks the event loop: its client's stream breaks off, the engine process is replaced",
  // Steps as short as those of the embedded model are computed on the event loop.
  () => undefined,
  async (server) =>
    (await readAll(await stream(server, STREAMS[0]![0], STREAMS[0]![1]))).cut ? "cut" : "ended",
  /^cut$/,
  /was silent for \d+ s \(--watchdog\) and was killed and is being restarted/,
);

Deno.test({
  name: "a server that cannot start is not started again: its exit code and its message stay",
  ignore,
  async fn() {
    const args = ["--port", "0", "--no-model-discovery"];
    const broken = await runToEnd(
      [...args, "--model", "/nowhere/model.gguf"],
      "supervise",
    );
    assert.equal(broken.code, 1);
    assert.match(
      broken.stderr,
      /Cannot load model "\/nowhere\/model.gguf": no such file/,
    );
    assert.match(
      broken.stderr,
      /ended with code 1; it is not started again\n$/,
    );
    assert.equal(broken.stderr.match(/Cannot load model/g)?.length, 1);
    const misspelt = await runToEnd([...args, "--prot", "1"], "supervise");
    assert.deepEqual([misspelt.code, misspelt.stderr.includes("--port")], [
      2,
      true,
    ]);
  },
});

Deno.test({
  name: "a second supervisor on the port is refused, and the first one goes on",
  ignore,
  async fn() {
    // With this variable Deno starts programs only under conditions of its own.
    const env = { LD_LIBRARY_PATH: "/nowhere" };
    await using server = await ServerProcess.start({ supervised: true, env });
    const second = await runToEnd(["--port", String(server.port)], "supervise");
    assert.equal(second.code, 1);
    assert.match(
      second.stderr,
      /Cannot listen on 127\.0\.0\.1:\d+: another program listens there/,
    );
    assert.equal((await untilHealthy(server)).seen.size, 1);
  },
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  Deno.test({
    name: `${signal} to the supervisor cuts no stream, and no engine process stays behind`,
    ignore,
    async fn() {
      await using server = await start("--drain-timeout", "30");
      const pid = await engineOf(server);
      const streams = STREAMS.map(([path, body, end]) =>
        [
          path,
          path === "/completion" ? { ...body, n_predict: 200 } : { ...body, max_tokens: 200 },
          end,
        ] as const
      );
      const responses = await Promise.all(
        [...streams, ...streams].map(([path, body]) => stream(server, path, body)),
      );
      const running = responses.map(readAll);
      server.signal(signal);
      const { code } = await server.status;
      assert.equal(code, signal === "SIGTERM" ? 0 : 137, server.stderr);
      for (const [i, { text, cut }] of (await Promise.all(running)).entries()) {
        assert.equal(cut, false);
        assert.match(text, streams[i % streams.length]![2]);
      }
      const deadline = performance.now() + 10_000;
      while (isRunning(pid)) {
        assert.ok(performance.now() < deadline, "the engine process stays");
        await sleep(20);
      }
    },
  });
}

Deno.test({
  name: "SIGTERM between two engines ends the supervisor at once",
  ignore,
  async fn() {
    await using server = await start();
    const pid = await engineOf(server);
    Deno.kill(pid, "SIGKILL");
    const next = await engineOf(server, pid);
    Deno.kill(next, "SIGKILL");
    await sleep(100);
    server.signal("SIGTERM");
    assert.equal((await server.status).code, 0, server.stderr);
  },
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
