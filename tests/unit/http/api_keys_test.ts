import assert from "node:assert/strict";
import { ApiKeyRing, parseApiKey, parseApiKeyFile, parseApiKeyList } from "../../../src/http/api_keys.ts";

const shown = (keys: ReturnType<typeof parseApiKeyList>) =>
  keys.map(({ key, scopes }) => `${key}=${[...scopes].join("+")}`);

Deno.test("parseApiKey() reads scopes after the last colon; without any a key may do everything", () => {
  assert.deepEqual(shown([parseApiKey("k"), parseApiKey("a:b:infer"), parseApiKey("k: infer , metrics")]), [
    "k=infer+manage+metrics",
    "a:b=infer",
    "k=infer+metrics",
  ]);
});

Deno.test("parseApiKey() refuses unknown scopes, empty keys and blanks, and does not quote the key", () => {
  for (const text of ["", " ", ":infer", "secret:", "secret:infr", "secret:infer,all", "se cret"]) {
    assert.throws(() => parseApiKey(text), (error: Error) => !error.message.includes("secret"), text);
  }
});

Deno.test("parseApiKeyList() tells scopes from keys", () => {
  assert.deepEqual(shown(parseApiKeyList("a, b:infer,metrics,c ,d:manage,,")), [
    "a=infer+manage+metrics",
    "b=infer+metrics",
    "c=infer+manage+metrics",
    "d=manage",
  ]);
});

Deno.test("parseApiKeyFile() leaves comments out and names the line of a fault", () => {
  assert.deepEqual(shown(parseApiKeyFile("# keys\r\n\n  a:infer\nb\n")), [
    "a=infer",
    "b=infer+manage+metrics",
  ]);
  assert.throws(() => parseApiKeyFile("a\n# x\nb:king"), /^Error: line 3: "king" is no scope/);
});

Deno.test("ApiKeyRing.scopesOf() knows each key, and nothing else", () => {
  const ring = new ApiKeyRing(["a", parseApiKey("b:infer"), parseApiKey("b:metrics")]);
  assert.equal(ring.scopesOf("a")?.size, 3);
  assert.deepEqual([...ring.scopesOf("b") ?? []].sort(), ["infer", "metrics"]);
  for (const wrong of ["", "A", "aa", "b:infer", "c"]) assert.equal(ring.scopesOf(wrong), undefined);
  assert.ok(new ApiKeyRing([]).isEmpty && !ring.isEmpty);
});
