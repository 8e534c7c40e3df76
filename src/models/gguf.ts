/**
 * Reads the header of a GGUF file (versions 2 and 3, little-endian) without its weights. Nothing in the file is trusted:
 * every length is checked against what is left of the file before anything is read or allocated for it, and large
 * arrays are walked over, not kept. Format: ggml's docs/gguf.md and gguf.cpp.
 */

import { GgufCursor, NUMBER_WIDTH } from "./gguf_cursor.ts";
import { ModelFileError } from "./model_file_error.ts";

/** A value that is not an array. 64-bit integers are numbers where a number holds them exactly. */
export type GgufScalar = number | bigint | boolean | string;

/** An array of one scalar type. */
export interface GgufArray {
  elementType: GgufValueType;
  length: number;
  /** The elements; undefined when the array was longer than wanted. */
  values?: readonly GgufScalar[];
}

/** A metadata value. */
export type GgufValue = GgufScalar | GgufArray;

/** A tensor as the header describes it. */
export interface GgufTensor {
  name: string;
  /** Elements along each dimension, fastest first; at most 4, each a safe integer. */
  dims: readonly number[];
  /** `enum ggml_type`; may be unknown, see `ggmlType()`. */
  type: number;
  /** Bytes from `dataOffset`. */
  offset: number;
}

/** Everything before the weights. */
export interface GgufHeader {
  version: number;
  /** Bytes to which tensor data is aligned; a power of two. */
  alignment: number;
  /** In file order. */
  metadata: ReadonlyMap<string, GgufValue>;
  /** Type of each metadata value as written: some are refused in any type but one. */
  types: ReadonlyMap<string, GgufValueType>;
  tensors: readonly GgufTensor[];
  /** Where tensor data begins, in bytes from the start of the file. */
  dataOffset: number;
  /** Bytes. */
  fileSize: number;
}

/** What to keep. */
export interface ReadGgufOptions {
  /** Arrays up to this many elements are kept. Default 1024. */
  maxArrayLength?: number;
  /** Keys whose arrays are kept whatever their length. */
  keepArrays?: ReadonlySet<string>;
  /** Keys whose texts are kept byte for byte, each byte a character up to U+00FF: they may be no UTF-8. */
  byteTexts?: ReadonlySet<string>;
}

/** Value types of the format, by number. */
export const GGUF_VALUE_TYPES = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
] as const;

/** Name of a value type. */
export type GgufValueType = typeof GGUF_VALUE_TYPES[number];

/** Bytes of a value; for a string the least (its length field). */
const VALUE_BYTES: Readonly<Record<GgufValueType, number>> = {
  ...NUMBER_WIDTH,
  bool: 1,
  string: 8,
  array: 12,
  uint64: 8,
  int64: 8,
};

const MAX_DIMS = 4; // GGML_MAX_DIMS
const MAX_NAME_BYTES = 63; // GGML_MAX_NAME with its terminating zero
const MAX_KEY_BYTES = 65_535; // docs/gguf.md
const MAX_STRING_BYTES = 64 * 1024 * 1024;
/** Smallest encodings: key length + one-byte key + type + one-byte value; name length + dims + type + offset. */
const MIN_PAIR_BYTES = 14;
const MIN_TENSOR_BYTES = 24;

/**
 * Reads a header.
 * @throws ModelFileError when the file is missing, empty, no GGUF, of another endianness or version, or damaged
 */
export function readGguf(path: string, options: ReadGgufOptions = {}): GgufHeader {
  using cursor = new GgufCursor(path);
  const { version, pairs, tensorCount } = readPreamble(cursor);
  const metadata = new Map<string, GgufValue>();
  const types = new Map<string, GgufValueType>();
  for (let i = 0; i < pairs; i++) {
    const key = cursor.string(MAX_KEY_BYTES, `metadata key ${i}`);
    if (key === "") throw cursor.damaged(`metadata key ${i} is empty`);
    if (metadata.has(key)) throw cursor.damaged(`metadata key "${key}" occurs twice`);
    const valueType = readValueType(cursor, `metadata "${key}"`);
    types.set(key, valueType);
    metadata.set(key, readValue(cursor, key, valueType, options));
  }
  const alignment = alignmentOf(cursor, metadata);
  const tensors: GgufTensor[] = [];
  const names = new Set<string>();
  for (let i = 0; i < tensorCount; i++) {
    const tensor = readTensor(cursor, i);
    if (names.has(tensor.name)) throw cursor.damaged(`tensor "${tensor.name}" occurs twice`);
    names.add(tensor.name);
    tensors.push(tensor);
  }
  const dataOffset = tensorCount === 0 ? cursor.position : Math.ceil(cursor.position / alignment) * alignment;
  return { version, alignment, metadata, types, tensors, dataOffset, fileSize: cursor.fileSize };
}

