/**
 * A GGUF file taken apart so that any piece can be spoilt and the rest put together again. Knows the format but trusts
 * and checks nothing: what it writes may be nonsense, that is its purpose. Format: ggml's docs/gguf.md.
 */

import { concatBytes } from "../../src/core/bytes.ts";

/** Value types by number, as far as this module computes with them. */
export const VALUE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9, uint64: 10 } as const;

/** Bytes of a value, by type number; strings and arrays have none of their own. */
const WIDTHS = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

/** A metadata entry; `value` is as in the file, without the type. */
export interface DocumentPair {
  key: string;
  type: number;
  value: Uint8Array;
}

/** A tensor; without an offset it lies behind the one before it. */
export interface DocumentTensor {
  name: string;
  dims: bigint[];
  /** Number of dimensions that is written; as many as there are by default. */
  nDims?: number;
  type: number;
  offset?: bigint;
  /** With the padding that follows. */
  data: Uint8Array;
}

/** A stretch of the file that means one thing. */
export interface Region {
  name: string;
  start: number;
  end: number;
}

/** An array's element type and its elements, each as in the file. */
export interface ArrayItems {
  elementType: number;
  items: Uint8Array[];
}

/** See the module comment. */
export class GgufDocument {
  version = 3;
  /** Counts to write instead of the true ones. */
  tensorCount: bigint | undefined;
  pairCount: bigint | undefined;

  constructor(public pairs: DocumentPair[], public tensors: DocumentTensor[]) {}

  /** Takes a sound file apart. */
  static parse(bytes: Uint8Array): GgufDocument {
    const reader = new Reader(bytes);
    reader.skip(8);
    const [tensorCount, pairCount] = [Number(reader.uint64()), Number(reader.uint64())];
    const pairs = Array.from({ length: pairCount }, () => {
      const key = reader.string();
      const type = reader.uint32();
      const start = reader.at;
      reader.skipValue(type);
      return { key, type, value: bytes.slice(start, reader.at) };
    });
    const infos = Array.from({ length: tensorCount }, () => {
      const name = reader.string();
      const dims = Array.from({ length: reader.uint32() }, () => reader.uint64());
      return { name, dims, type: reader.uint32(), offset: Number(reader.uint64()) };
    });
    const base = padded(reader.at);
    const tensors = infos.map(({ name, dims, type, offset }, i) => {
      const end = infos[i + 1]?.offset ?? bytes.length - base;
      return { name, dims, type, data: bytes.subarray(base + offset, base + end) };
    });
    return new GgufDocument(pairs, tensors);
  }

  /** A copy whose lists can be changed; contents are shared, so replace them. */
  clone(): GgufDocument {
    const copy = new GgufDocument(
      this.pairs.map((pair) => ({ ...pair })),
      this.tensors.map((tensor) => ({ ...tensor, dims: [...tensor.dims] })),
    );
    return copy;
  }

  /** The value of `general.architecture`. */
  get architecture(): string {
    const pair = this.find("general.architecture");
    return pair === undefined ? "" : new TextDecoder().decode(pair.value.subarray(8));
  }

  /** The entry of that key. */
  find(key: string): DocumentPair | undefined {
    return this.pairs.find((pair) => pair.key === key);
  }

  /** Sets an entry, in place when there is one. */
  set(key: string, type: number, value: Uint8Array): void {
    const pair = this.find(key);
    if (pair) Object.assign(pair, { type, value });
    else this.pairs.push({ key, type, value });
  }

  /** The whole file, and what lies where. */
  write(): { bytes: Uint8Array; regions: Region[] } {
    const out = new Output();
    out.add("magic", new TextEncoder().encode("GGUF"));
    out.add("version", encodeNumber(VALUE.uint32, this.version));
    out.add("tensor count", uint64(this.tensorCount ?? BigInt(this.tensors.length)));
    out.add("metadata count", uint64(this.pairCount ?? BigInt(this.pairs.length)));
    for (const pair of this.pairs) addPair(out, pair);
    let next = 0n;
    for (const tensor of this.tensors) {
      addTensor(out, tensor, tensor.offset ?? next);
      next += BigInt(padded(tensor.data.length));
    }
    if (this.tensors.length > 0) out.pad();
    for (const { name, data } of this.tensors) {
      out.add(`data of ${name}`, data);
      out.pad();
    }
    return out.done();
  }
}

/** Elements of an array's value. */
export function itemsOf(value: Uint8Array): ArrayItems {
  const reader = new Reader(value);
  const elementType = reader.uint32();
  const items: Uint8Array[] = [];
  // What was spoilt before may promise more than there is.
  for (let left = reader.uint64(); left > 0n && reader.at < value.length; left--) {
    const start = reader.at;
    reader.skipValue(elementType);
    items.push(value.subarray(start, reader.at));
  }
  return { elementType, items };
}

