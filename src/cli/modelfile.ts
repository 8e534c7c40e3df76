/**
 * Reads a Modelfile: instructions with their arguments, which may be quoted, with three quotes over several lines.
 * Pure; format: https://docs.ollama.com/modelfile. What an argument means is `create_request.ts`'s business.
 */

/** One instruction. `name` is in lower case; `key` is the parameter's name or the message's role. */
export interface Instruction {
  name:
    | "from"
    | "parameter"
    | "template"
    | "system"
    | "message"
    | "adapter"
    | "license"
    | "renderer"
    | "parser"
    | "requires";
  key?: string;
  value: string;
  /** Line of the file, from 1. */
  line: number;
}

const NAMES = [
  "from",
  "parameter",
  "template",
  "system",
  "message",
  "adapter",
  "license",
  "renderer",
  "parser",
  "requires",
] as const;

const ROLES = ["system", "user", "assistant"];

/** @throws Error that names the line */
export function parseModelfile(source: string): Instruction[] {
  const text = source.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const reader = new Reader(text);
  const instructions: Instruction[] = [];
  while (reader.skipToInstruction()) instructions.push(readInstruction(reader));
  if (!instructions.some(({ name }) => name === "from")) {
    throw new Error("Modelfile: no FROM line");
  }
  return instructions;
}

function readInstruction(reader: Reader): Instruction {
  const { line } = reader;
  const word = reader.word();
  const name = NAMES.find((each) => each === word.toLowerCase());
  if (name === undefined) {
    const known = NAMES.slice(0, 7).map((each) => each.toUpperCase()).join(
      ", ",
    );
    throw new Error(
      `Modelfile line ${line}: unknown instruction ${JSON.stringify(word)}; there are ${known}`,
    );
  }
  const key = name === "parameter" || name === "message" ? reader.word().toLowerCase() : undefined;
  if (name === "message" && !ROLES.includes(key ?? "")) {
    throw new Error(
      `Modelfile line ${line}: MESSAGE expects one of ${ROLES.join(", ")}, got ${JSON.stringify(key)}`,
    );
  }
  const value = reader.value();
  if (value === undefined) {
    throw new Error(
      `Modelfile line ${line}: the text that begins there has no closing quotes`,
    );
  }
  // An empty SYSTEM or TEMPLATE says "none"; nothing else can be empty.
  if (
    value === "" && name !== "system" && name !== "template" &&
    name !== "license"
  ) {
    throw new Error(
      `Modelfile line ${line}: ${name.toUpperCase()} has no value`,
    );
  }
  return { name, value, line, ...(key === undefined ? {} : { key }) };
}

/** A place in the text. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get line(): number {
    return this.#text.slice(0, this.#at).split("\n").length;
  }

  /** Passes blank lines and comments; false at the end. */
  skipToInstruction(): boolean {
    this.#match(/(?:\s+|#[^\n]*)*/y);
    return this.#at < this.#text.length;
  }

  /** Passes blanks, takes letters up to the next blank; "" at the end of the line. */
  word(): string {
    this.#match(/[ \t]*/y);
    return this.#match(/\S*/y);
  }

  /** The rest of the line, or a quoted text; undefined when the closing quotes are missing. */
  value(): string | undefined {
    this.#match(/[ \t]*/y);
    for (const quotes of ['"""', '"']) {
      if (!this.#text.startsWith(quotes, this.#at)) continue;
      const start = this.#at + quotes.length;
      const close = this.#close(start, quotes);
      // `SYSTEM "Hi" is what you say`: the quotes are part of the text.
      if (
        quotes === '"' && close !== undefined &&
        this.#text.slice(start, close).split("\n", 1)[0]?.includes('"')
      ) {
        break;
      }
      if (close === undefined) {
        if (quotes === '"""') return undefined;
        break; // A lone quote is text.
      }
      this.#at = close + quotes.length;
      this.#match(/[^\n]*/y);
      return this.#text.slice(start, close);
    }
    return this.#match(/[^\n]*/y).trim();
  }

  /** Where a quoted text ends: nothing but blanks follows on its line. */
  #close(start: number, quotes: string): number | undefined {
    for (
      let at = this.#text.indexOf(quotes, start);
      at >= 0;
      at = this.#text.indexOf(quotes, at + 1)
    ) {
      const line = this.#text.slice(at + quotes.length).split("\n", 1)[0] ?? "";
      if (line.trim() === "") return at;
    }
    return undefined;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }
}
