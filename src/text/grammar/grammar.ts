/** The entrance: grammars that have been read are kept for the requests that come with the same text. */

import { readGrammar, type TokenOf } from "./gbnf_reader.ts";
import { GrammarAutomaton } from "./grammar_automaton.ts";
import { GrammarMatcher } from "./grammar_matcher.ts";

export { GrammarError } from "./grammar_error.ts";
export { GrammarMatcher } from "./grammar_matcher.ts";

/** Grammars that are kept, and their size together in UTF-16 units. */
const MAX_KEPT = 8;
const MAX_KEPT_TEXT = 1 << 20;

/** Grammars of one model. */
export class GrammarCache {
  readonly #tokenOf: TokenOf;
  /** The one used last comes last. */
  readonly #kept = new Map<string, GrammarAutomaton>();
  #size = 0;

  /** @param tokenOf finds the tokens that grammars name */
  constructor(tokenOf: TokenOf) {
    this.#tokenOf = tokenOf;
  }

  /** The beginning of an answer under the grammar (GBNF). @throws GrammarError when it is refused */
  matcher(grammar: string, root = "root"): GrammarMatcher {
    const key = `${root} ${grammar}`;
    let automaton = this.#kept.get(key);
    if (automaton !== undefined) this.#kept.delete(key);
    else {
      automaton = new GrammarAutomaton(readGrammar(grammar, { root, tokenOf: this.#tokenOf }));
      this.#size += key.length;
    }
    this.#kept.set(key, automaton);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT && this.#size <= MAX_KEPT_TEXT) break;
      this.#kept.delete(oldest);
      this.#size -= oldest.length;
    }
    return new GrammarMatcher(automaton);
  }
}
