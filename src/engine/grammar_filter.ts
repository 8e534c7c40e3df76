/**
 * A grammar over a model's tokens, for one answer: which tokens may come next. End-of-generation tokens may where the
 * grammar may end; tokens without text never may.
 *
 * The grammar is walked here (`text/grammar`) and not by libllama, whose time and memory for a client's grammar have no
 * bound (it follows equal ways again and again), and which ends the process where it has no way left.
 */

import { ServerError } from "../core/server_error.ts";
import { type GrammarCache, GrammarError, type GrammarMatcher } from "../text/grammar/grammar.ts";
import type { TokenTexts, TokenTree } from "./token_tree.ts";

/** See the module comment. */
export class GrammarFilter {
  readonly #matcher: GrammarMatcher;
  readonly #vocab: TokenTexts;
  readonly #ends: ReadonlySet<number>;

  /** @throws ServerError `validation` when the grammar is refused */
  constructor(
    grammars: GrammarCache,
    { text, root }: { text: string; root: string },
    vocab: TokenTexts,
    ends: ReadonlySet<number>,
  ) {
    this.#matcher = following(() => grammars.matcher(text, root));
    this.#vocab = vocab;
    this.#ends = ends;
  }

  /** True when the token may come next. @throws ServerError `validation` when that takes too much work */
  allows(token: number): boolean {
    return following(() => {
      this.#matcher.startWork();
      return this.#allows(token);
    });
  }

  /** Which of the tokens may come next. */
  allowedOf(tokens: ArrayLike<number>): boolean[] {
    return following(() => {
      this.#matcher.startWork();
      return Array.from(tokens, (token) => this.#allows(token));
    });
  }

  /** All tokens that may come next, by rising number. @param tree makes it faster, once it is there */
  allAllowed(tree: TokenTree | undefined): Int32Array {
    return following(() => {
      this.#matcher.startWork();
      // A rule that asks for tokens by number may ask for any but one.
      if (tree === undefined || this.#matcher.state.tokens.length > 0) {
        return Int32Array.from({ length: this.#vocab.nTokens }, (_, token) => token)
          .filter((token) => this.#allows(token));
      }
      const found = tree.allowed(this.#matcher);
      if (this.#matcher.accepting) found.push(...this.#ends);
      return Int32Array.from(found).sort();
    });
  }

  /** Takes a token that is allowed. @throws Error when it is not */
  accept(token: number): void {
    if (this.#ends.has(token)) {
      if (!this.#matcher.accepting) {
        throw new Error(`Cannot accept token ${token}: the grammar may not end here`);
      }
      return;
    }
    following(() => this.#matcher.accept(token, this.#vocab.pieceBytes(token, true)));
  }

  #allows(token: number): boolean {
    if (this.#ends.has(token)) return this.#matcher.accepting;
    const bytes = this.#vocab.pieceBytes(token, true);
    return bytes.length > 0 && bytes[0] !== 0 && this.#matcher.allows(token, bytes);
  }
}

/** What goes wrong with a grammar is the client's to know. */
function following<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof GrammarError)) throw cause;
    throw new ServerError("validation", `Cannot follow the grammar: ${cause.message}`, {
      field: "grammar",
      cause,
    });
  }
}
