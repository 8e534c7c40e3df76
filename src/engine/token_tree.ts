/**
 * The vocabulary as a tree of texts: a token hangs below the longest token that its text begins with. A grammar that
 * refuses a text refuses everything that begins with it, so the tokens that it allows are found by descending from the
 * allowed ones only. Where a grammar allows little, this looks at some thousand tokens instead of all.
 *
 * Always holds: a token with children is whole UTF-8 (libllama may refuse the first bytes of a character that it takes
 * as a whole), and end-of-generation tokens, which grammars treat by themselves, hang below nothing.
 */

import { setImmediate } from "node:timers";
import { bytesToString } from "./trigger_watch.ts";

/** What is needed of a vocabulary. */
export interface TokenTexts {
  readonly nTokens: number;
  /** The bytes of a token, control tokens rendered, too, when `special`. */
  pieceBytes(token: number, special: boolean): Uint8Array;
}

/** A token with its text, one character for each byte. */
interface TokenText {
  token: number;
  text: string;
  /** Valid UTF-8 by itself. */
  whole: boolean;
}

/** Tokens to look at between two turns of the event loop. */
const SLICE = 4096;

/** A list of candidates, see `ffi/candidates.ts`. */
export interface CandidateList {
  set(ids: ArrayLike<number>, logits: ArrayLike<number>): void;
  /** -Infinity when a sampler excluded the candidate. */
  logit(i: number): number;
}

/** A grammar: it excludes candidates and leaves them where they are. */
export interface CandidateFilter<List> {
  apply(candidates: List): void;
}

/** See the module comment. */
export class TokenTree {
  readonly #roots: Int32Array;
  /** Children of token t: `#children[#firstChild[t]]` up to `#firstChild[t + 1]`. */
  readonly #firstChild: Int32Array;
  readonly #children: Int32Array;

  private constructor(roots: readonly number[], parents: Int32Array) {
    this.#roots = Int32Array.from(roots);
    [this.#firstChild, this.#children] = childLists(parents);
  }

  /**
   * Builds the tree: some 0.3 s of work for 150,000 tokens, in slices between which the event loop turns.
   * @param ends the end-of-generation tokens
   * @throws Error when the vocabulary is disposed meanwhile
   */
  static async build(vocab: TokenTexts, ends: ReadonlySet<number>): Promise<TokenTree> {
    const roots: number[] = [...ends];
    const parents = new Int32Array(vocab.nTokens).fill(-1);
    // What begins with different bytes lies in different subtrees.
    const byFirst = new Map<number, TokenText[]>();
    for (let token = 0; token < vocab.nTokens; token++) {
      if (token % SLICE === SLICE - 1) await turn();
      if (ends.has(token)) continue;
      const bytes = vocab.pieceBytes(token, true);
      // Grammars allow no empty text.
      if (bytes.length === 0 || bytes[0] === 0) continue;
      const texts = byFirst.get(bytes[0]!) ?? [];
      texts.push({ token, text: bytesToString(bytes), whole: isWhole(bytes) });
      byFirst.set(bytes[0]!, texts);
    }
    for (const texts of byFirst.values()) {
      if (texts.length > SLICE) await turn();
      addSubtrees(texts, roots, parents);
    }
    return new TokenTree(roots, parents);
  }

  /**
   * Tokens that the grammar allows next, by rising number.
   * @param scratch room for the whole vocabulary; it is overwritten
   */
  allowed<List extends CandidateList>(grammar: CandidateFilter<List>, scratch: List): Int32Array {
    const found: number[] = [];
    let level: ArrayLike<number> = this.#roots;
    while (level.length > 0) {
      scratch.set(level, new Float32Array(level.length));
      grammar.apply(scratch);
      const next: number[] = [];
      for (let i = 0; i < level.length; i++) {
        if (scratch.logit(i) === -Infinity) continue;
        const token = level[i]!;
        found.push(token);
        const end = this.#firstChild[token + 1]!;
        for (let k = this.#firstChild[token]!; k < end; k++) next.push(this.#children[k]!);
      }
      level = next;
    }
    return Int32Array.from(found).sort();
  }
}

/** Finds the parents of texts that begin with the same byte; those without one become roots. */
function addSubtrees(texts: TokenText[], roots: number[], parents: Int32Array): void {
  texts.sort((a, b) => a.text < b.text ? -1 : a.text > b.text ? 1 : a.token - b.token);
  const path: TokenText[] = [];
  for (const one of texts) {
    while (path.length > 0 && !one.text.startsWith(path.at(-1)!.text)) path.pop();
    const parent = path.at(-1);
    if (parent === undefined) roots.push(one.token);
    else parents[one.token] = parent.token;
    if (one.whole) path.push(one);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** True when the grammar (GBNF) asks for tokens by their number or name: then texts alone do not decide. */
export function hasTokenRules(grammar: string): boolean {
  return grammar.matchAll(/"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*|</g).some(([part]) => part === "<");
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

function isWhole(bytes: Uint8Array): boolean {
  if (bytes.every((byte) => byte < 0x80)) return true;
  try {
    UTF8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
