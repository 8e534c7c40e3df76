import assert from "node:assert/strict";
import { KeySegments } from "../../../../src/cli/chat/key_segments.ts";
import { MultiLine } from "../../../../src/cli/chat/multi_line.ts";
import { timingsText } from "../../../../src/cli/chat/timings.ts";
import { WordWrapper } from "../../../../src/cli/chat/word_wrapper.ts";
import { displayWidth } from "../../../../src/cli/display_width.ts";

/** What a terminal shows after the sequences that the wrapper uses. */
function screen(written: string): string[] {
  const lines = [""];
  // deno-lint-ignore no-control-regex
  for (const [token] of written.matchAll(/\x1b\[(\d+)D\x1b\[K|\n|[^]/gu)) {
    const last = lines.length - 1;
    if (token === "\n") lines.push("");
    else if (token.startsWith("\x1b")) {
      let left = Number(/\d+/.exec(token)?.[0]);
      const chars = [...lines[last]!];
      while (left > 0) left -= displayWidth(chars.pop() ?? "x");
      lines[last] = chars.join("");
    } else lines[last] += token;
  }
  return lines;
}

Deno.test("WordWrapper breaks between words, however the text is cut", () => {
  const text = "The quick brown fox jumps over the lazy dog.\nAnd a second line of words";
  for (let cut = 0; cut <= text.length; cut++) {
    const wrapper = new WordWrapper(21);
    const lines = screen(wrapper.push(text.slice(0, cut)) + wrapper.push(text.slice(cut)));
    assert.deepEqual(lines.map((line) => line.trimEnd()), [
      "The quick brown fox",
      "jumps over the lazy",
      "dog.",
      "And a second line of",
      "words",
    ], String(cut));
  }
});

Deno.test("WordWrapper.resize() holds from the current line on", () => {
  const wrapper = new WordWrapper(41);
  const first = wrapper.push("one two three four five six ");
  wrapper.resize(11);
  const rest = wrapper.push("seven eight nine ten");
  assert.equal(first, "one two three four five six ");
  // 28 columns are two rows of 11 and 6 more.
  assert.equal(
    rest,
    "seve\x1b[4D\x1b[K\nseven eigh\x1b[4D\x1b[K\neight nine\nten",
  );
});

Deno.test("WordWrapper breaks a word that fills a line, and between wide characters", () => {
  for (const text of ["abcdefghijklmnopqrstuvwxyz", "世界世界世界世界世界", "a 世界世界世界世界世界世界"]) {
    const lines = screen(new WordWrapper(11).push(text));
    for (const line of lines) assert.ok(displayWidth(line) <= 10, line);
    assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
    assert.ok(lines.length > 1);
  }
});

Deno.test("MultiLine takes a plain line as a message", () => {
  assert.deepEqual(new MultiLine().push("hello"), { text: "hello", verbatim: false });
});

Deno.test("MultiLine puts the lines between three quotes together", () => {
  const typed = new MultiLine();
  assert.equal(typed.push('"""'), undefined);
  assert.equal(typed.open, true);
  assert.equal(typed.push("/one"), undefined);
  assert.equal(typed.push(""), undefined);
  assert.deepEqual(typed.push('two"""'), { text: "/one\n\ntwo", verbatim: true });
  assert.equal(typed.open, false);
  assert.deepEqual(typed.push('"""all in one"""'), { text: "all in one", verbatim: true });
  assert.deepEqual(typed.push('""""""'), { text: "", verbatim: true });
});

Deno.test("MultiLine keeps the command that a quoted text is for", () => {
  const typed = new MultiLine();
  assert.equal(typed.push('/set system """You are'), undefined);
  assert.deepEqual(typed.push('short."""'), { text: "/set system You are\nshort.", verbatim: false });
});

Deno.test("MultiLine waits with a paste until a line is typed", () => {
  const typed = new MultiLine();
  assert.equal(typed.push("/a", true), undefined);
  assert.equal(typed.push("b", true), undefined);
  assert.deepEqual(typed.push("c"), { text: "/a\nb\nc", verbatim: true });
});

Deno.test("MultiLine.reset() forgets what has begun", () => {
  const typed = new MultiLine();
  typed.push('"""a');
  typed.reset();
  assert.deepEqual(typed.push("b"), { text: "b", verbatim: false });
});

function segments(chunks: Uint8Array[]): string[] {
  const keys = new KeySegments();
  const decoder = new TextDecoder("latin1");
  const parts: { text: string; pasted: boolean }[] = [];
  for (const chunk of chunks) {
    for (const segment of keys.push(chunk)) {
      const text = segment.kind === "interrupt" ? "^C" : decoder.decode(segment.bytes);
      const pasted = segment.kind === "keys" && segment.pasted;
      const last = parts.at(-1);
      if (
        last && last.pasted === pasted && !["\r", "\n", "^C", "\x04"].some((end) =>
          last.text.endsWith(end)
        ) && segment.kind === "keys"
      ) {
        last.text += text;
      } else parts.push({ text, pasted });
    }
  }
  return parts.map(({ text, pasted }) => pasted ? `paste ${text}` : text);
}

Deno.test("KeySegments finds line ends, Ctrl-C and pastes, however the input is cut", () => {
  const bytes = new TextEncoder().encode("ab\x1b[Dc\rx\x03y\x1b[200~p\rq\x1b[201~z\r\x04");
  const expected = ["ab\x1b[Dc\r", "x", "^C", "y", "paste p\r", "paste q", "z\r", "\x04"];
  for (let cut = 0; cut <= bytes.length; cut++) {
    // Between ESC and "[" a terminal does not pause; there ESC is a key of its own.
    if (bytes[cut - 1] === 0x1b) continue;
    assert.deepEqual(segments([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, String(cut));
  }
});

Deno.test("KeySegments hands ESC alone on at once", () => {
  assert.equal(new KeySegments().push(Uint8Array.of(27)).length, 1);
});

Deno.test("KeySegments passes the bytes of characters on untouched", () => {
  const bytes = new TextEncoder().encode("héllo 世界 😀");
  const [only] = new KeySegments().push(bytes);
  assert.ok(only?.kind === "keys");
  assert.deepEqual(only.bytes, bytes);
});

Deno.test("timingsText() prints the figures that there are", () => {
  assert.equal(timingsText({ done: true }), "");
  const text = timingsText({
    done: true,
    total_duration: 2e9,
    prompt_eval_count: 10,
    prompt_eval_duration: 5e8,
    eval_count: 1,
    eval_duration: 1e9,
  });
  assert.match(text, /^total duration: +2s$/m);
  assert.match(text, /^prompt eval rate: +20\.00 tokens\/s$/m);
  assert.match(text, /^eval count: +1 token$/m);
  assert.doesNotMatch(text, /load/);
});
