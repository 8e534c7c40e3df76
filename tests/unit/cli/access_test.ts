import assert from "node:assert/strict";
import { accessOf } from "../../../src/cli/access.ts";
import { parseCommandLine } from "../../../src/cli/args.ts";
import { defaultOptions, type ServeOptions } from "../../../src/cli/serve_options.ts";
import { parseApiKey } from "../../../src/http/api_keys.ts";

const FILES: Record<string, string> = {
  keys: "# comment\nfromfile:infer\n",
  none: "# nothing\n",
  bad: "k:king\n",
  key: "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n",
  cert: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
};

function access(changes: Partial<ServeOptions>, ollamaOrigins?: string) {
  return accessOf({ ...defaultOptions(), ...changes }, {
    readFile(path) {
      const text = FILES[path];
      if (text === undefined) throw new Error("no such file");
      return text;
    },
    ollamaOrigins,
    hostname: "box",
  });
}

Deno.test("accessOf() refuses to serve other machines without a key, unless told to", () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.2", "box.example", "127.0.0.1.evil.example", ""]) {
    assert.throws(() => access({ host }), /Cannot listen on .*--api-key.*--allow-anonymous/, host);
    assert.ok(access({ host, allowAnonymous: true }).hosts, "names are looked at where no key protects");
    assert.equal(access({ host, apiKeys: [parseApiKey("k")] }).hosts, null);
    assert.equal(access({ host, apiKeyFile: "keys" }).apiKeys.length, 1);
  }
  for (const host of ["127.0.0.1", "localhost", "::1", "[::1]", "127.1.2.3"]) {
    assert.deepEqual(access({ host }).hosts, { allowed: [], hostname: "box" }, host);
  }
});

Deno.test("accessOf() joins keys of flags and file, and fails closed on a file without keys", () => {
  assert.deepEqual(
    access({ apiKeys: [parseApiKey("k")], apiKeyFile: "keys" }).apiKeys.map(({ key }) => key),
    [
      "k",
      "fromfile",
    ],
  );
  assert.throws(() => access({ apiKeyFile: "none" }), /"none": the file has none/);
  assert.throws(() => access({ apiKeyFile: "bad" }), /"bad": line 1: "king"/);
  assert.throws(() => access({ apiKeyFile: "missing" }), /Cannot read the API keys "missing": no such file/);
});

Deno.test("accessOf() adds OLLAMA_ORIGINS and --cors-origins to the defaults", () => {
  const { corsOrigins } = access({ corsOrigins: ["https://a.example"] }, "https://b.example, *.c.example");
  assert.deepEqual(corsOrigins.slice(-3), ["https://b.example", "*.c.example", "https://a.example"]);
  assert.ok(corsOrigins.includes("tauri://*"));
});

Deno.test("accessOf() reads both PEM files or neither", () => {
  assert.equal(access({}).tls, undefined);
  assert.equal(access({ sslKeyFile: "key", sslCertFile: "cert" }).tls?.key, FILES["key"]);
  assert.throws(() => access({ sslKeyFile: "key" }), /needed together/);
  assert.throws(() => access({ sslKeyFile: "cert", sslCertFile: "key" }), /no PEM block "PRIVATE KEY"/);
});

Deno.test("--api-key may be given several times and in the environment; a wrong scope is an error", () => {
  const env = (name: string) => name === "LLAMA_API_KEY" ? "e" : undefined;
  const parsed = parseCommandLine(["serve", "--api-key", "a:infer,metrics,b", "--api-key", "c"], env);
  assert.ok(parsed.command === "serve");
  assert.deepEqual(parsed.options.apiKeys.map(({ key, scopes }) => [key, scopes.size]), [
    ["e", 3],
    ["a", 2],
    ["b", 3],
    ["c", 3],
  ]);
  const wrong = parseCommandLine(["serve", "--api-key", "a:king"], () => undefined);
  assert.ok(wrong.command === "error" && /--api-key: expected keys/.test(wrong.message));
});

Deno.test("--log-format takes pretty and json", () => {
  const parsed = parseCommandLine(["serve", "--log-format", "json"], () => undefined);
  assert.ok(parsed.command === "serve" && parsed.options.logJsonl);
  const pretty = parseCommandLine(["serve", "--log-jsonl", "--log-format", "pretty"], () => undefined);
  assert.ok(pretty.command === "serve" && !pretty.options.logJsonl);
});
