import assert from "node:assert/strict";
import { serverAddress } from "../../../src/cli/server_address.ts";
import { defaultOptions, type ServeOptions } from "../../../src/cli/serve_options.ts";

function address(variable: string | undefined, changes: Partial<ServeOptions> = {}) {
  const given = new Set(Object.keys(changes) as (keyof ServeOptions)[]);
  return serverAddress({ options: { ...defaultOptions(), ...changes }, given, env: () => variable });
}

Deno.test("serverAddress() is where serve listens unless the user says otherwise", () => {
  assert.deepEqual(address(undefined), { url: "http://127.0.0.1:8090", explicit: false });
  assert.deepEqual(address(""), { url: "http://127.0.0.1:8090", explicit: false });
  assert.deepEqual(address("x:1", { port: 9 }), { url: "http://127.0.0.1:9", explicit: true });
  assert.deepEqual(address(undefined, { host: "0.0.0.0" }).url, "http://127.0.0.1:8090");
});

Deno.test("serverAddress() reads LLAMACPP_HOST as Ollama's clients read OLLAMA_HOST", () => {
  for (
    const [variable, url] of [
      ["example", "http://example:8090"],
      ["example:1234", "http://example:1234"],
      ["http://example", "http://example"],
      ["https://example/", "https://example"],
      ["https://example:1/base/", "https://example:1/base"],
      ["0.0.0.0", "http://127.0.0.1:8090"],
      ["::1", "http://[::1]:8090"],
      ["[::1]:5", "http://[::1]:5"],
      ["example:80", "http://example"],
    ] as const
  ) assert.deepEqual(address(variable), { url, explicit: true }, variable);
  assert.throws(() => address("a b"), /LLAMACPP_HOST: expected/);
});
