/**
 * Reads streamed answers off a socket as a strict client would. Every line must be whole, valid UTF-8; what is not
 * an event or a line of JSON is an error.
 */

import assert from "node:assert/strict";

/** Lines of a body, without their line ends. */
async function* lines(response: Response): AsyncGenerator<string> {
  assert.ok(response.body, "the response has a body");
  let rest = "";
  for await (
    const text of response.body.pipeThrough(
      new TextDecoderStream("utf-8", { fatal: true }),
    )
  ) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  assert.equal(rest, "", "the last line of a stream ends with a line break");
}

/** Data of server-sent events, `[DONE]` included. Comments are skipped. */
export async function* readSse(response: Response): AsyncGenerator<string> {
  assert.match(
    response.headers.get("content-type") ?? "",
    /^text\/event-stream/,
  );
  let data: string | undefined;
  for await (const line of lines(response)) {
    if (line === "") {
      if (data !== undefined) yield data;
      data = undefined;
    } else if (!line.startsWith(":")) {
      assert.match(
        line,
        /^data: /,
        "a line of an event stream is data, a comment or empty",
      );
      assert.equal(data, undefined, "an event has one line of data");
      data = line.slice("data: ".length);
    }
  }
  assert.equal(data, undefined, "the last event is followed by an empty line");
}

/** Chunks of an OpenAI stream, which must end with `[DONE]`. */
export async function readChunks<T>(response: Response): Promise<T[]> {
  assert.equal(response.status, 200);
  const events: string[] = [];
  for await (const data of readSse(response)) events.push(data);
  assert.equal(events.pop(), "[DONE]");
  return events.map((event) => JSON.parse(event) as T);
}

/** Objects of an Ollama stream; the last one, and only that, must be `done`. */
export async function readObjects<T extends { done: boolean }>(
  response: Response,
): Promise<T[]> {
  assert.equal(response.status, 200);
  assert.match(
    response.headers.get("content-type") ?? "",
    /^application\/x-ndjson/,
  );
  const objects: T[] = [];
  for await (const line of lines(response)) objects.push(JSON.parse(line) as T);
  assert.deepEqual(
    objects.map(({ done }) => done),
    objects.map((_, i) => i === objects.length - 1),
  );
  return objects;
}
