/** Ways to spoil a model file's metadata: values, types, keys, the vocabulary, the chat template. */

import { concatBytes } from "../../src/core/bytes.ts";
import type { Random } from "../support/random.ts";
import {
  decodeNumber,
  type DocumentPair,
  encodeArray,
  encodeNumber,
  encodeString,
  type GgufDocument,
  itemsOf,
  VALUE,
} from "./gguf_document.ts";
import {
  ARCHITECTURES,
  ARRAY_KEYS,
  BOOL_KEYS,
  FLOAT_KEYS,
  NUMBER_KEYS,
  PRE_TOKENIZERS,
  TOKEN_ID_KEYS,
  TOKENIZER_SWITCHES,
  TOKENIZERS,
} from "./gguf_known_names.ts";

/** Changes the document. @returns what it did; undefined when there was nothing to do it to */
export type Mutation = (document: GgufDocument, random: Random) => string | undefined;

const WHOLE = [
  0,
  1,
  2,
  3,
  4,
  5,
  7,
  8,
  15,
  16,
  17,
  31,
  32,
  33,
  63,
  64,
  100,
  127,
  128,
  255,
  256,
  257,
  1000,
  65_535,
];
const HUGE = [2 ** 20, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1];
const FRACTIONS = [0, -0, 1, -1, 0.5, 1e-30, 1e30, -1e30, 3.4e38, NaN, Infinity, -Infinity];
const BAD_TEXT = [0x80, 0xc0, 0xc3, 0xe2, 0xed, 0xf0, 0xf5, 0xff];

/** A whole number that a file should not hold, or the value that is there, a little changed. */
function oddNumber(random: Random, now = 0): number {
  const near = [now - 1, now + 1, now * 2, Math.floor(now / 2), now * 3, now + 32];
  return random.next() < 0.4 ? random.pick(near) : random.pick(random.next() < 0.7 ? WHOLE : HUGE);
}

function isNumber({ type }: DocumentPair): boolean {
  return type !== VALUE.string && type !== VALUE.array && type !== VALUE.bool;
}

function text(pair: DocumentPair): string {
  return new TextDecoder().decode(pair.value.subarray(8));
}

/** A number in the file becomes another one. */
const changeNumber: Mutation = (document, random) => {
  const pairs = document.pairs.filter(isNumber);
  if (pairs.length === 0) return;
  const pair = random.pick(pairs);
  const value = pair.type === VALUE.float32 ? random.pick(FRACTIONS) : oddNumber(random, decodeNumber(pair));
  pair.value = encodeNumber(pair.type, value);
  return `${pair.key} = ${value}`;
};

/** A hyperparameter that llama.cpp knows, in the file or not, gets an odd value. */
const setHyperparameter: Mutation = (document, random) => {
  const kind = random.next();
  const named = (keys: readonly string[]) => `${document.architecture}.${random.pick(keys)}`;
  if (kind < 0.6) {
    const [key, value] = [named(NUMBER_KEYS), oddNumber(random)];
    document.set(key, VALUE.uint32, encodeNumber(VALUE.uint32, value));
    return `${key} = ${value}`;
  }
  if (kind < 0.75) {
    const [key, value] = [named(FLOAT_KEYS), random.pick(FRACTIONS)];
    document.set(key, VALUE.float32, encodeNumber(VALUE.float32, value));
    return `${key} = ${value}`;
  }
  if (kind < 0.85) {
    const [key, value] = [named(BOOL_KEYS), random.int(0, 1)];
    document.set(key, VALUE.bool, Uint8Array.of(value));
    return `${key} = ${value === 1}`;
  }
  return setArray(document, random, named(ARRAY_KEYS));
};

function setArray(document: GgufDocument, random: Random, key: string): string {
  const elementType = random.pick([VALUE.uint32, VALUE.int32, VALUE.bool, VALUE.float32, VALUE.string]);
  const length = random.pick([0, 1, 2, 2, 2, 2, 3, 4, 4, 8, 24, 511, 512, 513]);
  const items = Array.from(
    { length },
    () => elementType === VALUE.bool ? Uint8Array.of(1) : encodeNumber(elementType, oddNumber(random)),
  );
  document.set(key, VALUE.array, encodeArray({ elementType, items }));
  return `${key} = array of ${length}, type ${elementType}`;
}

const changeType: Mutation = (document, random) => {
  if (document.pairs.length === 0) return;
  const pair = random.pick(document.pairs);
  const type = random.int(0, 12);
  if (random.next() < 0.5) {
    // The bytes stay: what follows is read askew.
    pair.type = type;
    return `${pair.key} says it has type ${type}`;
  }
  const value = isNumber(pair) ? decodeNumber(pair) : random.int(0, 100);
  const array = () => encodeArray({ elementType: VALUE.uint32, items: [encodeNumber(VALUE.uint32, value)] });
  Object.assign(pair, { type, value: type === VALUE.array ? array() : encodeNumber(type, value) });
  return `${pair.key} becomes type ${type}`;
};

