/**
 * Owns the shared vocabulary of the room: the opened symbol tables and the crossing of strings and integers.
 * Always holds: nothing here is exported from `mod.ts`; symbols and pointers stay inside `ffi/`.
 */
import type { FUNCTION_POINTERS, GGML_BASE_SYMBOLS, GGML_SYMBOLS, LLAMA_SYMBOLS } from "./llama.gen.ts";

/** C functions of the platform's libc that serve as callbacks which need no JavaScript. */
export interface LibcCallbacks {
  /** `int abs(int)`: ignores what it is given; a log callback that says nothing. */
  silence: Deno.PointerObject;
  /** `size_t strlen(const char *)`: false while the first byte of its data is 0; an abort callback. */
  flag: Deno.PointerObject | null;
  /** Gives free memory of all heaps back to the system; null where there is no such function. */
  trim: (() => void) | null;
}

/** The opened libraries. */
export interface Native {
  llama: Deno.DynamicLibrary<typeof LLAMA_SYMBOLS>["symbols"];
  ggml: Deno.DynamicLibrary<typeof GGML_SYMBOLS>["symbols"];
  base: Deno.DynamicLibrary<typeof GGML_BASE_SYMBOLS>["symbols"];
  libc: LibcCallbacks;
  /** Functions of the CPU backend, if it has them. */
  threadPoolNew: Deno.UnsafeFnPointer<typeof FUNCTION_POINTERS.ggml_threadpool_new> | null;
  threadPoolFree: Deno.UnsafeFnPointer<typeof FUNCTION_POINTERS.ggml_threadpool_free> | null;
  /** Closes the libraries. */
  close(): void;
}

/** Key of the members that carry pointers from class to class inside this room. */
export const NATIVE = Symbol("native");

const encoder = new TextEncoder();

/** Encodes a NUL-terminated string. @throws when the text itself holds a NUL */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) {
    throw new Error(`Cannot pass ${JSON.stringify(text.slice(0, 80))} to C: it holds a NUL`);
  }
  const bytes = new Uint8Array(text.length * 3 + 1);
  const { written } = encoder.encodeInto(text, bytes);
  return bytes.subarray(0, written + 1);
}

/** A `const char **` and what it points to; `strings` must stay referenced while C uses `pointers`. */
export function cStringArray(
  texts: readonly string[],
): { pointers: BigUint64Array<ArrayBuffer>; strings: Uint8Array[] } {
  const strings = texts.map(cString);
  const pointers = new BigUint64Array(new ArrayBuffer(8 * Math.max(1, texts.length)));
  strings.forEach((bytes, i) => pointers[i] = addressOf(bytes));
  return { pointers, strings };
}

/** Reads a C string; `undefined` for NULL. */
export function readCString(pointer: Deno.PointerValue): string | undefined {
  return pointer === null ? undefined : new Deno.UnsafePointerView(pointer).getCString();
}

/** The address of a buffer that JavaScript owns; it must stay referenced while C uses the address. */
export function addressOf(data: ArrayBufferView<ArrayBuffer> | Uint8Array): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(data as Uint8Array<ArrayBuffer>));
}

/**
 * Reads a string through a C function of the family `int32_t f(..., char * buf, size_t size)`, which returns the
 * length it needs, or a negative number when there is nothing.
 */
export function readSizedString(
  call: (buffer: Uint8Array<ArrayBuffer>, size: bigint) => number,
): string | undefined {
  let buffer = new Uint8Array(256);
  let length = call(buffer, BigInt(buffer.length));
  if (length >= buffer.length) {
    buffer = new Uint8Array(length + 1);
    length = call(buffer, BigInt(buffer.length));
  }
  return length < 0 ? undefined : new TextDecoder().decode(buffer.subarray(0, length));
}
