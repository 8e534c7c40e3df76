/**
 * Writes GGUF v3 files for tests. Tensor data is produced piece by piece while writing, so a file may be larger than
 * memory. The file appears under its name only when it is complete.
 */

import { dirname } from "node:path";
import { concatBytes } from "../../src/core/bytes.ts";
import { ggmlType } from "../../src/models/ggml_type.ts";
import { GGUF_VALUE_TYPES, type GgufScalar, type GgufValueType } from "../../src/models/gguf.ts";

/** Tensor types that the writer can encode, with their ggml numbers. */
export const WRITABLE_TYPES = { F32: 0, F16: 1, Q8_0: 8 } as const;

/** Name of a tensor type that the writer can encode. */
export type WritableType = keyof typeof WRITABLE_TYPES;

/** Produces a tensor's elements in order; called with consecutive pieces. `start` is the index of the first. */
export type TensorFill = (piece: Float32Array, start: number) => void;

interface TensorPlan {
  name: string;
  dims: readonly number[];
  type: WritableType;
  fill: TensorFill;
}

const ALIGNMENT = 32;
/** Elements produced at a time; a multiple of every block size. */
const PIECE = 1 << 20;
const BLOCK = 32;

/** Collects metadata and tensors, then writes them in the order of the calls. */
export class GgufWriter {
  readonly #metadata = new Map<string, Uint8Array>();
  readonly #tensors: TensorPlan[] = [];

  /** Sets a scalar; the key's earlier value is replaced. */
  set(key: string, type: Exclude<GgufValueType, "array">, value: GgufScalar): this {
    this.#metadata.set(key, concatBytes([uint32(typeNumber(type)), scalar(type, value)]));
    return this;
  }

  /** Sets an array of scalars. */
  setArray(key: string, type: Exclude<GgufValueType, "array">, values: readonly GgufScalar[]): this {
    const head = [uint32(typeNumber("array")), uint32(typeNumber(type)), uint64(values.length)];
    this.#metadata.set(key, concatBytes([...head, ...values.map((value) => scalar(type, value))]));
    return this;
  }

  /** Takes a key out again. */
  remove(key: string): this {
    this.#metadata.delete(key);
    return this;
  }

  /**
   * Adds a tensor.
   * @param dims elements along each dimension, fastest first
   * @param fill a constant, or a function that produces the elements
   */
  tensor(name: string, dims: readonly number[], type: WritableType, fill: number | TensorFill): this {
    if (type === "Q8_0" && dims[0]! % BLOCK !== 0) {
      throw new Error(`Cannot write ${name}: ${dims[0]} is no multiple of ${BLOCK}`);
    }
    const produce = typeof fill === "number" ? (piece: Float32Array) => void piece.fill(fill) : fill;
    this.#tensors.push({ name, dims, type, fill: produce });
    return this;
  }

