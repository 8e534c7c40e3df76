import assert from "node:assert/strict";
import { ApiError, OllamaClient } from "../../../src/cli/client.ts";
import { jsonLines } from "../../../src/cli/json_lines.ts";

function stream(text: string, cut: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.subarray(0, cut));
      controller.enqueue(bytes.subarray(cut));
      controller.close();
    },
  });
}

Deno.test("jsonLines() gives the same values wherever the bytes are cut", async () => {
  const text = '{"a":"ä"}\n\n{"b":"世"}\n{"c":1}';
  for (let cut = 0; cut <= new TextEncoder().encode(text).length; cut++) {
    const values = await Array.fromAsync(jsonLines(stream(text, cut)));
    assert.deepEqual(values, [{ a: "ä" }, { b: "世" }, { c: 1 }], String(cut));
  }
});

Deno.test("jsonLines() refuses a line that is no JSON", async () => {
  await assert.rejects(Array.fromAsync(jsonLines(stream("<html>\n", 0))), /"<html>" is no JSON/);
});

Deno.test("OllamaClient throws the server's own message with its status", async () => {
  const answers = [
    Response.json({ error: "model 'x' not found" }, { status: 404 }),
    Response.json({ error: { message: "no key" } }, { status: 401 }),
    new Response("broken", { status: 502 }),
  ];
  const client = new OllamaClient(() => Promise.resolve(answers.shift()!));
  for (const [message, status] of [["model 'x' not found", 404], ["no key", 401], ["broken", 502]] as const) {
    await assert.rejects(client.post("/api/show", {}), (error) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.message, error.status], [message, status]);
      return true;
    });
  }
});

Deno.test("OllamaClient.stream() throws an error in the middle of the lines", async () => {
  const client = new OllamaClient(() =>
    Promise.resolve(new Response('{"status":"a"}\n{"error":"disk full"}\n'))
  );
  const seen: unknown[] = [];
  await assert.rejects(async () => {
    for await (const line of client.stream("/api/pull", {})) seen.push(line);
  }, /^Error: disk full$/);
  assert.deepEqual(seen, [{ status: "a" }]);
});

Deno.test("OllamaClient sends its key with every request", async () => {
  const keys: (string | null)[] = [];
  const client = new OllamaClient((_path, init) => {
    keys.push(new Headers(init.headers).get("authorization"));
    return Promise.resolve(Response.json({}));
  }, "secret");
  await client.get("/api/tags");
  await client.post("/api/show", {});
  await client.hasBlob("sha256:0");
  await client.putBlob("sha256:0", new Blob(["x"]).stream());
  assert.deepEqual(keys, Array(4).fill("Bearer secret"));
});

Deno.test("OllamaClient.hasBlob() tells absent from refused", async () => {
  const statuses = [200, 404, 500];
  const client = new OllamaClient(() => Promise.resolve(new Response(null, { status: statuses.shift()! })));
  assert.equal(await client.hasBlob("sha256:0"), true);
  assert.equal(await client.hasBlob("sha256:0"), false);
  await assert.rejects(client.hasBlob("sha256:0"), ApiError);
});
