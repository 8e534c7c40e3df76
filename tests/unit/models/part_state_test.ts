import assert from "node:assert/strict";
import {
  PART_LIMITS,
  planParts,
  readParts,
  removeParts,
  writePart,
} from "../../../src/models/pull/part_state.ts";
import { parseChallenge, tokenUrl } from "../../../src/models/pull/bearer_challenge.ts";
import { filesBelow, TemporaryFolder } from "../../support/temporary_folder.ts";

Deno.test("planParts() cuts as Ollama does", () => {
  const sizes = (size: number) => planParts(size, PART_LIMITS).map((part) => part.size);
  assert.deepEqual(sizes(0), []);
  assert.deepEqual(sizes(1), [1]);
  assert.deepEqual(sizes(250e6), [100e6, 100e6, 50e6]);
  assert.equal(sizes(4.8e9).length, 16);
  assert.ok(sizes(40e9).every((size) => size <= 1e9));
  const parts = planParts(12_345, { count: 7, min: 1, max: 1e9 });
  parts.forEach((part, i) =>
    assert.equal(part.offset, i === 0 ? 0 : parts[i - 1]!.offset + parts[i - 1]!.size)
  );
  assert.equal(parts.reduce((sum, part) => sum + part.size, 0), 12_345);
});

Deno.test("readParts() takes only states that cover the blob exactly", async () => {
  using folder = new TemporaryFolder();
  const partial = folder.file("sha256-00-partial");
  assert.equal(await readParts(partial, 10), undefined);
  await writePart(partial, { n: 0, offset: 0, size: 6, completed: 6 });
  await writePart(partial, { n: 1, offset: 6, size: 4, completed: 1 });
  assert.equal(Deno.readTextFileSync(`${partial}-1`), '{"N":1,"Offset":6,"Size":4,"Completed":1}');
  assert.deepEqual((await readParts(partial, 10))?.map(({ completed }) => completed), [6, 1]);
  assert.equal(await readParts(partial, 11), undefined);
  Deno.writeTextFileSync(`${partial}-1`, '{"N":1,"Off');
  assert.equal(await readParts(partial, 10), undefined, "a torn state");
  await removeParts(partial);
  assert.deepEqual(filesBelow(folder.path), []);
});

Deno.test("parseChallenge() and tokenUrl() make the address of the token", () => {
  const challenge = parseChallenge(
    'Bearer realm="https://r.example/t?x=1",service="s",scope="repository:a/b:pull,push"',
  );
  assert.deepEqual(challenge, {
    realm: "https://r.example/t?x=1",
    service: "s",
    scope: "repository:a/b:pull,push",
  });
  const url = tokenUrl(challenge!, new URL("https://r.example/"));
  assert.equal(url.href, "https://r.example/t?x=1&service=s&scope=repository%3Aa%2Fb%3Apull%2Cpush");
  for (const header of [null, "", "Basic realm=x", "Bearer scope=x"]) {
    assert.equal(parseChallenge(header), undefined);
  }
});
