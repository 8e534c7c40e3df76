/** Seeded texts and token sequences: the same seed gives the same prompt on every machine. */

import { Random } from "../support/random.ts";

/** What a text looks like. */
export type TextKind = "english" | "russian" | "code" | "numbers";

/** All kinds. */
export const TEXT_KINDS: readonly TextKind[] = ["english", "russian", "code", "numbers"];

const ENGLISH =
  "the river carried small boats past quiet farms while children counted clouds and old friends talked about weather"
    .split(" ");
const RUSSIAN = "река несла лодки мимо тихих полей пока дети считали облака а старые друзья говорили о погоде"
  .split(" ");
const NAMES = ["count", "index", "buffer", "total", "next", "parse", "value", "items"];

/** A text of about `words` words. */
export function seededText(kind: TextKind, words: number, seed: number): string {
  const random = new Random(seed);
  switch (kind) {
    case "english":
      return prose(ENGLISH, words, random);
    case "russian":
      return prose(RUSSIAN, words, random);
    case "code":
      return Array.from({ length: Math.max(1, Math.ceil(words / 5)) }, () => statement(random)).join("\n");
    case "numbers":
      return Array.from(
        { length: words },
        () => (random.next() * 10 ** random.int(0, 6)).toFixed(random.int(0, 3)),
      )
        .join(", ");
  }
}

/** `length` distinct-looking ordinary tokens, for prompts that only need a length. @param below ids are under it */
export function seededTokens(length: number, below: number, seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length }, () => random.int(100, below - 1));
}

function prose(vocabulary: readonly string[], words: number, random: Random): string {
  const sentences: string[] = [];
  for (let left = words; left > 0;) {
    const length = Math.min(left, random.int(4, 14));
    const sentence = Array.from({ length }, () => random.pick(vocabulary)).join(" ");
    sentences.push(`${sentence[0]!.toUpperCase()}${sentence.slice(1)}.`);
    left -= length;
  }
  return sentences.join(" ");
}

function statement(random: Random): string {
  const [a, b] = [random.pick(NAMES), random.pick(NAMES)];
  return random.pick([
    `const ${a} = ${b} + ${random.int(0, 999)};`,
    `if (${a} > ${b}) { ${b} -= ${random.int(1, 9)}; }`,
    `for (let i = 0; i < ${a}; i++) ${b}.push(i * ${random.int(2, 64)});`,
    `def ${a}_${b}(self, ${a}):\n    return self.${b}[${a}]`,
  ]);
}
