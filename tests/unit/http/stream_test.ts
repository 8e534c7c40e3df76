import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import {
  STREAM_TIMES,
  type StreamOptions,
  streamResponse,
  type StreamTimes,
} from "../../../src/http/stream.ts";
import type { StreamFormat } from "../../../src/protocols/endpoint.ts";

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Makes a response of chunks and records what happens. */
async function open(
  chunks: AsyncIterable<string>,
  format: StreamFormat = "sse",
  times: StreamTimes = STREAM_TIMES,
  more: Pick<StreamOptions, "bufferLimit" | "dropConnection" | "onEnd"> = {},
): Promise<{ response: Response; abort: AbortController; faults: string[] }> {
  const abort = new AbortController();
  const faults: string[] = [];
  const response = await streamResponse({
    kind: "stream",
    format,
    chunks,
    headers: () => ({ "x-extra": "1" }),
  }, {
    abort,
    encodeStreamError: (error) => `!${error.message}!`,
    onError: (error) => faults.push(error.message),
    times,
    ...more,
  });
  return { response, abort, faults };
}

async function* produce(...items: (string | Error | number)[]): AsyncGenerator<string> {
  for (const item of items) {
    if (item instanceof Error) throw item;
    if (typeof item === "number") await sleep(item);
    else yield item;
  }
}

Deno.test("streamResponse() sends the chunks, empty ones left out, with headers of the format", async () => {
  const { response } = await open(produce("", "a", "", "b"));
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.match(response.headers.get("cache-control") ?? "", /no-cache/);
  assert.equal(response.headers.get("x-extra"), "1");
  assert.equal(await response.text(), "ab");
  const lines = await open(produce("a"), "ndjson");
  assert.equal(lines.response.headers.get("content-type"), "application/x-ndjson");
  await lines.response.text();
});

Deno.test("streamResponse() throws a fault that comes before the first chunk", async () => {
  await assert.rejects(open(produce(new ServerError("overloaded", "full"))), /full/);
});

Deno.test("streamResponse() encodes a fault in the middle as the last chunk", async () => {
  const { response, faults } = await open(produce("a", new Error("lost")));
  assert.equal(await response.text(), "a!lost!");
  assert.deepEqual(faults, ["lost"]);
});

Deno.test("streamResponse() keeps no more than its limit for a client that does not read", async () => {
  let produced = 0;
  async function* endless() {
    for (;;) {
      yield "0123456789";
      produced += 10;
    }
  }
  const { response, abort } = await open(endless(), "sse", { ...STREAM_TIMES, slowReader: 1000 }, {
    bufferLimit: 1000,
  });
  await sleep(20);
  assert.ok(produced >= 900 && produced <= 1010, `${produced} bytes for nobody`);
  const reader = response.body!.getReader();
  for (let i = 0; i < 60; i++) await reader.read();
  await sleep(5);
  assert.ok(produced >= 1500 && produced <= 1610, `${produced} bytes for a reader of 600`);
  assert.ok(!abort.signal.aborted);
  await reader.cancel();
});

Deno.test("streamResponse() drops a client that does not catch up, and ends the work", async () => {
  let [ended, dropped] = [false, 0];
  const outcomes: string[] = [];
  async function* endless() {
    try {
      for (;;) {
        yield "0123456789";
        await sleep(0);
      }
    } finally {
      ended = true;
    }
  }
  const { response, abort } = await open(endless(), "sse", { ...STREAM_TIMES, slowReader: 20 }, {
    bufferLimit: 100,
    dropConnection: () => dropped++,
    onEnd: (outcome, bytes) => outcomes.push(`${outcome} ${bytes}`),
  });
  await sleep(100);
  assert.deepEqual([dropped, abort.signal.aborted, ended, outcomes], [1, true, true, ["slow_reader 100"]]);
  await response.body?.cancel();
});

Deno.test("streamResponse() breaks off the stream where it cannot close the connection", async () => {
  const { response } = await open(produce("0123456789", "0123456789"), "sse", {
    ...STREAM_TIMES,
    slowReader: 5,
  }, { bufferLimit: 5 });
  await sleep(30);
  await assert.rejects(response.text(), /reads too slowly/);
});

Deno.test("streamResponse() tells once how it ended, with the bytes", async () => {
  const outcomes: string[] = [];
  const onEnd = (outcome: string, bytes: number) => outcomes.push(`${outcome} ${bytes}`);
  await (await open(produce("ä", "b"), "sse", STREAM_TIMES, { onEnd })).response.text();
  await (await open(produce("a", new Error("x")), "sse", STREAM_TIMES, { onEnd })).response.text();
  await (await open(produce("a", 50, "b"), "sse", STREAM_TIMES, { onEnd })).response.body?.cancel();
  await sleep(70);
  assert.deepEqual(outcomes, ["whole 3", "error 4", "cancelled 1"]);
});

Deno.test("streamResponse() aborts and ends the chunks when the client leaves", async () => {
  let ended = false;
  async function* chunks() {
    try {
      for (;;) {
        yield "x";
        await sleep(1);
      }
    } finally {
      ended = true;
    }
  }
  const { response, abort, faults } = await open(chunks());
  await response.body?.cancel("gone");
  assert.ok(abort.signal.aborted && ended);
  assert.deepEqual(faults, []);
});

Deno.test("streamResponse() does not report the fault that an abort causes", async () => {
  const { response, abort, faults } = await open(produce("a", 5, new Error("aborted")));
  abort.abort();
  assert.equal(await response.text(), "a");
  assert.deepEqual(faults, []);
});

Deno.test("streamResponse() starts the response when the first chunk takes too long", async () => {
  const { response } = await open(produce(60, "late"), "ndjson", {
    commitAfter: 5,
    commitWhole: 50,
    keepAlive: 1000,
  });
  assert.equal(await response.text(), "late");
  const failed = await open(produce(60, new Error("lost")), "ndjson", {
    commitAfter: 5,
    commitWhole: 50,
    keepAlive: 1000,
  });
  assert.equal(await failed.response.text(), "!lost!");
});

Deno.test("streamResponse() fills silence with comments in server-sent events only", async () => {
  const times = { commitAfter: 1000, commitWhole: 50, keepAlive: 10 };
  const sse = await open(produce("a\n\n", 70, "b\n\n"), "sse", times);
  const text = await sse.response.text();
  assert.match(text, /^a\n\n(:\n\n)+b\n\n$/);
  const lines = await open(produce("a\n", 70, "b\n"), "ndjson", times);
  assert.equal(await lines.response.text(), "a\nb\n");
});

Deno.test("streamResponse() does not pile up comments that nobody reads", async () => {
  const { response } = await open(produce("a", 100, "b"), "sse", {
    commitAfter: 1000,
    commitWhole: 50,
    keepAlive: 5,
  });
  await sleep(60);
  const text = await response.text();
  assert.ok(text.indexOf("a") <= 6, JSON.stringify(text));
});
