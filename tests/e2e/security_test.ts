/** HTTPS, key files, log files, and a server that will not be open to everybody by accident. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { runToEnd, ServerProcess } from "../support/server_process.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"]);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a server does not listen beyond loopback without a key", async () => {
  const { code, stderr } = await runToEnd(["--host", "0.0.0.0", "--port", "0"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Cannot listen on 0\.0\.0\.0.*--api-key.*--allow-anonymous/,
  );
});

Deno.test("keys of a file, requests in a log file, no prompt in either", async () => {
  using folder = new TemporaryFolder();
  const keys = join(folder.path, "keys");
  const log = join(folder.path, "log");
  await Deno.writeTextFile(keys, "# who may\nsecret:infer\nprobe:metrics\n");
  const args = [
    "--api-key-file",
    keys,
    "--log-file",
    log,
    "--log-format",
    "json",
  ];
  await using server = await ServerProcess.start({ args });
  const ask = (key: string) =>
    fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "x-request-id": "my-id" },
      body: JSON.stringify({
        messages: [{ role: "user", content: "confidential words" }],
        max_tokens: 4,
      }),
    });
  assert.equal((await ask("wrong")).status, 401);
  assert.equal((await ask("probe")).status, 403);
  const answer = await ask("secret");
  assert.deepEqual([answer.status, answer.headers.get("x-request-id")], [
    200,
    "my-id",
  ]);
  await answer.text();
  const metrics = await fetch(`${server.url}/metrics`, {
    headers: { "x-api-key": "probe" },
  });
  assert.match(
    await metrics.text(),
    /http_requests_total\{dialect="openai",status="401"\} 1/,
  );
  const lines = (await Deno.readTextFile(log)).trimEnd().split("\n").map((
    line,
  ) => JSON.parse(line));
  assert.deepEqual(lines.map(({ status }) => status), [401, 403, 200]);
  assert.ok(
    lines[2].id === "my-id" && lines[2].generated_tokens === 4 &&
      lines[2].ttft_ms > 0,
  );
  assert.doesNotMatch(
    JSON.stringify(lines) + server.stderr,
    /confidential|secret/,
  );
});

Deno.test({
  name: "HTTPS with a certificate of one's own",
  ignore: !hasOpenssl(),
  async fn() {
    using folder = new TemporaryFolder();
    const [key, cert] = [
      join(folder.path, "key.pem"),
      join(folder.path, "cert.pem"),
    ];
    const subject = [
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=DNS:localhost,IP:127.0.0.1",
    ];
    const extensions = ["-addext", "basicConstraints=critical,CA:FALSE"];
    execFileSync("openssl", [
      ...[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
        "-out",
        cert,
      ],
      ...subject,
      ...extensions,
    ], { stdio: "ignore" });
    const args = ["--ssl-key-file", key, "--ssl-cert-file", cert];
    await using server = await ServerProcess.start({ args, ca: cert });
    using client = Deno.createHttpClient({
      caCerts: [await Deno.readTextFile(cert)],
    });
    const body = JSON.stringify({
      messages: [{ role: "user", content: "x" }],
      max_tokens: 4,
      stream: true,
    });
    const url = `https://localhost:${server.port}/v1/chat/completions`;
    const response = await fetch(url, { method: "POST", body, client });
    assert.match(await response.text(), /\[DONE\]/);
  },
});
