/**
 * From a JSON Schema to a GBNF grammar: the grammar takes only texts that are JSON values of the schema, as far as a
 * grammar can tell. What it cannot tell is listed in `relaxed` and decided by `validate()` after generation.
 */

import { type RuleSet, writeGrammar } from "../grammar/gbnf.ts";
import { GrammarLimitError } from "./rule_builder.ts";
import { SchemaCompiler } from "./schema_compiler.ts";
import { readSchema } from "./schema_document.ts";
import { SchemaError } from "./schema_error.ts";

export { SchemaError } from "./schema_error.ts";

/** How values may be spaced. `flexible`: as models write, never without end. `none`: no whitespace at all. */
export type Whitespace = "flexible" | "none";

/** What may be chosen. */
export interface CompileOptions {
  /** Name of the rule that matches a value of the schema; by default the prefix. */
  root?: string;
  /** Beginning of the names of all rules of this schema; letters, digits and hyphens. Default `schema`. */
  prefix?: string;
  /** Default `flexible`. */
  whitespace?: Whitespace;
}

/** A bound that the grammar does not enforce; `validate()` does. */
export interface RelaxedBound {
  /** JSON pointer of the schema that has the keyword. */
  pointer: string;
  keyword: string;
}

/** A schema's grammar. */
export interface CompiledSchema {
  /** GBNF rules: name to body. Shared JSON rules are among them, so that joining two schemas' rules works. */
  rules: RuleSet;
  /** The rule that matches a value. */
  rootRule: string;
  /** Complete grammar with a rule `root`. */
  gbnf: string;
  /** Bounds that the grammar does not enforce. */
  relaxed: readonly RelaxedBound[];
  /** Undefined when the value satisfies the whole schema, else a message with the JSON pointer into the value. */
  validate(value: unknown): string | undefined;
}

/** @throws SchemaError for a schema that cannot be honoured */
export function compileJsonSchema(schema: unknown, options: CompileOptions = {}): CompiledSchema {
  const { prefix = "schema", whitespace = "flexible" } = options;
  const rootRule = options.root ?? prefix;
  for (const name of [prefix, rootRule]) {
    if (!/^[A-Za-z0-9-]+$/.test(name)) {
      throw new Error(`Cannot compile a schema: ${JSON.stringify(name)} names no rule`);
    }
  }
  const root = readSchema(schema);
  const compiler = new SchemaCompiler(prefix, whitespace);
  let rules;
  try {
    compiler.compile(root, rootRule);
    rules = compiler.builder.finish(rootRule);
  } catch (error) {
    if (!(error instanceof GrammarLimitError)) throw error;
    throw schemaError(error, compiler, rootRule);
  }
  const gbnf = writeGrammar(rules, rootRule === "root" ? undefined : rootRule);
  const validate = (value: unknown) => compiler.validator.check(value, root);
  return { rules, rootRule, gbnf, relaxed: compiler.relaxed(), validate };
}

function schemaError(error: GrammarLimitError, compiler: SchemaCompiler, rootRule: string): SchemaError {
  const fault = error.rule === rootRule && error.unsatisfiable ? compiler.fault() : undefined;
  if (fault !== undefined) return new SchemaError(fault.pointer, fault.reason, { cause: error });
  const pointer = error.rule === undefined ? "" : compiler.origin(error.rule) ?? "";
  return new SchemaError(pointer, error.message, { cause: error });
}