const removeKey: Mutation = (document, random) => {
  if (document.pairs.length === 0) return;
  const [pair] = document.pairs.splice(random.int(0, document.pairs.length - 1), 1);
  return `without ${pair!.key}`;
};

const repeatKey: Mutation = (document, random) => {
  if (document.pairs.length === 0) return;
  const pair = random.pick(document.pairs);
  document.pairs.splice(random.int(0, document.pairs.length), 0, { ...pair });
  return `${pair.key} twice`;
};

const renameKey: Mutation = (document, random) => {
  if (document.pairs.length === 0) return;
  const pair = random.pick(document.pairs);
  const before = pair.key;
  pair.key = random.pick(["", "x", "general.name", "k".repeat(70_000), before + "\0", before.toUpperCase()]);
  return `${before} becomes ${pair.key.slice(0, 20)}`;
};

/** The same weights under another architecture's name, whose sizes and tensors differ. */
const changeArchitecture: Mutation = (document, random) => {
  const [from, to] = [document.architecture, random.pick(ARCHITECTURES)];
  document.set("general.architecture", VALUE.string, encodeString(to));
  for (const pair of document.pairs) {
    if (pair.key.startsWith(from + ".")) pair.key = to + pair.key.slice(from.length);
  }
  return `architecture ${to}`;
};

const changeArrayLength: Mutation = (document, random) => {
  const pairs = document.pairs.filter(({ type }) => type === VALUE.array);
  if (pairs.length === 0) return;
  const pair = random.pick(pairs);
  const array = itemsOf(pair.value);
  const absurd = [0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 61n, 2n ** 63n, 2n ** 64n - 1n];
  const length = random.pick([...absurd, BigInt(array.items.length) - 1n, BigInt(array.items.length) + 1n]);
  pair.value = encodeArray(array, length);
  return `${pair.key} says it has ${length} elements`;
};

const setTokenId: Mutation = (document, random) => {
  const [key, value] = [random.pick(TOKEN_ID_KEYS), oddNumber(random)];
  document.set(key, VALUE.uint32, encodeNumber(VALUE.uint32, value));
  return `${key} = ${value}`;
};

const setSwitch: Mutation = (document, random) => {
  const [key, value] = [random.pick(TOKENIZER_SWITCHES), random.int(0, 1)];
  document.set(key, VALUE.bool, Uint8Array.of(value));
  // What is to be added is not always there.
  const without = random.pick(TOKEN_ID_KEYS);
  if (random.next() < 0.5) document.pairs = document.pairs.filter((pair) => pair.key !== without);
  return `${key} = ${value === 1}, perhaps without ${without}`;
};

/** Another kind of tokenizer than the tokens are for, perhaps with what it needs. */
const changeTokenizer: Mutation = (document, random) => {
  const tokens = document.find("tokenizer.ggml.tokens");
  if (tokens === undefined || tokens.type !== VALUE.array) return;
  if (random.next() < 0.3) {
    const pre = random.pick(PRE_TOKENIZERS);
    document.set("tokenizer.ggml.pre", VALUE.string, encodeString(pre));
    return `pre-tokenizer ${pre}`;
  }
  const model = random.pick(TOKENIZERS);
  document.set("tokenizer.ggml.model", VALUE.string, encodeString(model));
  const count = itemsOf(tokens.value).items.length;
  const scores = Array.from({ length: count }, (_, i) => encodeNumber(VALUE.float32, -i));
  if (random.next() < 0.6) {
    const value = encodeArray({ elementType: VALUE.float32, items: scores });
    document.set("tokenizer.ggml.scores", VALUE.array, value);
  }
  if (random.next() < 0.5) makeByteTokens(tokens);
  if (random.next() < 0.3) {
    const items = Array.from(
      { length: random.pick([0, 3, 4, 8, 100]) },
      () => Uint8Array.of(random.int(0, 255)),
    );
    const value = encodeArray({ elementType: 0, items });
    document.set("tokenizer.ggml.precompiled_charsmap", VALUE.array, value);
  }
  return `tokenizer ${model}`;
};

/** SentencePiece and others want a token for each byte. */
function makeByteTokens(pair: DocumentPair): void {
  const array = itemsOf(pair.value);
  const at = Math.max(0, array.items.length - 256);
  for (let byte = 0; byte < 256 && at + byte < array.items.length; byte++) {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
    array.items[at + byte] = encodeString(name);
  }
  pair.value = encodeArray(array);
}

const VOCABULARY_ARRAYS = ["tokens", "tokens", "tokens", "token_type", "scores", "merges", "merges"];

