/** The npm package `ollama` managing models of a running server. Arguments: a registry's host, the digest of a model's blob. */

import assert from "node:assert/strict";
import { Ollama } from "ollama";
import { BASE_URL, check, report } from "./checks.mjs";

const client = new Ollama({ host: BASE_URL });
const [registry, digest] = process.argv.slice(2);
const name = `${registry}/library/js:v1`;

const names = async () => (await client.list()).models.map((model) => model.name);

check("create() makes a model of a blob, in one answer and in a stream", async () => {
  const whole = await client.create({ model: "js", files: { "m.gguf": digest }, system: "S", parameters: { seed: 1 } });
  assert.equal(whole.status, "success");
  const statuses = [];
  for await (const step of await client.create({ model: name, from: "js", license: "MIT", stream: true })) {
    statuses.push(step.status);
  }
  assert.equal(statuses.at(-1), "success");
  const shown = await client.show({ model: name });
  assert.equal(shown.system, "S");
  assert.equal(shown.license, "MIT");
  assert.match(shown.parameters, /^seed\s+1$/m);
});

check("copy() and delete() change the list", async () => {
  await client.copy({ source: "js", destination: "js-copy:2" });
  assert.ok((await names()).includes("js-copy:2"));
  await client.delete({ model: "js-copy:2" });
  assert.ok(!(await names()).includes("js-copy:2"));
});

check("push() and pull() go to the registry and back", async () => {
  const before = (await client.list()).models.find((model) => model.name === name);
  assert.equal((await client.push({ model: name, insecure: true })).status, "success");
  await client.delete({ model: name });
  await client.delete({ model: "js" });
  let last;
  for await (const step of await client.pull({ model: name, insecure: true, stream: true })) last = step;
  assert.equal(last.status, "success");
  const after = (await client.list()).models.find((model) => model.name === name);
  assert.equal(after.digest, before.digest);
  await client.delete({ model: name });
});

check("what is not there is said so", async () => {
  const error = async (promise) => await promise.then(() => assert.fail("it succeeded"), (reason) => reason);
  assert.equal((await error(client.delete({ model: "none" }))).status_code, 404);
  assert.equal((await error(client.copy({ source: "none", destination: "x" }))).status_code, 404);
  assert.equal((await error(client.create({ model: "x" }))).status_code, 400);
  const missing = await error(client.pull({ model: `${registry}/a/none`, insecure: true }));
  assert.match(missing.message, /file does not exist/);
});

await report();