  /** Everything before the tensor data, padding included. */
  header(): Uint8Array {
    const parts = [latin1("GGUF"), uint32(3), uint64(this.#tensors.length), uint64(this.#metadata.size)];
    for (const [key, value] of this.#metadata) parts.push(string(key), value);
    let offset = 0;
    for (const { name, dims, type } of this.#tensors) {
      parts.push(
        string(name),
        uint32(dims.length),
        ...dims.map(uint64),
        uint32(WRITABLE_TYPES[type]),
        uint64(offset),
      );
      offset += padded(dataBytes(dims, type));
    }
    const bytes = concatBytes(parts);
    return concatBytes([bytes, new Uint8Array(padded(bytes.length) - bytes.length)]);
  }

  /** Size of the whole file in bytes. */
  fileSize(): number {
    return this.#tensors.reduce(
      (sum, { dims, type }) => sum + padded(dataBytes(dims, type)),
      this.header().length,
    );
  }

  /** Writes the file, making its folder. */
  write(path: string): void {
    Deno.mkdirSync(dirname(path), { recursive: true });
    const temporary = `${path}.${Deno.pid}.tmp`;
    try {
      using file = Deno.openSync(temporary, { write: true, create: true, truncate: true });
      writeAll(file, this.header());
      for (const tensor of this.#tensors) writeTensor(file, tensor);
    } catch (error) {
      Deno.removeSync(temporary);
      throw error;
    }
    Deno.renameSync(temporary, path);
  }
}

function writeTensor(file: Deno.FsFile, { dims, type, fill }: TensorPlan): void {
  const elements = product(dims);
  const buffer = new Float32Array(Math.min(PIECE, elements));
  for (let start = 0; start < elements; start += PIECE) {
    const piece = buffer.subarray(0, Math.min(PIECE, elements - start));
    fill(piece, start);
    writeAll(file, encode(piece, type));
  }
  const bytes = dataBytes(dims, type);
  writeAll(file, new Uint8Array(padded(bytes) - bytes));
}

function encode(piece: Float32Array, type: WritableType): Uint8Array {
  if (type === "F32") return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  if (type === "F16") return new Uint8Array(new Float16Array(piece).buffer);
  return encodeQ8(piece);
}

/** Blocks of 32: a half-precision scale, then 32 signed bytes (`block_q8_0`). */
function encodeQ8(piece: Float32Array): Uint8Array {
  const blocks = piece.length / BLOCK;
  const out = new DataView(new ArrayBuffer(blocks * 34));
  for (let block = 0; block < blocks; block++) {
    let most = 0;
    for (let i = 0; i < BLOCK; i++) most = Math.max(most, Math.abs(piece[block * BLOCK + i]!));
    const scale = most / 127;
    out.setFloat16(block * 34, scale, true);
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < BLOCK; i++) {
      out.setInt8(block * 34 + 2 + i, Math.round(piece[block * BLOCK + i]! * inverse));
    }
  }
  return new Uint8Array(out.buffer);
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

function dataBytes(dims: readonly number[], type: WritableType): number {
  const { blockSize, blockBytes } = ggmlType(WRITABLE_TYPES[type])!;
  return product(dims) / blockSize * blockBytes;
}

function product(dims: readonly number[]): number {
  return dims.reduce((all, dim) => all * dim, 1);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function typeNumber(type: GgufValueType): number {
  return GGUF_VALUE_TYPES.indexOf(type);
}

function scalar(type: Exclude<GgufValueType, "array">, value: GgufScalar): Uint8Array {
  if (type === "string") return string(String(value));
  if (type === "bool") return Uint8Array.of(value ? 1 : 0);
  const view = new DataView(new ArrayBuffer(8));
  const width = SETTERS[type](view, value as number | bigint);
  return new Uint8Array(view.buffer, 0, width);
}

/** Each writes a value at the start of a view and returns its width in bytes. */
const SETTERS: Record<
  Exclude<GgufValueType, "array" | "string" | "bool">,
  (view: DataView, value: number | bigint) => number
> = {
  uint8: (view, value) => (view.setUint8(0, Number(value)), 1),
  int8: (view, value) => (view.setInt8(0, Number(value)), 1),
  uint16: (view, value) => (view.setUint16(0, Number(value), true), 2),
  int16: (view, value) => (view.setInt16(0, Number(value), true), 2),
  uint32: (view, value) => (view.setUint32(0, Number(value), true), 4),
  int32: (view, value) => (view.setInt32(0, Number(value), true), 4),
  float32: (view, value) => (view.setFloat32(0, Number(value), true), 4),
  uint64: (view, value) => (view.setBigUint64(0, BigInt(value), true), 8),
  int64: (view, value) => (view.setBigInt64(0, BigInt(value), true), 8),
  float64: (view, value) => (view.setFloat64(0, Number(value), true), 8),
};

function uint32(value: number): Uint8Array {
  return scalar("uint32", value);
}

function uint64(value: number): Uint8Array {
  return scalar("uint64", value);
}

function string(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const out = new Uint8Array(8 + bytes.length);
  out.set(uint64(bytes.length));
  out.set(bytes, 8);
  return out;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
