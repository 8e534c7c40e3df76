/**
 * Where references lead: every object of a schema document by its JSON pointer, `$id` and anchor. Only what is in the
 * document is found; an address of another document is nothing to this index.
 */

import { SchemaError } from "./schema_error.ts";

/** What a document without `$id` is called; no real address. */
const BASE = "schema:///";
/** Objects and lists deeper in one another than this are refused. */
const MAX_DEPTH = 256;
/** Values in the document. */
const MAX_VALUES = 200_000;

interface Place {
  /** Base address of references in this object. */
  base: string;
  pointer: string;
}

/** See the module comment. */
export class SchemaIndex {
  readonly #places = new Map<object, Place>();
  /** Schemas by address without a JSON pointer: `$id`s, and anchors after a `#`. */
  readonly #addresses = new Map<string, unknown>();
  #values = 0;

  /** @throws SchemaError when the document is too deep or too large */
  constructor(root: unknown) {
    this.#addresses.set(BASE, root);
    this.#add(root, BASE, "", 0);
  }

  /** The schema that a reference in the object `from` leads to, and where it stands. */
  resolve(reference: string, from: object): { schema: unknown; pointer: string } | undefined {
    const base = this.#places.get(from)?.base ?? BASE;
    const address = absolute(reference, base);
    if (address === undefined) return undefined;
    const hash = address.indexOf("#");
    const document = hash < 0 ? address : address.slice(0, hash);
    const fragment = hash < 0 ? "" : decode(address.slice(hash + 1));
    const schema = fragment === "" || fragment.startsWith("/")
      ? step(this.#addresses.get(document), fragment)
      : this.#addresses.get(`${document}#${fragment}`);
    if (schema === undefined) return undefined;
    const place = typeof schema === "object" && schema !== null ? this.#places.get(schema) : undefined;
    return { schema, pointer: place?.pointer ?? fragment };
  }

  #add(value: unknown, base: string, pointer: string, depth: number): void {
    if (++this.#values > MAX_VALUES) throw new SchemaError("", `it has more than ${MAX_VALUES} values`);
    if (typeof value !== "object" || value === null || this.#places.has(value)) return;
    if (depth > MAX_DEPTH) throw new SchemaError(pointer, `it nests deeper than ${MAX_DEPTH} levels`);
    if (!Array.isArray(value)) base = this.#name(value as Record<string, unknown>, base);
    this.#places.set(value, { base, pointer });
    for (const [key, item] of Object.entries(value)) {
      this.#add(item, base, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, depth + 1);
    }
  }

  /** Takes up the object's names and says what its own references are relative to. */
  #name(schema: Record<string, unknown>, base: string): string {
    const { $id, $anchor, $dynamicAnchor } = schema;
    if (typeof $id === "string" && $id !== "") {
      const address = absolute($id, base);
      const hash = address?.indexOf("#") ?? -1;
      // An $id that is only a fragment was how draft 7 wrote an anchor.
      if (address !== undefined && hash >= 0 && hash < address.length - 1) {
        this.#addresses.set(address, schema);
      } else if (address !== undefined) {
        base = hash < 0 ? address : address.slice(0, hash);
        if (!this.#addresses.has(base)) this.#addresses.set(base, schema);
      }
    }
    for (const anchor of [$anchor, $dynamicAnchor]) {
      if (typeof anchor === "string") this.#addresses.set(`${base}#${anchor}`, schema);
    }
    return base;
  }
}

function absolute(reference: string, base: string): string | undefined {
  // Bases such as urn: cannot be resolved against, but a fragment can still be added to them.
  if (reference.startsWith("#")) return base + reference;
  try {
    return new URL(reference, base).href;
  } catch {
    return undefined;
  }
}

function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

/** Follows a JSON pointer. */
function step(value: unknown, pointer: string): unknown {
  for (const part of pointer.split("/").slice(1)) {
    if (typeof value !== "object" || value === null) return undefined;
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (!Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
