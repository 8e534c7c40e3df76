/**
 * The vocabulary as a tree of texts: a token hangs below the longest token that its text begins with. A grammar that
 * refuses a text refuses everything that begins with it, so the tokens that it allows are found by descending from the
 * allowed ones only, and each is asked about what it adds to its parent's text alone.
 *
 * Always holds: the tree has the tokens that are whole UTF-8; those that are not are kept beside it, and
 * end-of-generation tokens, which grammars treat by themselves, are in neither.
 */

import { setImmediate } from "node:timers";

/** What is needed of a vocabulary. */
export interface TokenTexts {
  readonly nTokens: number;
  /** The bytes of a token, control tokens rendered, too, when `special`. */
  pieceBytes(token: number, special: boolean): Uint8Array;
}

/** A token with its text. */
interface TokenText {
  token: number;
  text: string;
}

/** Tokens to look at between two turns of the event loop. */
const SLICE = 4096;

/** A grammar at a point of an answer, see `text/grammar/grammar_matcher.ts`. */
export interface TextGrammar<State> {
  /** The answer stands within a character. */
  readonly withinCharacter: boolean;
  /** Where it stands. */
  readonly state: State;
  /** Where one more character leads; undefined when it is not allowed. */
  after(state: State, code: number): State | undefined;
  /** True when the token may come next. */
  allows(token: number, bytes: Uint8Array): boolean;
}

/** A token that is not whole UTF-8 by itself. */
interface Fragment {
  token: number;
  bytes: Uint8Array;
}

/** See the module comment. */
export class TokenTree {
  readonly #roots: Int32Array;
  /** Children of token t: `#children[#firstChild[t]]` up to `#firstChild[t + 1]`. */
  readonly #firstChild: Int32Array;
  readonly #children: Int32Array;
  /** What token t adds to its parent's text: code points from `#codeAt[t]` up to `#codeAt[t + 1]`. */
  readonly #codeAt: Int32Array;
  readonly #codes: Int32Array;
  readonly #fragments: readonly Fragment[];

  private constructor(
    roots: readonly number[],
    parents: Int32Array,
    added: readonly string[],
    fragments: readonly Fragment[],
  ) {
    this.#roots = Int32Array.from(roots);
    [this.#firstChild, this.#children] = childLists(parents);
    this.#fragments = fragments;
    this.#codeAt = new Int32Array(parents.length + 1);
    const codes: number[] = [];
    for (let token = 0; token < parents.length; token++) {
      for (const character of added[token] ?? "") codes.push(character.codePointAt(0)!);
      this.#codeAt[token + 1] = codes.length;
    }
    this.#codes = Int32Array.from(codes);
  }

  /**
   * Builds the tree: some 0.3 s of work for 150,000 tokens, in slices between which the event loop turns.
   * @param ends the end-of-generation tokens
   * @throws Error when the vocabulary is disposed meanwhile
   */
  static async build(vocab: TokenTexts, ends: ReadonlySet<number>): Promise<TokenTree> {
    const roots: number[] = [];
    const fragments: Fragment[] = [];
    const added: string[] = new Array(vocab.nTokens);
    const parents = new Int32Array(vocab.nTokens).fill(-1);
    // What begins with different bytes lies in different subtrees.
    const byFirst = new Map<number, TokenText[]>();
    for (let token = 0; token < vocab.nTokens; token++) {
      if (token % SLICE === SLICE - 1) await turn();
      if (ends.has(token)) continue;
      const bytes = vocab.pieceBytes(token, true);
      // Grammars allow no empty text.
      if (bytes.length === 0 || bytes[0] === 0) continue;
      const text = wholeText(bytes);
      if (text === undefined) {
        fragments.push({ token, bytes });
        continue;
      }
      const texts = byFirst.get(bytes[0]!) ?? [];
      texts.push({ token, text });
      byFirst.set(bytes[0]!, texts);
    }
    for (const texts of byFirst.values()) {
      if (texts.length > SLICE) await turn();
      addSubtrees(texts, roots, parents, added);
    }
    return new TokenTree(roots, parents, added, fragments);
  }

  /** Tokens that the grammar allows next, in any order, but for those that end a generation. */
  allowed<State>(grammar: TextGrammar<State>): number[] {
    if (grammar.withinCharacter) return this.#allowedFragments(grammar);
    const found: number[] = [];
    const tokens = [...this.#roots];
    const states = tokens.map(() => grammar.state);
    for (let token = tokens.pop(); token !== undefined; token = tokens.pop()) {
      let state: State | undefined = states.pop()!;
      const end = this.#codeAt[token + 1]!;
      for (let k = this.#codeAt[token]!; k < end && state !== undefined; k++) {
        state = grammar.after(state, this.#codes[k]!);
      }
      if (state === undefined) continue;
      found.push(token);
      const last = this.#firstChild[token + 1]!;
      for (let k = this.#firstChild[token]!; k < last; k++) {
        tokens.push(this.#children[k]!);
        states.push(state);
      }
    }
    for (const token of this.#allowedFragments(grammar)) found.push(token);
    return found;
  }

  #allowedFragments<State>(grammar: TextGrammar<State>): number[] {
    return this.#fragments.filter(({ token, bytes }) => grammar.allows(token, bytes)).map(({ token }) =>
      token
    );
  }
}

/** Finds the parents of texts that begin with the same byte; those without one become roots. */
function addSubtrees(texts: TokenText[], roots: number[], parents: Int32Array, added: string[]): void {
  texts.sort((a, b) => a.text < b.text ? -1 : a.text > b.text ? 1 : a.token - b.token);
  const path: TokenText[] = [];
  for (const one of texts) {
    while (path.length > 0 && !one.text.startsWith(path.at(-1)!.text)) path.pop();
    const parent = path.at(-1);
    if (parent === undefined) roots.push(one.token);
    else parents[one.token] = parent.token;
    added[one.token] = one.text.slice(parent?.text.length ?? 0);
    path.push(one);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lists of children, one after the other, and where each begins. */
function childLists(parents: Int32Array): [firstChild: Int32Array, children: Int32Array] {
  const firstChild = new Int32Array(parents.length + 1);
  for (const parent of parents) if (parent >= 0) firstChild[parent + 1]!++;
  for (let i = 0; i < parents.length; i++) firstChild[i + 1]! += firstChild[i]!;
  const children = new Int32Array(firstChild[parents.length]!);
  const at = firstChild.slice();
  parents.forEach((parent, token) => {
    if (parent >= 0) children[at[parent]!++] = token;
  });
  return [firstChild, children];
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes that are whole UTF-8. */
function wholeText(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}
