/**
 * A forward-only cursor over a local file, for binary headers: little-endian, read ahead in chunks, bounded. Owns the
 * file handle. Reading or skipping past the end is a ModelFileError that says what was being read.
 */

import { Buffer } from "node:buffer";
import { ModelFileError } from "./model_file_error.ts";

const CHUNK_BYTES = 256 * 1024;

/** Number types that fit a JavaScript number. */
export type CursorNumber = "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "float32" | "float64";

/** An open file being read from front to back. */
export class GgufCursor implements Disposable {
  readonly path: string;
  /** Bytes. */
  readonly fileSize: number;
  readonly #file: Deno.FsFile;
  readonly #utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  #buffer = new Uint8Array(0);
  #view = new DataView(this.#buffer.buffer);
  /** Position of the buffer's first byte in the file. */
  #base = 0;
  /** Next byte to read, within the buffer. */
  #at = 0;

  /** @throws ModelFileError when the file cannot be opened or is a directory */
  constructor(path: string) {
    this.path = path;
    try {
      this.#file = Deno.openSync(path);
    } catch (cause) {
      throw new ModelFileError(path, openFailure(cause), { cause });
    }
    const info = this.#file.statSync();
    this.fileSize = info.size;
    if (info.isFile) return;
    this.#file.close();
    throw new ModelFileError(path, info.isDirectory ? "it is a directory" : "it is not a regular file");
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** Bytes from the start of the file to the next one to be read. */
  get position(): number {
    return this.#base + this.#at;
  }

  /** Bytes left. */
  get remaining(): number {
    return this.fileSize - this.position;
  }

  /** An error about the file's content. */
  damaged(reason: string): ModelFileError {
    return new ModelFileError(this.path, `the file is damaged: ${reason}`);
  }

  /** The next bytes, as a copy-free view that is valid until the next read. */
  bytes(count: number, what: string): Uint8Array {
    this.#need(count, what);
    this.#at += count;
    return this.#buffer.subarray(this.#at - count, this.#at);
  }

  /** The next number. */
  number(type: CursorNumber, what: string): number {
    const width = NUMBER_WIDTH[type];
    this.#need(width, what);
    this.#at += width;
    return NUMBER_READERS[type](this.#view, this.#at - width);
  }

  /** The next unsigned 32-bit integer. */
  uint32(what: string): number {
    return this.number("uint32", what);
  }

  /** The next 64-bit integer. */
  bigint(signed: boolean, what: string): bigint {
    this.#need(8, what);
    this.#at += 8;
    return signed ? this.#view.getBigInt64(this.#at - 8, true) : this.#view.getBigUint64(this.#at - 8, true);
  }

  /** A 64-bit count of things of at least `minBytes` each; refuses more than the rest of the file can hold. */
  count(minBytes: number, what: string): number {
    const value = this.#uint64(what);
    if (value * minBytes > this.remaining) {
      throw this.damaged(
        `it promises ${grouped(value)} ${what}, but only ${grouped(this.remaining)} bytes follow`,
      );
    }
    return value;
  }

  /** A string: 64-bit length, then UTF-8. Invalid bytes become U+FFFD. */
  string(maxBytes: number, what: string): string {
    return this.#utf8.decode(this.bytes(this.#stringLength(maxBytes, what), what));
  }

  /** A string, each byte as the character of that number. */
  byteText(maxBytes: number, what: string): string {
    const bytes = this.bytes(this.#stringLength(maxBytes, what), what);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(
      "latin1",
    );
  }

  /** Passes over a string. */
  skipString(maxBytes: number, what: string): void {
    this.skip(this.#stringLength(maxBytes, what), what);
  }

  /** Passes over bytes without reading them. */
  skip(count: number, what: string): void {
    if (count > this.remaining) throw this.#truncated(what);
    if (this.#at + count <= this.#buffer.length) {
      this.#at += count;
      return;
    }
    this.#base = this.position + count;
    this.#at = 0;
    this.#setBuffer(new Uint8Array(0));
    this.#file.seekSync(this.#base, Deno.SeekMode.Start);
  }

  #stringLength(maxBytes: number, what: string): number {
    const length = this.#uint64(what);
    if (length > this.remaining) throw this.#truncated(what);
    if (length > maxBytes) {
      throw this.damaged(`${what} is ${grouped(length)} bytes long, at most ${grouped(maxBytes)}`);
    }
    return length;
  }

  /** As a number; beyond 2^53 it is inexact, but then it exceeds any file as well. */
  #uint64(what: string): number {
    const low = this.uint32(what);
    return this.uint32(what) * 0x1_0000_0000 + low;
  }

  #truncated(what: string): ModelFileError {
    return new ModelFileError(
      this.path,
      `the file is truncated: it ends at ${grouped(this.fileSize)} bytes, within ${what}`,
    );
  }

  /** Makes `count` bytes available in the buffer. The file position is always the end of the buffer. */
  #need(count: number, what: string): void {
    if (this.#at + count <= this.#buffer.length) return;
    if (count > this.remaining) throw this.#truncated(what);
    const rest = this.#buffer.subarray(this.#at);
    const size = Math.min(Math.max(count, CHUNK_BYTES), this.remaining);
    const next = new Uint8Array(size);
    next.set(rest);
    for (let filled = rest.length; filled < size;) {
      const read = this.#file.readSync(next.subarray(filled));
      if (read === null) throw this.#truncated(what); // the file shrank while it was read
      filled += read;
    }
    this.#base = this.position;
    this.#at = 0;
    this.#setBuffer(next);
  }

  #setBuffer(buffer: Uint8Array<ArrayBuffer>): void {
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }
}

/** Bytes of a number. */
export const NUMBER_WIDTH: Readonly<Record<CursorNumber, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  float64: 8,
};

const NUMBER_READERS: Readonly<Record<CursorNumber, (view: DataView, at: number) => number>> = {
  uint8: (view, at) => view.getUint8(at),
  int8: (view, at) => view.getInt8(at),
  uint16: (view, at) => view.getUint16(at, true),
  int16: (view, at) => view.getInt16(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  int32: (view, at) => view.getInt32(at, true),
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
};

/** A count with thousands separators, for messages. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

function openFailure(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "no such file";
  if (cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable) {
    return "no permission to read it";
  }
  return cause instanceof Error ? cause.message : String(cause);
}
