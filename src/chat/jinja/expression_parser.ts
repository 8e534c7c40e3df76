/**
 * Parses expressions, by recursive descent from the loosest binding to the tightest: conditional, `or`, `and`, `not`,
 * comparison and membership, `+ - ~`, `* / // %`, `is`, `|`, sign, `**`, then member access and calls.
 */

import type { Application, Argument, Expression } from "./ast.ts";
import type { TokenStream } from "./token_stream.ts";

const COMPARISONS = new Set(["==", "!=", "<", ">", "<=", ">="]);
const SUMS = new Set(["+", "-", "~"]);
const PRODUCTS = new Set(["*", "/", "//", "%"]);
const CONSTANTS: Readonly<Record<string, boolean | null>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};

/** Parses one expression and leaves the stream behind it. */
export function parseExpression(tokens: TokenStream): Expression {
  const { at } = tokens.peek();
  const value = parseOr(tokens);
  if (!tokens.accept("name", "if")) return value;
  const test = parseOr(tokens);
  if (!tokens.accept("name", "else")) return { type: "condition", at, test, then: value };
  return { type: "condition", at, test, then: value, otherwise: parseExpression(tokens) };
}

/** Parses what a loop goes through: an expression in which `if` belongs to the loop. */
export function parseIterable(tokens: TokenStream): { iterable: Expression; filter?: Expression } {
  const value = parseExpression(tokens);
  if (value.type === "condition" && value.otherwise === undefined) {
    return { iterable: value.then, filter: value.test };
  }
  return { iterable: value };
}

/** Parses expressions with commas between them: one is itself, more are a tuple. */
export function parseSequence(tokens: TokenStream): Expression {
  const { at } = tokens.peek();
  const first = parseExpression(tokens);
  if (!tokens.is("operator", ",")) return first;
  const items = [first];
  while (tokens.accept("operator", ",")) {
    if (tokens.is("operator", ")") || tokens.is("close_block")) break;
    items.push(parseExpression(tokens));
  }
  return { type: "list", at, items, tuple: true };
}

/** Parses the arguments of a call, brackets included. */
export function parseArguments(tokens: TokenStream): Argument[] {
  const args: Argument[] = [];
  tokens.expect("operator", "(");
  while (!tokens.accept("operator", ")")) {
    if (tokens.accept("operator", "*")) {
      args.push({ spread: true, value: parseExpression(tokens) });
    } else if (tokens.is("name") && tokens.peek(1).kind === "operator" && tokens.peek(1).value === "=") {
      const name = tokens.next().value;
      tokens.next();
      args.push({ name, value: parseExpression(tokens) });
    } else {
      args.push({ value: parseExpression(tokens) });
    }
    if (!tokens.accept("operator", ",") && !tokens.is("operator", ")")) tokens.fail('expected "," or ")"');
  }
  return args;
}

/** Parses the name of a filter or test and its arguments, if any. */
export function parseApplication(tokens: TokenStream): Application {
  const name = tokens.expect("name").value;
  return { name, args: tokens.is("operator", "(") ? parseArguments(tokens) : [] };
}

function parseOr(tokens: TokenStream): Expression {
  return parseLeft(tokens, parseAnd, (stream) => stream.is("name", "or") ? stream.next().value : undefined);
}

function parseAnd(tokens: TokenStream): Expression {
  return parseLeft(tokens, parseNot, (stream) => stream.is("name", "and") ? stream.next().value : undefined);
}

function parseNot(tokens: TokenStream): Expression {
  const { at } = tokens.peek();
  if (!tokens.accept("name", "not")) return parseComparison(tokens);
  return { type: "unary", at, operator: "not", operand: parseNot(tokens) };
}

function parseComparison(tokens: TokenStream): Expression {
  return parseLeft(tokens, parseSum, (stream) => {
    if (stream.accept("name", "in")) return "in";
    if (stream.is("name", "not") && stream.peek(1).value === "in" && stream.peek(1).kind === "name") {
      stream.next();
      stream.next();
      return "not in";
    }
    return operatorOf(stream, COMPARISONS);
  });
}

function parseSum(tokens: TokenStream): Expression {
  return parseLeft(tokens, parseProduct, (stream) => operatorOf(stream, SUMS));
}

function parseProduct(tokens: TokenStream): Expression {
  return parseLeft(tokens, parseTest, (stream) => operatorOf(stream, PRODUCTS));
}

function operatorOf(tokens: TokenStream, operators: ReadonlySet<string>): string | undefined {
  return tokens.is("operator") && operators.has(tokens.peek().value) ? tokens.next().value : undefined;
}

/** Operators of one level, which all bind to the left. */
function parseLeft(
  tokens: TokenStream,
  operand: (tokens: TokenStream) => Expression,
  acceptOperator: (tokens: TokenStream) => string | undefined,
): Expression {
  let left = operand(tokens);
  for (;;) {
    const { at } = tokens.peek();
    const operator = acceptOperator(tokens);
    if (operator === undefined) return left;
    left = { type: "binary", at, operator, left, right: operand(tokens) };
  }
}

