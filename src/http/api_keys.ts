/**
 * API keys and what each may do. A key is written alone, or with its scopes after a colon: `k3y:infer,metrics`. Keys are
 * kept as hashes: the text is compared nowhere, and no timing tells how much of a guess was right.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { type Scope, SCOPES } from "../protocols/endpoint.ts";

/** A key that clients may send. */
export interface ApiKey {
  /** The text that clients send. */
  key: string;
  scopes: ReadonlySet<Scope>;
}

const ALL: ReadonlySet<Scope> = new Set(SCOPES);

function isScope(word: string): word is Scope {
  return (SCOPES as readonly string[]).includes(word);
}

/**
 * Reads one key with its scopes; without any it may do everything.
 * @param text such as `k3y` or `k3y:infer,metrics`
 * @throws Error that says what is wrong, without the key
 */
export function parseApiKey(text: string): ApiKey {
  const colon = text.lastIndexOf(":");
  const key = (colon < 0 ? text : text.slice(0, colon)).trim();
  if (key === "" || /\s/.test(key)) {
    throw new Error("an API key must not be empty or hold blanks");
  }
  if (colon < 0) return { key, scopes: ALL };
  const scopes = text.slice(colon + 1).split(",").map((word) => word.trim());
  const wrong = scopes.find((word) => !isScope(word));
  if (wrong === undefined) return { key, scopes: new Set(scopes.filter(isScope)) };
  throw new Error(
    `"${wrong}" is no scope of an API key: after its last colon stand some of ${SCOPES.join(", ")}`,
  );
}

/**
 * Reads keys with commas between them: `a,b:infer,metrics,c`. A scope's name belongs to the key before it when that has
 * scopes already.
 * @throws Error as `parseApiKey()`
 */
export function parseApiKeyList(text: string): ApiKey[] {
  const parts: string[] = [];
  for (const part of text.split(",").map((word) => word.trim()).filter((word) => word !== "")) {
    const last = parts.at(-1);
    if (last?.includes(":") && isScope(part)) parts[parts.length - 1] = `${last},${part}`;
    else parts.push(part);
  }
  return parts.map(parseApiKey);
}

/**
 * Reads a file of keys, one a line; empty lines and lines that begin with `#` mean nothing.
 * @throws Error as `parseApiKey()`, with the number of the line
 */
export function parseApiKeyFile(text: string): ApiKey[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const entry = line.trim();
    if (entry === "" || entry.startsWith("#")) return [];
    try {
      return [parseApiKey(entry)];
    } catch (error) {
      throw new Error(`line ${index + 1}: ${error instanceof Error ? error.message : error}`);
    }
  });
}

/** Says what a sent key may do. */
export class ApiKeyRing {
  readonly #keys: { hash: Uint8Array; scopes: ReadonlySet<Scope> }[];

  /** @param keys texts may do everything */
  constructor(keys: readonly (ApiKey | string)[]) {
    this.#keys = keys.map((entry) => {
      const { key, scopes } = typeof entry === "string" ? { key: entry, scopes: ALL } : entry;
      return { hash: hash(key), scopes };
    });
  }

  /** Nobody needs a key. */
  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /** What a key may do; undefined for a wrong one. Takes the same time for every key. */
  scopesOf(given: string): ReadonlySet<Scope> | undefined {
    const wanted = hash(given);
    let found: ReadonlySet<Scope> | undefined;
    for (const { hash, scopes } of this.#keys) {
      // All are compared, so that the place of a key in the list does not show.
      if (timingSafeEqual(hash, wanted)) found = new Set([...scopes, ...found ?? []]);
    }
    return found;
  }
}

function hash(key: string): Uint8Array {
  return createHash("sha256").update(key).digest();
}
