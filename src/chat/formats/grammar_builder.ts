/**
 * Collects the rules of one answer's grammar. Formats add their calls to it; the builder knows how a tool's arguments and
 * "any text up to a marker" are written.
 *
 * Always true: rule names of schemas begin with their tool's number or with `format`, so that they never meet.
 */

import { ServerError } from "../../core/server_error.ts";
import type { ToolDefinition } from "../../core/chat_message.ts";
import type { ResponseFormat } from "../../core/generate_request.ts";
import {
  alt,
  charClass,
  type CodeRange,
  type GbnfNode,
  joinRules,
  literal,
  oneOf,
  ref,
  repeat,
  type RuleSet,
  seq,
  writeGrammar,
  writeNode,
} from "../../text/grammar/gbnf.ts";
import { type CompiledSchema, compileJsonSchema, SchemaError } from "../../text/json_schema/json_schema.ts";
import { isRecord } from "./tool_set.ts";

/** Highest code point. */
const LAST = 0x10ffff;

/** Rules of one answer. */
export class GrammarBuilder {
  #rules: RuleSet = new Map();
  readonly #arguments = new Map<ToolDefinition, GbnfNode>();
  #schemas = 0;

  /** Adds a rule and returns the reference to it. A name that is taken must come with the same body. */
  rule(name: string, body: GbnfNode): GbnfNode {
    this.#rules = joinRules(this.#rules, new Map([[name, writeNode(body)]]));
    return ref(name);
  }

  /**
   * The JSON value of a tool's arguments.
   * @throws ServerError `validation` when the tool's schema cannot be honoured
   */
  arguments(tool: ToolDefinition): GbnfNode {
    const known = this.#arguments.get(tool);
    if (known !== undefined) return known;
    const schema = Object.keys(tool.parameters).length === 0 ? { type: "object" } : tool.parameters;
    const node = this.schema(schema, `parameters of tool "${tool.name}"`, "tools");
    this.#arguments.set(tool, node);
    return node;
  }

  /**
   * A JSON value of one schema.
   * @param what for the error message: whose schema it is
   * @param field the request's field for the error
   * @param document the whole schema that `$ref`s of `schema` point into, when `schema` is a part of it
   * @throws ServerError `validation` when the schema cannot be honoured
   */
  schema(schema: unknown, what: string, field: string, document?: unknown): GbnfNode {
    const compiled = compile(withDefinitions(schema, document), `schema-${this.#schemas++}`, what, field);
    this.#rules = joinRules(this.#rules, compiled.rules);
    return ref(compiled.rootRule);
  }

  /**
   * The JSON value that a response format asks for.
   * @throws ServerError `validation` when its schema cannot be honoured
   */
  format(format: ResponseFormat): GbnfNode {
    if (format.kind === "json_object") {
      return this.schema({ type: "object" }, "response format", "response_format");
    }
    const compiled = compile(format.schema, "format", "response format", format.field);
    this.#rules = joinRules(this.#rules, compiled.rules);
    return ref(compiled.rootRule);
  }

  /** Any text without `marker` (also none), and then the marker: its search automaton, one rule per character seen. */
  upTo(name: string, marker: string): GbnfNode {
    const characters = Array.from(marker);
    const rules = new Map<string, string>();
    for (let seen = 0; seen < characters.length; seen++) {
      const next = new Map<number, number>();
      for (const character of new Set(characters)) {
        next.set(
          character.codePointAt(0)!,
          longestPrefix(characters, [...characters.slice(0, seen), character]),
        );
      }
      const known = [...next].filter(([, state]) => state > 0);
      const ways = known.map(([code, state]) => {
        const character = charClass([[code, code]]);
        return state < characters.length ? seq(character, ref(`${name}-${state}`)) : character;
      });
      const reset = charClass(otherThan(known.map(([code]) => code)));
      rules.set(`${name}-${seen}`, writeNode(alt(seq(reset, ref(`${name}-0`)), ...ways)));
    }
    this.#rules = joinRules(this.#rules, rules);
    return ref(`${name}-0`);
  }

  /** White space between the parts of a call; a little, never without end. */
  space(): GbnfNode {
    return repeat(oneOf(" \n\t"), 0, 4);
  }

  /** The grammar as text. */
  write(root: GbnfNode): string {
    return writeGrammar(this.#rules, writeNode(root));
  }
}

/** One literal after the other; a shorthand for formats. */
export function words(...parts: readonly (string | GbnfNode)[]): GbnfNode {
  return seq(...parts.map((part) => typeof part === "string" ? literal(part) : part));
}

/** `item`, and more of them when calls may come in parallel. */
export function calls(item: GbnfNode, separator: GbnfNode, parallel: boolean): GbnfNode {
  return parallel ? seq(item, repeat(seq(separator, item), 0, undefined)) : item;
}

function compile(schema: unknown, prefix: string, what: string, field: string): CompiledSchema {
  try {
    return compileJsonSchema(schema, { prefix });
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new ServerError("validation", `Cannot use the ${what} at "#${error.pointer}": ${error.reason}`, {
      field,
      cause: error,
    });
  }
}

/** A part of a schema, with the definitions of the whole so that its references still lead somewhere. */
function withDefinitions(schema: unknown, document: unknown): unknown {
  if (!isRecord(schema) || !isRecord(document)) return schema;
  const shared: Record<string, unknown> = {};
  for (const key of ["$defs", "definitions"]) {
    if (document[key] !== undefined && schema[key] === undefined) shared[key] = document[key];
  }
  return { ...schema, ...shared };
}

/** How many of the marker's first characters `text` ends with. */
function longestPrefix(marker: readonly string[], text: readonly string[]): number {
  for (let length = Math.min(marker.length, text.length); length > 0; length--) {
    const tail = text.slice(text.length - length);
    if (tail.every((character, index) => character === marker[index])) return length;
  }
  return 0;
}

/** All code points but these, surrogates left out. */
function otherThan(codes: readonly number[]): CodeRange[] {
  const ranges: CodeRange[] = [];
  let low = 0;
  for (const code of [...codes].sort((a, b) => a - b)) {
    if (code > low) ranges.push([low, code - 1]);
    low = code + 1;
  }
  ranges.push([low, LAST]);
  return ranges.flatMap(([from, to]): CodeRange[] => {
    if (to < 0xd800 || from > 0xdfff) return [[from, to]];
    return [[from, 0xd7ff] as CodeRange, [0xe000, to] as CodeRange].filter(([a, b]) => a <= b);
  });
}
