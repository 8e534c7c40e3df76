import { strict as assert } from "node:assert";
import { Detokenizer } from "../../../src/text/detokenizer.ts";

const SAMPLE = "Hi, мир! 漢字 \u0000 é ü ß 😀👩‍👩‍👧 \uFEFFz𝄞 \u{10FFFF} नमस्ते\n";

function decodeChunks(chunks: readonly Uint8Array[]): { pieces: string[]; all: string } {
  const detokenizer = new Detokenizer();
  const pieces = chunks.map((chunk) => detokenizer.push(chunk));
  pieces.push(detokenizer.flush());
  return { pieces, all: pieces.join("") };
}

function oracle(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

Deno.test("Detokenizer.push() gives the same text for a cut at every byte", () => {
  const bytes = new TextEncoder().encode(SAMPLE);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { pieces, all } = decodeChunks([bytes.subarray(0, cut), bytes.subarray(cut)]);
    assert.equal(all, SAMPLE, `cut at ${cut}`);
    for (const piece of pieces) assert.ok(piece.isWellFormed(), `cut at ${cut}`);
  }
});

Deno.test("Detokenizer.push() gives the same text byte by byte", () => {
  const bytes = new TextEncoder().encode(SAMPLE);
  assert.equal(decodeChunks([...bytes].map((byte) => Uint8Array.of(byte))).all, SAMPLE);
});

Deno.test("Detokenizer.push() holds an incomplete sequence and emits it when complete", () => {
  const detokenizer = new Detokenizer();
  assert.equal(detokenizer.push(Uint8Array.of(0x61, 0xf0, 0x9f)), "a");
  assert.equal(detokenizer.push(Uint8Array.of(0x98)), "");
  assert.equal(detokenizer.push(Uint8Array.of(0x80, 0x62)), "😀b");
  assert.equal(detokenizer.flush(), "");
});

Deno.test("Detokenizer.push() replaces invalid bytes as soon as they are certain", () => {
  const detokenizer = new Detokenizer();
  assert.equal(detokenizer.push(Uint8Array.of(0xff)), "\uFFFD");
  assert.equal(detokenizer.push(Uint8Array.of(0xc0)), "\uFFFD");
  assert.equal(detokenizer.push(Uint8Array.of(0xe0, 0x80)), "\uFFFD\uFFFD");
  assert.equal(detokenizer.push(Uint8Array.of(0xed, 0xa0)), "\uFFFD\uFFFD");
  assert.equal(detokenizer.push(Uint8Array.of(0xe2, 0x82)), "");
  assert.equal(detokenizer.push(Uint8Array.of(0x41)), "\uFFFDA");
});

Deno.test("Detokenizer.flush() replaces a dangling sequence once and leaves a clean state", () => {
  const detokenizer = new Detokenizer();
  assert.equal(detokenizer.push(Uint8Array.of(0xf0, 0x9f, 0x98)), "");
  assert.equal(detokenizer.flush(), "\uFFFD");
  assert.equal(detokenizer.flush(), "");
  assert.equal(detokenizer.push(Uint8Array.of(0x80)), "\uFFFD");
});

Deno.test("Detokenizer.push() does not keep the caller's buffer", () => {
  const detokenizer = new Detokenizer();
  const buffer = Uint8Array.of(0xd0);
  detokenizer.push(buffer);
  buffer[0] = 0x41;
  assert.equal(detokenizer.push(Uint8Array.of(0x9f)), "П");
});

Deno.test("Detokenizer agrees with a one-shot decoder on random bytes and cuts", () => {
  // Bytes that open, continue and break sequences, drawn by a fixed generator.
  const alphabet = [
    0x41,
    0x80,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc2,
    0xe0,
    0xe2,
    0xed,
    0xef,
    0xf0,
    0xf3,
    0xf4,
    0xf5,
  ];
  let state = 12345;
  const next = (
    below: number,
  ) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0, (state >>> 8) % below);
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from({ length: 1 + next(9) }, () => alphabet[next(alphabet.length)]!);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + 1 + next(4));
      chunks.push(bytes.subarray(at, end));
      at = end;
    }
    assert.equal(decodeChunks(chunks).all, oracle(bytes), [...bytes].map((b) => b.toString(16)).join(" "));
  }
});
