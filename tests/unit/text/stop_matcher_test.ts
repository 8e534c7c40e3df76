import { strict as assert } from "node:assert";
import { StopMatcher } from "../../../src/text/stop_matcher.ts";

interface Outcome {
  text: string;
  matched: string | undefined;
}

/** The definition, on the whole text: earliest start, then shortest. */
function oracle(stops: readonly string[], text: string): Outcome {
  let start = text.length;
  let matched: string | undefined;
  for (const stop of stops) {
    const at = stop === "" ? -1 : text.indexOf(stop);
    if (at < 0) continue;
    if (matched === undefined || at < start || (at === start && stop.length < matched.length)) {
      [start, matched] = [at, stop];
    }
  }
  return { text: text.slice(0, start), matched };
}

function run(stops: readonly string[], chunks: readonly string[]): Outcome {
  const matcher = new StopMatcher(stops);
  let text = "";
  let matched: string | undefined;
  chunks.forEach((chunk, i) => {
    const result = matcher.push(chunk, i === chunks.length - 1);
    assert.ok(result.text.isWellFormed(), `half a surrogate pair in ${JSON.stringify(result.text)}`);
    text += result.text;
    matched ??= result.matched;
  });
  return { text, matched };
}

const CASES: [string[], string][] = [
  [["ab", "b", "aab"], "xaaabz"],
  [["ab", "b", "aab"], "caacb"],
  [["ab", "abc", "abcd"], "zzabcdz"],
  [["abcd", "c"], "xxabcdyy"],
  [["abcd", "c"], "xxabcyy"],
  [["aaa"], "aabaaab"],
  [["\n\n", "\nUser:", "<|end|>"], "one\ntwo <|en \nUser:x"],
  [["😀", "👩‍👧"], "a😁b👩‍👩‍👧c😀d"],
  [["😀!"], "😀?😀😀!"],
  [["stop"], "no end here st"],
  [["", "é"], "cafe\u0301 café x"],
  [["never"], ""],
];

Deno.test("StopMatcher.push() agrees with the whole-string definition for a cut at every position", () => {
  for (const [stops, text] of CASES) {
    for (let cut = 0; cut <= text.length; cut++) {
      assert.deepEqual(
        run(stops, [text.slice(0, cut), text.slice(cut)]),
        oracle(stops, text),
        `${text} @${cut}`,
      );
    }
  }
});

Deno.test("StopMatcher.push() agrees with the whole-string definition for every pair of cuts", () => {
  for (const [stops, text] of CASES) {
    for (let a = 0; a <= text.length; a++) {
      for (let b = a; b <= text.length; b++) {
        const chunks = [text.slice(0, a), text.slice(a, b), text.slice(b)];
        assert.deepEqual(run(stops, chunks), oracle(stops, text), `${text} @${a},${b}`);
      }
    }
  }
});

Deno.test("StopMatcher.push() agrees with the definition on random texts, unit by unit", () => {
  let state = 99;
  const next = (
    below: number,
  ) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0, (state >>> 8) % below);
  const word = (most: number) => Array.from({ length: 1 + next(most) }, () => "abc"[next(3)]).join("");
  for (let round = 0; round < 2000; round++) {
    const stops = Array.from({ length: 1 + next(3) }, () => word(4));
    const text = word(16);
    assert.deepEqual(run(stops, [...text, ""]), oracle(stops, text), `${stops} in ${text}`);
  }
});

Deno.test("StopMatcher.push() holds a prefix of a stop string and no more", () => {
  const matcher = new StopMatcher(["<end>"]);
  assert.deepEqual(matcher.push("hello <en", false), { text: "hello " });
  assert.equal(matcher.heldLength, 3);
  assert.deepEqual(matcher.push("try", false), { text: "<entry" });
  assert.deepEqual(matcher.push("<end>rest", false), { text: "", matched: "<end>" });
  assert.deepEqual(matcher.push("more", true), { text: "", matched: "<end>" });
});

Deno.test("StopMatcher.push() stops at the shortest of stops that are prefixes, without waiting", () => {
  assert.deepEqual(new StopMatcher(["abc", "ab"]).push("xab", false), { text: "x", matched: "ab" });
});

Deno.test("StopMatcher.push() releases a held prefix when the answer is done", () => {
  const matcher = new StopMatcher(["<end>"]);
  assert.deepEqual(matcher.push("a<e", false), { text: "a" });
  assert.deepEqual(matcher.push("", true), { text: "<e" });
});

Deno.test("StopMatcher.push() passes text through when there is nothing to watch for", () => {
  const matcher = new StopMatcher(["", "\ud800"]);
  assert.deepEqual(matcher.push("x\ud83d", false), { text: "x\ud83d" });
  assert.equal(matcher.heldLength, 0);
});

Deno.test("StopMatcher.push() keeps a surrogate pair together when it is cut", () => {
  const matcher = new StopMatcher(["zz"]);
  assert.deepEqual(matcher.push("a\ud83d", false), { text: "a" });
  assert.deepEqual(matcher.push("\ude00b", false), { text: "😀b" });
});
