/** Clients that hold the server up: heads that never end, and answers that nobody reads. Others keep their speed. */

import assert from "node:assert/strict";
import { ServerProcess } from "../support/server_process.ts";

const ATTACKERS = 1000;
const HEADER_TIMEOUT_S = 12;

/** The least share of its speed that a client keeps; machines are busy, so this is far below what is measured. */
const LEAST_SHARE = 0.5;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const encoder = new TextEncoder();

/** Tokens a second of one streamed answer, as its client sees them. */
async function speed(server: ServerProcess): Promise<number> {
  const tokens = 200;
  const started = performance.now();
  const response = await server.post("/completion", {
    prompt: "Once upon a time",
    n_predict: tokens,
    ignore_eos: true,
    temperature: 0,
    stream: true,
  });
  const text = await response.text();
  assert.match(text, /"stop":true/);
  return tokens / (performance.now() - started) * 1000;
}

async function best(server: ServerProcess, tries: number): Promise<number> {
  const speeds: number[] = [];
  for (let i = 0; i < tries; i++) speeds.push(await speed(server));
  return Math.max(...speeds);
}

async function closed(server: ServerProcess, reason: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(
    new RegExp(`closed_total\\{reason="${reason}"\\} (\\d+)`).exec(text)?.[1] ??
      0,
  );
}

Deno.test("1000 connections whose heads never end cost a client little of its speed, and are closed in time", async () => {
  await using server = await ServerProcess.start({
    args: ["--header-timeout", String(HEADER_TIMEOUT_S)],
  });
  await speed(server);
  const alone = await best(server, 3);
  const handles = server.openFiles();
  const began = performance.now();
  const attackers = await Promise.all(
    Array.from(
      { length: ATTACKERS },
      () => Deno.connect({ hostname: "127.0.0.1", port: server.port }),
    ),
  );
  let attacking = true;
  const trickle = (async () => {
    for (
      const head = encoder.encode("GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ");
      attacking;
      await sleep(500)
    ) {
      // A reset is what they are after; nobody minds.
      await Promise.all(
        attackers.map((connection) => connection.write(head.subarray(0, 1)).catch(() => {})),
      );
    }
  })();
  try {
    await sleep(200);
    assert.ok(
      server.openFiles() > handles + ATTACKERS * 0.9,
      "they are all connected",
    );
    const beside = await best(server, 3);
    const share = beside / alone;
    console.log(
      `beside ${ATTACKERS}: ${beside.toFixed(0)} of ${alone.toFixed(0)} tok/s, ${(share * 100).toFixed(0)} %`,
    );
    assert.ok(
      share >= LEAST_SHARE,
      `${beside.toFixed(0)} instead of ${alone.toFixed(0)} tok/s`,
    );
    while (
      server.openFiles() > handles + 50 &&
      performance.now() - began < (HEADER_TIMEOUT_S + 20) * 1000
    ) await sleep(250);
    assert.ok(
      server.openFiles() <= handles + 50,
      `${server.openFiles()} open handles, ${handles} before`,
    );
    assert.ok(await closed(server, "header_timeout") >= ATTACKERS * 0.9);
  } finally {
    attacking = false;
    await trickle;
    for (const connection of attackers) {
      try {
        connection.close();
      } catch {
        // The server was first.
      }
    }
  }
  assert.ok(await speed(server) > 0);
});

Deno.test("a client that does not read is dropped when its buffer is full, and others go on meanwhile", async () => {
  await using server = await ServerProcess.start({
    args: ["--stream-buffer", "65536"],
  });
  const body = JSON.stringify({
    messages: [{ role: "user", content: "x" }],
    max_tokens: 20_000,
    ignore_eos: true,
    logprobs: true,
    top_logprobs: 20,
    stream: true,
  });
  const head =
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
  const lazy = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await lazy.write(encoder.encode(head + body));
  const waits: number[] = [];
  const began = performance.now();
  while (await closed(server, "slow_reader") === 0) {
    assert.ok(performance.now() - began < 90_000, "it has not been dropped");
    const started = performance.now();
    const { content } = await server.ask<{ content: string }>("/completion", {
      prompt: "Hello",
      n_predict: 4,
    });
    assert.equal(typeof content, "string");
    waits.push(performance.now() - started);
    await sleep(200);
  }
  waits.sort((a, b) => a - b);
  const usual = waits[waits.length >> 1] ?? Infinity;
  console.log(
    `dropped after ${Math.round(performance.now() - began)} ms; others waited ${Math.round(usual)} ms`,
  );
  assert.ok(
    usual < 2500,
    `an answer of 4 tokens took ${Math.round(usual)} ms`,
  );
  const status = await (await fetch(`${server.url}/slots`)).json() as {
    is_processing: boolean;
  }[];
  assert.ok(
    status.every(({ is_processing }) => !is_processing),
    "its generation has ended",
  );
  lazy.close();
});
