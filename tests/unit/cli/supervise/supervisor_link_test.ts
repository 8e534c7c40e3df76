import assert from "node:assert/strict";
import { encodeMessage, parseMessage } from "../../../../src/cli/supervise/engine_messages.ts";
import { openLink } from "../../../../src/cli/supervise/supervisor_link.ts";

function connect() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const supervisor = writable.getWriter();
  const said: string[] = [];
  const write = (bytes: Uint8Array) => {
    said.push(...new TextDecoder().decode(bytes).trimEnd().split("\n"));
    return bytes.length;
  };
  const link = openLink({
    stdin: readable,
    stdout: {
      write: (bytes) => Promise.resolve(write(bytes)),
      writeSync: write,
    },
    exit: (code) => {
      throw new Error(`exit ${code}`);
    },
  });
  return {
    link,
    supervisor,
    kinds: () => said.map((line) => parseMessage(line)?.kind),
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

Deno.test("parseMessage() reads what encodeMessage() wrote, and nothing else", () => {
  const message = { kind: "hung", reason: "no step\nfor 5 s" } as const;
  const line = encodeMessage(message);
  assert.equal(line.indexOf("\n"), line.length - 1);
  assert.deepEqual(parseMessage(line.trimEnd()), message);
  assert.equal(parseMessage("something printed"), undefined);
});

Deno.test("SupervisorLink says at once that it lives, and waits for the port", async () => {
  const { link, supervisor, kinds } = connect();
  let granted = false;
  const port = link.port().then(() => granted = true);
  await settle();
  assert.deepEqual(kinds(), ["beat", "port"]);
  assert.equal(granted, false);
  await supervisor.write(new TextEncoder().encode("g"));
  await supervisor.write(new TextEncoder().encode("o\n"));
  await port;
  link.ready();
  await settle();
  assert.equal(kinds().at(-1), "ready");
  await supervisor.close();
  await link.stopped;
});

Deno.test("SupervisorLink.stopped resolves when the supervisor is gone, and nobody waits for the port then", async () => {
  const { link, supervisor } = connect();
  const port = link.port();
  await supervisor.abort(new Error("broken pipe"));
  await Promise.all([link.stopped, port]);
});

Deno.test("SupervisorLink.hung() says why and ends the process with a code of its own", async () => {
  const { link, supervisor, kinds } = connect();
  assert.throws(() => link.hung("no step"), /exit 75/);
  assert.equal(kinds().at(-1), "hung");
  await supervisor.close();
  await link.stopped;
});
