/** Why a grammar is refused, or why an answer cannot be held to it any longer. */

/** The message is the end of a sentence that names the grammar: "it has no rule root". */
export class GrammarError extends Error {
  override readonly name = "GrammarError";
}
