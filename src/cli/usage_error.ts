/** A fault in what the user typed, as opposed to one of the program: exit code 2. */

import { nearestWord } from "./nearest_word.ts";

/** See the module comment; the message is for people. */
export class UsageError extends Error {}

/** "unknown flag "--modle", did you mean "--model"?" */
export function unknownWord(
  what: string,
  word: string,
  candidates: Iterable<string>,
): UsageError {
  const nearest = nearestWord(word, candidates);
  const hint = nearest === undefined ? "; --help lists all" : `, did you mean "${nearest}"?`;
  return new UsageError(`unknown ${what} "${word}"${hint}`);
}
