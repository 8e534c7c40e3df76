import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { lateResponse } from "../../../src/http/stream.ts";
import type { LateReply } from "../../../src/protocols/endpoint.ts";

const TIMES = { commitAfter: 1000, commitWhole: 20, keepAlive: 1000 };

function open(json: Promise<string>, headers = (): Record<string, string> => ({ "x-extra": "1" })) {
  const abort = new AbortController();
  const faults: string[] = [];
  const options = { abort, onError: (error: ServerError) => faults.push(error.message), times: TIMES };
  const reply: LateReply = { kind: "late", json, headers };
  return { abort, faults, response: lateResponse(reply, "application/json", options) };
}

function after(ms: number, value: string | Error): Promise<string> {
  return new Promise((resolve, reject) =>
    setTimeout(() => value instanceof Error ? reject(value) : resolve(value), ms)
  );
}

Deno.test("lateResponse() of a quick answer is an ordinary response", async () => {
  const response = await open(Promise.resolve('{"a":1}')).response;
  assert.deepEqual([response.headers.get("content-type"), response.headers.get("x-extra")], [
    "application/json",
    "1",
  ]);
  assert.equal(await response.text(), '{"a":1}');
});

Deno.test("lateResponse() starts before a slow answer is there, with the headers known by then", async () => {
  let dropped = "0";
  const started = performance.now();
  const opened = open(after(200, '{"a":1}'), () => ({ "x-dropped": dropped }));
  dropped = "3";
  const response = await opened.response;
  assert.ok(performance.now() - started < 150);
  assert.equal(response.headers.get("x-dropped"), "3");
  assert.equal(await response.text(), '{"a":1}');
});

Deno.test("lateResponse() throws an early fault, so that it gets its status", async () => {
  await assert.rejects(open(after(5, new ServerError("overloaded", "full"))).response, /full/);
});

Deno.test("lateResponse() cuts the connection on a late fault and reports it", async () => {
  const { response, faults } = open(after(60, new Error("lost")));
  await assert.rejects((await response).text(), /lost/);
  assert.deepEqual(faults, ["lost"]);
});

Deno.test("lateResponse() aborts the work when the client leaves", async () => {
  const { response, abort, faults } = open(after(100, new Error("cancelled")));
  await (await response).body?.cancel("gone");
  assert.ok(abort.signal.aborted);
  await new Promise((resolve) => setTimeout(resolve, 120));
  assert.deepEqual(faults, []);
});

Deno.test("lateResponse() gives a fault its status however late it is, until the request is accepted", async () => {
  const options = { abort: new AbortController(), onError() {}, times: TIMES };
  const json = after(100, new ServerError("context_length", "too long"));
  const never = new Promise<void>(() => {});
  const reply: LateReply = { kind: "late", json, accepted: never };
  await assert.rejects(
    lateResponse(reply, "application/json", options),
    /too long/,
  );
  const accepted = after(40, "").then(() => {});
  const response = await lateResponse(
    { kind: "late", json: after(120, "{}"), accepted },
    "application/json",
    options,
  );
  assert.equal(await response.text(), "{}");
});
