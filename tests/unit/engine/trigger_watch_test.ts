import assert from "node:assert/strict";
import { byteString, type Triggered, TriggerWatch } from "../../../src/engine/trigger_watch.ts";

/** Feeds pieces as tokens 0, 1, ... and returns what the first trigger gave, with the token that brought it. */
function run(watch: TriggerWatch, pieces: readonly string[], muted: ReadonlySet<number> = new Set()) {
  for (const [token, piece] of pieces.entries()) {
    const triggered = watch.push(token, byteString(piece), muted.has(token));
    if (triggered) return { at: token, ...triggered };
  }
  return undefined;
}

Deno.test("TriggerWatch.push() triggers on a token, with that token alone", () => {
  const watch = new TriggerWatch({ patterns: [], tokens: [2] });
  assert.deepEqual(run(watch, ["a", "b", "<call>"]), { at: 2, tokens: [2], skip: 0 });
});

Deno.test("TriggerWatch.push() finds a word wherever tokens cut it, and says what precedes it", () => {
  const text = "é: <call>";
  const watch = () => new TriggerWatch({ patterns: ["<call>"], tokens: [] });
  for (let cut = 1; cut < text.length; cut++) {
    const pieces = [text.slice(0, cut), text.slice(cut)];
    const found = run(watch(), pieces)!;
    assert.equal(found.at, 1);
    const fed = found.tokens.map((token) => byteString(pieces[token]!)).join("").slice(found.skip);
    assert.equal(fed, "<call>", `cut at ${cut}`);
  }
});

Deno.test("TriggerWatch.push() feeds from the first group that holds anything, else from the match", () => {
  const cases: [string, Omit<Triggered, "tokens">][] = [
    ["^a(x)?(b)", { skip: 1 }],
    ["ab", { skip: 0 }],
    ["a(?=b)", { skip: 0 }],
  ];
  for (const [source, { skip }] of cases) {
    assert.equal(run(new TriggerWatch({ patterns: [source], tokens: [] }), ["ab"])?.skip, skip, source);
  }
});

Deno.test("TriggerWatch.push() ignores what reasoning says, and triggers after it", () => {
  const pieces = ["say <call> ", "</think>", "\n", "<call>"];
  const muted = new Set([0, 1]);
  const word = run(new TriggerWatch({ patterns: ["<call>"], tokens: [] }), pieces, muted);
  assert.deepEqual(word, { at: 3, tokens: [3], skip: 0 });
  const token = run(new TriggerWatch({ patterns: [], tokens: [0, 3] }), pieces, muted);
  assert.deepEqual(token, { at: 3, tokens: [3], skip: 0 });
  const anchored = run(new TriggerWatch({ patterns: ["^\\s*(<call>)"], tokens: [] }), pieces, muted);
  assert.deepEqual(anchored, { at: 3, tokens: [3], skip: 0 });
  const whole = run(
    new TriggerWatch({ patterns: ["^[\\s\\S]*</think>\\s*(<call>)"], tokens: [] }),
    pieces,
    muted,
  );
  assert.deepEqual(whole, { at: 3, tokens: [3], skip: 0 });
});

Deno.test("TriggerWatch.push() stays cheap on a long answer", () => {
  const watch = new TriggerWatch({ patterns: ["<call>", "^\\s*(\\{)"], tokens: [] });
  const startedAt = performance.now();
  for (let token = 0; token < 5000; token++) assert.equal(watch.push(token, "some text ", false), undefined);
  assert.ok(performance.now() - startedAt < 3000);
});