/** One of the vocabulary's lists gets too short, too long, or odd elements. */
const spoilVocabulary: Mutation = (document, random) => {
  const pair = document.find(`tokenizer.ggml.${random.pick(VOCABULARY_ARRAYS)}`);
  if (pair === undefined || pair.type !== VALUE.array) return;
  const array = itemsOf(pair.value);
  const { items } = array;
  const some = random.int(0, Math.max(0, items.length - 1));
  switch (random.int(0, 5)) {
    case 0:
      array.items = items.slice(0, random.pick([0, 1, some, items.length - 1]));
      break;
    case 1:
      array.items = [...items, ...items.slice(0, random.pick([1, 2, items.length]))];
      break;
    case 2:
      array.items = [...items].reverse();
      break;
    case 3:
      array.items = items.map(() => items[some]!).filter((item) => item !== undefined);
      break;
    default:
      for (let i = random.int(1, 20); i > 0 && items.length > 0; i--) {
        items[random.int(0, items.length - 1)] = oddElement(random, array.elementType);
      }
  }
  pair.value = encodeArray(array);
  return `spoilt ${pair.key}`;
};

function oddElement(random: Random, elementType: number): Uint8Array {
  if (elementType === VALUE.float32) return encodeNumber(VALUE.float32, random.pick(FRACTIONS));
  if (elementType !== VALUE.string) return encodeNumber(elementType, oddNumber(random));
  const bad = concatBytes([Uint8Array.of(random.pick(BAD_TEXT)), Uint8Array.of(random.int(0, 255))]);
  const texts = [
    "",
    " ",
    "a",
    "a b c",
    "\0",
    "<0x0A>",
    "\n",
    "  ",
    "é",
    "\u{1f600}",
    "x".repeat(5000),
    "a ",
    " a",
  ];
  return encodeString(random.next() < 0.4 ? bad : random.pick(texts));
}

const TEMPLATES = [
  "",
  "{% for %}",
  "{{ messages",
  "{% if x %}",
  "{{ 1/0 }}",
  "{{ raise_exception('no') }}",
  "{% for a in range(1000000000) %}{{ a }}{% endfor %}",
  "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
  "{{ 'x' * 1000000000 }}",
  "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
  "{% set ns = namespace(t='aaaaaaaa') %}{% for a in range(60) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}{{ ns.t }}",
  "{{ messages[999].content }}",
  "(".repeat(20_000),
  "{{" + "(".repeat(20_000) + "1" + ")".repeat(20_000) + "}}",
  "{{ " + "[".repeat(5000) + "]".repeat(5000) + " }}",
  "\0\uFFFD",
];

const changeTemplate: Mutation = (document, random) => {
  const template = random.pick(TEMPLATES);
  document.set("tokenizer.chat_template", VALUE.string, encodeString(template));
  return `template ${template.slice(0, 40)}`;
};

/** What only split files and other kinds of GGUF files say. */
const changeKind: Mutation = (document, random) => {
  const key = random.pick(["split.count", "split.no", "split.tensors.count", "general.alignment"]);
  if (random.next() < 0.75) {
    const type = random.pick([VALUE.uint32, VALUE.int32, 2, VALUE.uint64]);
    const value = key === "general.alignment"
      ? random.pick([0, 1, 2, 3, 8, 16, 24, 64, 128, 4096, 2 ** 20, 2 ** 31])
      : random.pick([0, 1, 2, 3, 65_535]);
    document.set(key, type, encodeNumber(type, value));
    return `${key} = ${value}`;
  }
  const kind = random.pick(["adapter", "mmproj", "imatrix", "vocab", ""]);
  document.set("general.type", VALUE.string, encodeString(kind));
  document.set("adapter.type", VALUE.string, encodeString(random.pick(["lora", "x", ""])));
  return `general.type = ${kind}`;
};

const changeText: Mutation = (document, random) => {
  const pairs = document.pairs.filter(({ type }) => type === VALUE.string);
  if (pairs.length === 0) return;
  const pair = random.pick(pairs);
  const before = text(pair).slice(0, 20);
  const odd = ["", "\0", "x".repeat(100_000), "%s%n%d", "none", "\u{1f600}"];
  const bytes = random.next() < 0.3
    ? Uint8Array.of(random.pick(BAD_TEXT), random.pick(BAD_TEXT))
    : new TextEncoder().encode(random.pick(odd));
  pair.value = encodeString(bytes);
  return `${pair.key}, before ${JSON.stringify(before)}, has other text`;
};

/** With how often each is chosen. */
export const METADATA_MUTATIONS: readonly (readonly [weight: number, Mutation])[] = [
  [6, changeNumber],
  [14, setHyperparameter],
  [3, changeType],
  [3, removeKey],
  [1, repeatKey],
  [1, renameKey],
  [4, changeArchitecture],
  [2, changeArrayLength],
  [4, setTokenId],
  [3, setSwitch],
  [5, changeTokenizer],
  [6, spoilVocabulary],
  [1, changeTemplate],
  [3, changeKind],
  [2, changeText],
];