/** An array's value. @param length what it says of itself, if not the truth */
export function encodeArray({ elementType, items }: ArrayItems, length = BigInt(items.length)): Uint8Array {
  return concatBytes([encodeNumber(VALUE.uint32, elementType), uint64(length), ...items]);
}

/** A string's value. */
export function encodeString(text: string | Uint8Array): Uint8Array {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return concatBytes([uint64(BigInt(bytes.length)), bytes]);
}

/** A number's value, wrapped to its type; a string's bytes are its decimal digits. */
export function encodeNumber(type: number, value: number | bigint): Uint8Array {
  if (type === VALUE.string) return encodeString(String(value));
  const view = new DataView(new ArrayBuffer(8));
  const width = WIDTHS[type] ?? 8;
  if (type === VALUE.float32) view.setFloat32(0, Number(value), true);
  else if (type === 12) view.setFloat64(0, Number(value), true);
  else view.setBigUint64(0, BigInt.asUintN(64, BigInt(wholeNumber(value))), true);
  return new Uint8Array(view.buffer, 0, width);
}

/** A whole number's value. */
export function decodeNumber({ type, value }: DocumentPair): number {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (type === VALUE.float32) return view.getFloat32(0, true);
  return value.reduceRight((sum, byte) => sum * 256 + byte, 0);
}

function wholeNumber(value: number | bigint): number | bigint {
  return typeof value === "bigint" ? value : Number.isFinite(value) ? Math.trunc(value) : 0;
}

function uint64(value: bigint): Uint8Array {
  return encodeNumber(VALUE.uint64, value);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 32) * 32;
}

function addPair(out: Output, { key, type, value }: DocumentPair): void {
  out.add(`length of key ${key}`, uint64(BigInt(new TextEncoder().encode(key).length)));
  out.add(`key ${key}`, new TextEncoder().encode(key));
  out.add(`type of ${key}`, encodeNumber(VALUE.uint32, type));
  if (type === VALUE.array) {
    out.add(`element type of ${key}`, value.subarray(0, 4));
    out.add(`array length of ${key}`, value.subarray(4, 12));
    out.add(`elements of ${key}`, value.subarray(12));
  } else if (type === VALUE.string) {
    out.add(`string length of ${key}`, value.subarray(0, 8));
    out.add(`text of ${key}`, value.subarray(8));
  } else {
    out.add(`value of ${key}`, value);
  }
}

function addTensor(out: Output, tensor: DocumentTensor, offset: bigint): void {
  const name = new TextEncoder().encode(tensor.name);
  out.add(`length of tensor name ${tensor.name}`, uint64(BigInt(name.length)));
  out.add(`tensor name ${tensor.name}`, name);
  out.add(
    `dimension count of ${tensor.name}`,
    encodeNumber(VALUE.uint32, tensor.nDims ?? tensor.dims.length),
  );
  for (const dim of tensor.dims) out.add(`dimension of ${tensor.name}`, uint64(dim));
  out.add(`type of tensor ${tensor.name}`, encodeNumber(VALUE.uint32, tensor.type));
  out.add(`offset of ${tensor.name}`, uint64(offset));
}

class Output {
  readonly #parts: Uint8Array[] = [];
  readonly #regions: Region[] = [];
  #at = 0;

  add(name: string, bytes: Uint8Array): void {
    this.#parts.push(bytes);
    if (bytes.length > 0) this.#regions.push({ name, start: this.#at, end: this.#at + bytes.length });
    this.#at += bytes.length;
  }

  pad(): void {
    this.add("padding", new Uint8Array(padded(this.#at) - this.#at));
  }

  done(): { bytes: Uint8Array; regions: Region[] } {
    return { bytes: concatBytes(this.#parts), regions: this.#regions };
  }
}

class Reader {
  at = 0;
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  skip(count: number): void {
    this.at += count;
  }

  uint32(): number {
    this.at += 4;
    return this.#view.getUint32(this.at - 4, true);
  }

  uint64(): bigint {
    this.at += 8;
    return this.#view.getBigUint64(this.at - 8, true);
  }

  string(): string {
    const length = Number(this.uint64());
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }

  skipValue(type: number): void {
    if (type === VALUE.string) this.skip(Number(this.uint64()));
    else if (type === VALUE.array) {
      const elementType = this.uint32();
      for (let left = this.uint64(); left > 0n; left--) this.skipValue(elementType);
    } else this.skip(WIDTHS[type]!);
  }
}