function readPreamble(cursor: GgufCursor): { version: number; pairs: number; tensorCount: number } {
  if (cursor.fileSize === 0) throw new ModelFileError(cursor.path, "the file is empty");
  const magic = cursor.fileSize < 4
    ? cursor.bytes(cursor.fileSize, "the magic")
    : cursor.bytes(4, "the magic");
  if (new TextDecoder("latin1").decode(magic) !== "GGUF") {
    const shown = Array.from(magic, (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?")
      .join("");
    const hex = Array.from(magic, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new ModelFileError(cursor.path, `not a GGUF file: it begins with "${shown}" (${hex}), not "GGUF"`);
  }
  const version = cursor.uint32("the version");
  if ((version & 0xffff) === 0 && version !== 0) {
    throw new ModelFileError(cursor.path, "the file is big-endian; convert it for a little-endian machine");
  }
  if (version !== 2 && version !== 3) {
    throw new ModelFileError(cursor.path, `GGUF version ${version} is not supported, only 2 and 3`);
  }
  const tensorCount = cursor.count(MIN_TENSOR_BYTES, "tensors");
  const pairs = cursor.count(MIN_PAIR_BYTES, "metadata entries");
  return { version, pairs, tensorCount };
}

function readValue(
  cursor: GgufCursor,
  key: string,
  valueType: GgufValueType,
  options: ReadGgufOptions,
): GgufValue {
  const what = `metadata "${key}"`;
  return valueType === "array" ? readArray(cursor, key, what, options) : readScalar(cursor, valueType, what);
}

function readArray(cursor: GgufCursor, key: string, what: string, options: ReadGgufOptions): GgufArray {
  const elementType = readValueType(cursor, what);
  // libllama reads none either.
  if (elementType === "array") throw cursor.damaged(`${what} is an array of arrays`);
  const length = cursor.count(VALUE_BYTES[elementType], `elements of ${what}`);
  if (length <= (options.maxArrayLength ?? 1024) || options.keepArrays?.has(key)) {
    const values: GgufScalar[] = [];
    if (elementType === "string" && options.byteTexts?.has(key)) {
      for (let i = 0; i < length; i++) values.push(cursor.byteText(MAX_STRING_BYTES, what));
    } else {
      for (let i = 0; i < length; i++) values.push(readScalar(cursor, elementType, what));
    }
    return { elementType, length, values };
  }
  if (elementType === "string") {
    for (let i = 0; i < length; i++) cursor.skipString(MAX_STRING_BYTES, what);
  } else {
    cursor.skip(length * VALUE_BYTES[elementType], what);
  }
  return { elementType, length };
}

function readValueType(cursor: GgufCursor, what: string): GgufValueType {
  const id = cursor.uint32(`the type of ${what}`);
  const valueType = GGUF_VALUE_TYPES[id];
  if (valueType === undefined) throw cursor.damaged(`${what} has the unknown value type ${id}`);
  return valueType;
}

function readScalar(
  cursor: GgufCursor,
  valueType: Exclude<GgufValueType, "array">,
  what: string,
): GgufScalar {
  switch (valueType) {
    case "string":
      return cursor.string(MAX_STRING_BYTES, what);
    case "bool":
      return cursor.number("uint8", what) !== 0;
    case "uint64":
    case "int64":
      return narrow(cursor.bigint(valueType === "int64", what));
    default:
      return cursor.number(valueType, what);
  }
}

function readTensor(cursor: GgufCursor, index: number): GgufTensor {
  const name = cursor.string(MAX_NAME_BYTES, `the name of tensor ${index}`);
  const what = `tensor "${name}"`;
  const nDims = cursor.uint32(`the dimensions of ${what}`);
  if (nDims > MAX_DIMS) throw cursor.damaged(`${what} has ${nDims} dimensions, at most ${MAX_DIMS}`);
  const dims: number[] = [];
  for (let i = 0; i < nDims; i++) {
    dims.push(safe(cursor, cursor.bigint(false, what), `a dimension of ${what}`));
  }
  const elements = dims.reduce((product, dim) => product * dim, 1);
  if (!Number.isSafeInteger(elements)) {
    throw cursor.damaged(`${what} has too many elements: ${dims.join(" x ")}`);
  }
  const type = cursor.uint32(`the type of ${what}`);
  const offset = safe(cursor, cursor.bigint(false, what), `the offset of ${what}`);
  return { name, dims, type, offset };
}

function alignmentOf(cursor: GgufCursor, metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get("general.alignment") ?? 32;
  const power = typeof alignment === "number" && alignment > 0 && Number.isInteger(Math.log2(alignment));
  if (!power) throw cursor.damaged(`general.alignment is ${String(alignment)}, not a power of two`);
  return alignment;
}

function safe(cursor: GgufCursor, value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw cursor.damaged(`${what} is ${value}`);
  return Number(value);
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
