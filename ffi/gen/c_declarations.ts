/**
 * Owns the reading of C declarations: functions, structs, unions, enums and typedefs of a preprocessed header.
 * Always holds: only what headers like llama.h use is understood; bit fields and function definitions are skipped.
 */
import { evaluateC, formatC, skipBrackets, tokenizeC } from "./c_tokens.ts";

/** A C type as declared; names are resolved by `Declarations`. */
export type CType =
  | { kind: "named"; name: string }
  | { kind: "enum"; name: string }
  | { kind: "record"; name: string }
  | { kind: "pointer"; to: CType; constant: boolean }
  | { kind: "function" }
  | { kind: "array"; of: CType; length: number };

/** A parameter, struct field or typedef: its name (may be empty), its type and the C text it came from. */
export interface Declared {
  name: string;
  type: CType;
  c: string;
}

/** A struct or union; without fields (`undefined`) it is opaque. */
export interface CRecord {
  union: boolean;
  fields: Declared[] | undefined;
}

/** A function prototype. */
export interface CFunction {
  name: string;
  result: CType;
  resultC: string;
  parameters: Declared[];
  deprecated: boolean;
}

/** Everything a header declares. */
export interface Declarations {
  typedefs: Map<string, CType>;
  records: Map<string, CRecord>;
  enums: Map<string, Map<string, number>>;
  constants: Map<string, number>;
  functions: Map<string, CFunction>;
}

const QUALIFIERS = new Set([
  "const",
  "volatile",
  "restrict",
  "__restrict",
  "__restrict__",
  "extern",
  "static",
  "inline",
  "__inline",
  "__inline__",
  "__extension__",
  "_Noreturn",
  "register",
]);
const BASE_WORDS = new Set([
  "void",
  "char",
  "short",
  "int",
  "long",
  "float",
  "double",
  "signed",
  "unsigned",
  "_Bool",
]);

/** Reads all declarations of preprocessed C; a declaration of system headers that is not understood is skipped. */
export function parseDeclarations(source: string): Declarations {
  const declarations: Declarations = {
    typedefs: new Map(),
    records: new Map(),
    enums: new Map(),
    constants: new Map(),
    functions: new Map(),
  };
  for (const chunk of splitTopLevel(tokenizeC(source))) {
    if (chunk.includes("...")) continue; // variadic: has no FFI signature
    try {
      new DeclarationReader(chunk, declarations).readTopLevel();
    } catch (error) {
      if (chunk.some((token) => /^(llama|ggml)_/.test(token))) {
        throw new Error(`Cannot read C declaration "${formatC(chunk).slice(0, 200)}"`, { cause: error });
      }
    }
  }
  return declarations;
}

/** Cuts a translation unit at its outermost `;` and after function bodies. */
function splitTopLevel(tokens: string[]): string[][] {
  const chunks: string[][] = [];
  let chunk: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as string;
    if (token === ";") {
      if (chunk.length > 0) chunks.push(chunk);
      chunk = [];
    } else if (token === "{" || token === "(" || token === "[") {
      const end = skipBrackets(tokens, i);
      if (token === "{" && chunk.at(-1) === ")") chunk = []; // a function definition: not an interface
      else chunk.push(...tokens.slice(i, end));
      i = end - 1;
    } else chunk.push(token);
  }
  return chunks;
}

/** Reads one declaration. */
class DeclarationReader {
  #tokens: string[];
  #at = 0;
  #deprecated = false;
  readonly #into: Declarations;

  constructor(tokens: string[], into: Declarations) {
    this.#tokens = this.#withoutAttributes(tokens);
    this.#into = into;
  }

