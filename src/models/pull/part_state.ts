/**
 * How far the parts of a download are, on disk beside the data: `<blob>-partial-<N>`, JSON in Ollama's form. What
 * a state claims as completed has been written before. States that do not cover the blob exactly count as none.
 */

import { basename, dirname, join } from "node:path";

/** A piece of a blob that is downloaded by itself. */
export interface Part {
  /** Index from 0. */
  n: number;
  /** First byte. */
  offset: number;
  /** Bytes. */
  size: number;
  /** Bytes that are there, from `offset` on. */
  completed: number;
}

/** How a blob is cut. */
export interface PartLimits {
  /** Parts wanted. */
  count: number;
  /** Smallest and largest part in bytes. */
  min: number;
  max: number;
}

/** Ollama's: 16 parts of 100 MB to 1 GB. */
export const PART_LIMITS: PartLimits = { count: 16, min: 100e6, max: 1e9 };

/** Cuts a blob of `size` bytes. */
export function planParts(size: number, { count, min, max }: PartLimits): Part[] {
  const each = Math.min(max, Math.max(min, Math.ceil(size / count)));
  const parts: Part[] = [];
  for (let offset = 0; offset < size; offset += each) {
    parts.push({ n: parts.length, offset, size: Math.min(each, size - offset), completed: 0 });
  }
  return parts;
}

/** The stored states of a download, in order; undefined when there are none that cover `size` bytes. */
export async function readParts(partial: string, size: number): Promise<Part[] | undefined> {
  const parts: Part[] = [];
  for (const path of statePaths(partial)) {
    const part = await readPart(path);
    if (part !== undefined) parts.push(part);
  }
  parts.sort((a, b) => a.n - b.n);
  let end = 0;
  for (const [i, part] of parts.entries()) {
    if (part.n !== i || part.offset !== end) return undefined;
    end += part.size;
  }
  return parts.length > 0 && end === size ? parts : undefined;
}

/** Stores a state; an older one is replaced in one step. */
export async function writePart(partial: string, { n, offset, size, completed }: Part): Promise<void> {
  const path = `${partial}-${n}`;
  const text = JSON.stringify({ N: n, Offset: offset, Size: size, Completed: completed });
  await Deno.writeTextFile(`${path}~`, text);
  await Deno.rename(`${path}~`, path);
}

/** Removes all states of a download. */
export async function removeParts(partial: string): Promise<void> {
  for (const path of statePaths(partial)) await Deno.remove(path).catch(() => {});
}

function statePaths(partial: string): string[] {
  const folder = dirname(partial);
  const prefix = `${basename(partial)}-`;
  return Array.from(Deno.readDirSync(folder), ({ name }) => name)
    .filter((name) => name.startsWith(prefix) && /^\d+~?$/.test(name.slice(prefix.length)))
    .map((name) => join(folder, name));
}

async function readPart(path: string): Promise<Part | undefined> {
  if (path.endsWith("~")) return undefined;
  try {
    const { N, Offset, Size, Completed } = JSON.parse(await Deno.readTextFile(path));
    const numbers = [N, Offset, Size, Completed];
    if (!numbers.every((value) => Number.isSafeInteger(value) && value >= 0)) return undefined;
    return { n: N, offset: Offset, size: Size, completed: Math.min(Completed, Size) };
  } catch {
    return undefined;
  }
}