function parseTest(tokens: TokenStream): Expression {
  let operand = parseFilter(tokens);
  while (tokens.is("name", "is")) {
    const { at } = tokens.next();
    const negated = tokens.accept("name", "not");
    const call = parseApplication(tokens);
    // A test may have its one argument without brackets: `is divisibleby 2`.
    const bare = tokens.is("string") || tokens.is("integer") || tokens.is("float");
    operand = {
      type: "test",
      at,
      operand,
      negated,
      call: bare ? { name: call.name, args: [{ value: parsePrimary(tokens) }] } : call,
    };
  }
  return operand;
}

function parseFilter(tokens: TokenStream): Expression {
  let operand = parseSign(tokens);
  while (tokens.is("operator", "|")) {
    const { at } = tokens.next();
    operand = { type: "filter", at, operand, call: parseApplication(tokens) };
  }
  return operand;
}

function parseSign(tokens: TokenStream): Expression {
  const { at, kind, value } = tokens.peek();
  if (kind !== "operator" || (value !== "-" && value !== "+")) return parsePower(tokens);
  tokens.next();
  return { type: "unary", at, operator: value, operand: parseSign(tokens) };
}

function parsePower(tokens: TokenStream): Expression {
  const left = parseMember(tokens);
  const { at } = tokens.peek();
  if (!tokens.accept("operator", "**")) return left;
  return { type: "binary", at, operator: "**", left, right: parseSign(tokens) };
}

function parseMember(tokens: TokenStream): Expression {
  let object = parsePrimary(tokens);
  for (;;) {
    const { at } = tokens.peek();
    if (tokens.is("operator", "(")) {
      object = { type: "call", at, callee: object, args: parseArguments(tokens) };
    } else if (tokens.accept("operator", ".")) {
      object = parseDot(tokens, object, at);
    } else if (tokens.accept("operator", "[")) {
      object = parseSubscript(tokens, object, at);
    } else {
      return object;
    }
  }
}

function parseDot(tokens: TokenStream, object: Expression, at: number): Expression {
  if (tokens.is("integer")) {
    const key: Expression = { type: "literal", at, value: Number(tokens.next().value) };
    return { type: "item", at, object, key };
  }
  return { type: "attribute", at, object, name: tokens.expect("name").value };
}

/** Behind `[`: an index, or a slice with up to three bounds. */
function parseSubscript(tokens: TokenStream, object: Expression, at: number): Expression {
  const bounds: (Expression | undefined)[] = [];
  let colons = 0;
  while (!tokens.accept("operator", "]")) {
    if (tokens.accept("operator", ":")) {
      colons++;
      continue;
    }
    if (bounds[colons] !== undefined) tokens.fail('expected "]"');
    bounds[colons] = parseSequence(tokens);
  }
  if (colons > 0) return { type: "slice", at, object, bounds };
  const key = bounds[0];
  if (key === undefined) tokens.fail("expected an index");
  return { type: "item", at, object, key };
}

function parsePrimary(tokens: TokenStream): Expression {
  const { kind, value, at } = tokens.peek();
  switch (kind) {
    case "integer":
    case "float":
      tokens.next();
      return { type: "literal", at, value: Number(value), float: kind === "float" };
    case "string": {
      let text = tokens.next().value;
      while (tokens.is("string")) text += tokens.next().value;
      return { type: "literal", at, value: text };
    }
    case "name": {
      tokens.next();
      if (Object.hasOwn(CONSTANTS, value)) return { type: "literal", at, value: CONSTANTS[value]! };
      return { type: "name", at, name: value };
    }
    case "operator":
      return parseBracketed(tokens);
    default:
      return tokens.fail("expected an expression");
  }
}

function parseBracketed(tokens: TokenStream): Expression {
  const { at } = tokens.peek();
  if (tokens.accept("operator", "(")) {
    if (tokens.accept("operator", ")")) return { type: "list", at, items: [], tuple: true };
    const inner = parseSequence(tokens);
    tokens.expect("operator", ")");
    return inner;
  }
  if (tokens.accept("operator", "[")) {
    const items = parseItems(tokens, "]", () => parseExpression(tokens));
    return { type: "list", at, items, tuple: false };
  }
  if (tokens.accept("operator", "{")) {
    const entries = parseItems(tokens, "}", () => {
      const key = parseExpression(tokens);
      tokens.expect("operator", ":");
      return [key, parseExpression(tokens)] as const;
    });
    return { type: "dict", at, entries };
  }
  return tokens.fail("expected an expression");
}

function parseItems<T>(tokens: TokenStream, end: string, parse: () => T): T[] {
  const items: T[] = [];
  while (!tokens.accept("operator", end)) {
    items.push(parse());
    if (!tokens.accept("operator", ",") && !tokens.is("operator", end)) {
      tokens.fail(`expected "," or "${end}"`);
    }
  }
  return items;
}
