/**
 * Owns the cutting of preprocessed C into tokens and the evaluation of integer constant expressions.
 * Always holds: comments and line markers are gone (the preprocessor removed them, `#pragma` lines are dropped here).
 */

const TOKEN =
  /[A-Za-z_]\w*|0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\.\.\.|<<|>>|\S/g;

/** Cuts preprocessed C into tokens: identifiers, numbers, literals and single punctuation marks. */
export function tokenizeC(source: string): string[] {
  const withoutPragmas = source.replace(/^\s*#.*$/gm, "");
  return withoutPragmas.match(TOKEN) ?? [];
}

/** Returns the index just after the bracket that closes the one at `open`. */
export function skipBrackets(tokens: readonly string[], open: number): number {
  const pairs: Record<string, string> = { "(": ")", "[": "]", "{": "}" };
  const left = tokens[open] ?? "";
  const right = pairs[left];
  if (right === undefined) throw new Error(`Cannot skip brackets: "${left}" is not a bracket`);
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (tokens[i] === left) depth++;
    else if (tokens[i] === right && --depth === 0) return i + 1;
  }
  throw new Error(`Cannot skip brackets: "${left}" is never closed`);
}

/** Joins tokens to readable C, e.g. `const struct llama_model * model`. */
export function formatC(tokens: readonly string[]): string {
  return tokens.join(" ").replace(/\b_Bool\b/g, "bool").replace(/ ,/g, ",").replace(/\( /g, "(").replace(
    / \)/g,
    ")",
  ).replace(/ ?\[ ?/g, "[")
    .replace(/ \]/g, "]");
}

/**
 * Evaluates an integer constant expression (`1 << 3`, `GGML_X | 2`, `16*16`).
 * @param names values of the identifiers that may occur
 * @throws when the expression holds anything else, e.g. `sizeof`
 */
export function evaluateC(tokens: readonly string[], names: ReadonlyMap<string, number>): number {
  let at = 0;
  const binary: Record<string, [number, (a: number, b: number) => number]> = {
    "|": [1, (a, b) => a | b],
    "&": [2, (a, b) => a & b],
    "<<": [3, (a, b) => a << b],
    ">>": [3, (a, b) => a >> b],
    "+": [4, (a, b) => a + b],
    "-": [4, (a, b) => a - b],
    "*": [5, (a, b) => a * b],
    "/": [5, (a, b) => Math.trunc(a / b)],
  };
  const primary = (): number => {
    const token = tokens[at++];
    if (token === "(") {
      const value = expression(0);
      if (tokens[at++] !== ")") throw new Error("missing )");
      return value;
    }
    if (token === "-") return -primary();
    if (token === "~") return ~primary();
    if (token !== undefined && /^\d/.test(token)) {
      if (/^[uUlL]+$/.test(tokens[at] ?? "")) at++;
      return Number(token);
    }
    const value = token === undefined ? undefined : names.get(token);
    if (value === undefined) throw new Error(`Cannot evaluate "${formatC(tokens)}": unknown "${token}"`);
    return value;
  };
  const expression = (minimum: number): number => {
    let value = primary();
    for (;;) {
      const operator = binary[tokens[at] ?? ""];
      if (operator === undefined || operator[0] <= minimum) return value;
      at++;
      value = operator[1](value, expression(operator[0]));
    }
  };
  const value = expression(0);
  if (at !== tokens.length) throw new Error(`Cannot evaluate "${formatC(tokens)}"`);
  return value;
}
