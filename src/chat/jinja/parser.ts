/** Parses the statements of a template. The dialect is that of chat templates: no includes, no inheritance. */

import type { Body, Expression, Parameter, Statement, Target } from "./ast.ts";
import {
  parseApplication,
  parseArguments,
  parseExpression,
  parseIterable,
  parseSequence,
} from "./expression_parser.ts";
import { tokenize } from "./lexer.ts";
import { TokenStream } from "./token_stream.ts";

/** @throws JinjaError where the source is not a template, with line and column */
export function parseTemplate(source: string): Body {
  const tokens = new TokenStream(tokenize(source), source);
  const body = parseBody(tokens, []);
  if (!tokens.is("end")) tokens.fail("expected no more tags");
  return body;
}

/** Statements up to a tag with one of these names, which stays in the stream. */
function parseBody(tokens: TokenStream, ends: readonly string[]): Body {
  const body: Statement[] = [];
  for (;;) {
    const { kind, value, at } = tokens.peek();
    if (kind === "text") {
      tokens.next();
      body.push({ type: "text", at, text: value });
    } else if (kind === "open_print") {
      tokens.next();
      body.push({ type: "print", at, value: parseSequence(tokens) });
      tokens.expect("close_print");
    } else if (kind === "open_block") {
      const name = tokens.peek(1);
      if (name.kind === "name" && ends.includes(name.value)) return body;
      tokens.next();
      const statement = parseStatement(tokens);
      if (statement) body.push(statement);
    } else if (ends.length > 0) {
      tokens.fail(`expected {% ${ends.at(-1)} %}`);
    } else {
      return body;
    }
  }
}

/** Behind `{%`; takes everything to the end of the statement. */
function parseStatement(tokens: TokenStream): Statement | undefined {
  const { value: name, at } = tokens.expect("name");
  switch (name) {
    case "set":
      return parseSet(tokens, at);
    case "if":
      return parseIf(tokens, at);
    case "for":
      return parseFor(tokens, at);
    case "macro":
      return parseMacro(tokens, at);
    case "call":
      return parseCallBlock(tokens, at);
    case "filter": {
      const call = parseApplication(tokens);
      return { type: "filter_block", at, call, body: parseBlock(tokens, "endfilter") };
    }
    case "break":
    case "continue":
      tokens.expect("close_block");
      return { type: name, at };
    case "generation":
    case "endgeneration":
      // Marks for training; they print nothing.
      tokens.expect("close_block");
      return undefined;
    default:
      return tokens.fail(`unknown statement "${name}"`);
  }
}

/** Body between the end of a tag and the tag that ends the block. */
function parseBlock(tokens: TokenStream, end: string): Body {
  tokens.expect("close_block");
  const body = parseBody(tokens, [end]);
  closeBlock(tokens, end);
  return body;
}

function closeBlock(tokens: TokenStream, end: string): void {
  tokens.expect("open_block");
  tokens.expect("name", end);
  tokens.accept("name"); // {% endmacro name %}
  tokens.expect("close_block");
}

function parseSet(tokens: TokenStream, at: number): Statement {
  const target = toTarget(tokens, parseSequence(tokens));
  if (!tokens.accept("operator", "=")) {
    return { type: "set", at, target, value: parseBlock(tokens, "endset") };
  }
  const value = parseSequence(tokens);
  tokens.expect("close_block");
  return { type: "set", at, target, value };
}

function toTarget(tokens: TokenStream, value: Expression): Target {
  if (value.type === "name") return { type: "names", names: [value.name], tuple: false };
  if (value.type === "attribute") return { type: "member", object: value.object, name: value.name };
  if (value.type !== "list") return tokens.fail("cannot assign to this expression");
  const names = value.items.map((item) => {
    return item.type === "name" ? item.name : tokens.fail("cannot assign to this expression");
  });
  return { type: "names", names, tuple: true };
}

/** Behind `if` or `elif`; takes everything up to the end of the whole statement. */
function parseIf(tokens: TokenStream, at: number): Statement {
  const test = parseExpression(tokens);
  tokens.expect("close_block");
  const then = parseBody(tokens, ["elif", "else", "endif"]);
  tokens.expect("open_block");
  const next = tokens.next();
  if (next.value === "elif") return { type: "if", at, test, then, otherwise: [parseIf(tokens, next.at)] };
  tokens.expect("close_block");
  if (next.value === "endif") return { type: "if", at, test, then, otherwise: [] };
  const otherwise = parseBody(tokens, ["endif"]);
  closeBlock(tokens, "endif");
  return { type: "if", at, test, then, otherwise };
}

function parseFor(tokens: TokenStream, at: number): Statement {
  const target = parseLoopTarget(tokens);
  tokens.expect("name", "in");
  const { iterable, filter } = parseIterable(tokens);
  tokens.expect("close_block");
  const body = parseBody(tokens, ["else", "endfor"]);
  let otherwise: Body = [];
  if (tokens.peek(1).value === "else") {
    tokens.next();
    tokens.next();
    tokens.expect("close_block");
    otherwise = parseBody(tokens, ["endfor"]);
  }
  closeBlock(tokens, "endfor");
  return { type: "for", at, target, iterable, ...(filter === undefined ? {} : { filter }), body, otherwise };
}

function parseLoopTarget(tokens: TokenStream): Target & { type: "names" } {
  const bracket = tokens.accept("operator", "(");
  const names = [tokens.expect("name").value];
  let tuple = false;
  while (tokens.accept("operator", ",")) {
    tuple = true;
    names.push(tokens.expect("name").value);
  }
  if (bracket) tokens.expect("operator", ")");
  return { type: "names", names, tuple };
}

function parseMacro(tokens: TokenStream, at: number): Statement {
  const name = tokens.expect("name").value;
  const parameters = parseParameters(tokens);
  return { type: "macro", at, name, parameters, body: parseBlock(tokens, "endmacro") };
}

function parseParameters(tokens: TokenStream): Parameter[] {
  return parseArguments(tokens).map((argument): Parameter => {
    if (argument.name !== undefined) return { name: argument.name, fallback: argument.value };
    if (argument.value.type !== "name" || argument.spread) {
      return tokens.fail("expected the name of a parameter");
    }
    return { name: argument.value.name };
  });
}

function parseCallBlock(tokens: TokenStream, at: number): Statement {
  const parameters = tokens.is("operator", "(") ? parseParameters(tokens) : [];
  const call = parseExpression(tokens);
  if (call.type !== "call") return tokens.fail("expected a call");
  return { type: "call_block", at, call, parameters, body: parseBlock(tokens, "endcall") };
}