  readTopLevel(): void {
    const isTypedef = this.#tokens[0] === "typedef";
    if (isTypedef) this.#at++;
    const base = this.#specifier();
    if (this.#at >= this.#tokens.length) return; // a bare struct or enum definition
    const declared = this.#declarator(base);
    if (isTypedef) {
      this.#into.typedefs.set(declared.name, declared.type);
    } else if (declared.parameters !== undefined) {
      const prefix = this.#tokens.slice(0, this.#tokens.indexOf(declared.name)).filter((t) =>
        !QUALIFIERS.has(t) || t === "const"
      );
      this.#into.functions.set(declared.name, {
        name: declared.name,
        result: declared.result as CType,
        resultC: formatC(prefix),
        parameters: declared.parameters,
        deprecated: this.#deprecated,
      });
    }
  }

  #withoutAttributes(tokens: string[]): string[] {
    const kept: string[] = [];
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i] as string;
      if ((token === "__attribute__" || token === "__asm__") && tokens[i + 1] === "(") {
        const end = skipBrackets(tokens, i + 1);
        if (tokens.slice(i, end).includes("deprecated")) this.#deprecated = true;
        i = end - 1;
      } else kept.push(token);
    }
    return kept;
  }

  /** Declaration specifiers: the type without pointers, arrays and parameter lists. */
  #specifier(): CType {
    const words: string[] = [];
    let type: CType | undefined;
    for (; this.#at < this.#tokens.length; this.#at++) {
      const token = this.#tokens[this.#at] as string;
      if (QUALIFIERS.has(token)) continue;
      if (token === "struct" || token === "union" || token === "enum") {
        type = this.#tagged(token);
        this.#at--; // the loop steps on
      } else if (BASE_WORDS.has(token)) words.push(token);
      else if (type === undefined && words.length === 0 && /^[A-Za-z_]/.test(token)) {
        type = { kind: "named", name: token };
      } else break;
    }
    if (type !== undefined) return type;
    if (words.length === 0) throw new Error(`no type in "${formatC(this.#tokens)}"`);
    return { kind: "named", name: words.sort().join(" ") };
  }

  #tagged(keyword: string): CType {
    this.#at++;
    let name = this.#tokens[this.#at] as string;
    if (name === "{") name = `anonymous_${this.#into.records.size}_${this.#into.enums.size}`;
    else this.#at++;
    const hasBody = this.#tokens[this.#at] === "{";
    const end = hasBody ? skipBrackets(this.#tokens, this.#at) : this.#at;
    const body = hasBody ? this.#tokens.slice(this.#at + 1, end - 1) : undefined;
    this.#at = end;
    if (keyword === "enum") {
      if (body !== undefined) this.#enumerators(name, body);
      return { kind: "enum", name };
    }
    const known = this.#into.records.get(name);
    if (body !== undefined) {
      this.#into.records.set(name, { union: keyword === "union", fields: undefined });
      this.#into.records.set(name, { union: keyword === "union", fields: this.#fields(body) });
    } else if (known === undefined) {
      this.#into.records.set(name, { union: keyword === "union", fields: undefined });
    }
    return { kind: "record", name };
  }

  #enumerators(name: string, body: string[]): void {
    const values = new Map<string, number>();
    let next = 0;
    for (const entry of splitAt(body, ",")) {
      if (entry.length === 0) continue;
      if (entry[1] === "=") next = evaluateC(entry.slice(2), this.#into.constants);
      values.set(entry[0] as string, next);
      this.#into.constants.set(entry[0] as string, next);
      next++;
    }
    this.#into.enums.set(name, values);
  }

  #fields(body: string[]): Declared[] {
    return splitAt(body, ";").filter((entry) => entry.length > 0).map((entry) => {
      const reader = new DeclarationReader(entry, this.#into);
      const { name, type } = reader.#declarator(reader.#specifier());
      return { name, type, c: entry.includes("{") ? entry[0] as string : formatC(entry) };
    });
  }

  /** A declarator around `base`: pointers, name, array lengths, parameter list. */
  #declarator(base: CType): Declared & { parameters?: Declared[]; result?: CType } {
    let type = base;
    let constant = this.#tokens.slice(0, this.#at).includes("const");
    while (this.#tokens[this.#at] === "*" || QUALIFIERS.has(this.#tokens[this.#at] ?? "")) {
      if (this.#tokens[this.#at] === "*") {
        type = { kind: "pointer", to: type, constant };
        constant = false;
      }
      this.#at++;
    }
    if (this.#tokens[this.#at] === "(" && this.#tokens[this.#at + 1] === "*") return this.#functionPointer();
    const name = /^[A-Za-z_]/.test(this.#tokens[this.#at] ?? "") ? this.#tokens[this.#at++] as string : "";
    if (this.#tokens[this.#at] === "(") {
      const end = skipBrackets(this.#tokens, this.#at);
      const parameters = this.#parameters(this.#tokens.slice(this.#at + 1, end - 1));
      this.#at = end;
      return { name, type: { kind: "function" }, c: "", parameters, result: type };
    }
    const lengths: number[] = [];
    while (this.#tokens[this.#at] === "[") {
      const end = skipBrackets(this.#tokens, this.#at);
      lengths.push(this.#arrayLength(this.#tokens.slice(this.#at + 1, end - 1)));
      this.#at = end;
    }
    for (const length of lengths.reverse()) type = { kind: "array", of: type, length };
    return { name, type, c: "" };
  }

  /** NaN when the length needs more than integer arithmetic (`sizeof`): such a struct has no layout here. */
  #arrayLength(tokens: string[]): number {
    return tokens.includes("sizeof") ? NaN : evaluateC(tokens, this.#into.constants);
  }

  #functionPointer(): Declared {
    const inner = this.#tokens.slice(this.#at + 1, skipBrackets(this.#tokens, this.#at) - 1);
    const name = inner.find((token) => /^[A-Za-z_]/.test(token) && !QUALIFIERS.has(token)) ?? "";
    this.#at = this.#tokens.length;
    return { name, type: { kind: "pointer", to: { kind: "function" }, constant: false }, c: "" };
  }

  #parameters(body: string[]): Declared[] {
    if (body.length === 0 || (body.length === 1 && body[0] === "void")) return [];
    return splitAt(body, ",").map((entry) => {
      const reader = new DeclarationReader(entry, this.#into);
      const { name, type } = reader.#declarator(reader.#specifier());
      return { name, type, c: formatC(entry) };
    });
  }
}

/** Splits at a separator that stands outside of all brackets. */
function splitAt(tokens: readonly string[], separator: string): string[][] {
  const parts: string[][] = [[]];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as string;
    if (token === separator) parts.push([]);
    else if (token === "(" || token === "[" || token === "{") {
      const end = skipBrackets(tokens, i);
      parts.at(-1)?.push(...tokens.slice(i, end));
      i = end - 1;
    } else parts.at(-1)?.push(token);
  }
  return parts;
}
