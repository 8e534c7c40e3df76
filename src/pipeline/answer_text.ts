/**
 * Tokens to text as it may be shown: whole characters only, no part of a stop string, and each token's log-probability
 * together with the text that it belongs to.
 */

import type { GeneratedLogprob, TextEvent } from "../core/generate_event.ts";
import { Detokenizer } from "../text/detokenizer.ts";
import { StopMatcher } from "../text/stop_matcher.ts";

interface PendingLogprob {
  /** Length of the raw text before the token, in UTF-16 units. */
  start: number;
  logprob: GeneratedLogprob;
}

/** The text of one answer. */
export class AnswerText {
  readonly #detokenizer = new Detokenizer();
  readonly #matcher: StopMatcher;
  readonly #pending: PendingLogprob[] = [];
  #rawLength = 0;
  #emitted = 0;
  #stopString: string | undefined;

  /** @param stops strings that end the answer */
  constructor(stops: readonly string[]) {
    this.#matcher = new StopMatcher(stops);
  }

  /** The stop string that was found. */
  get stopString(): string | undefined {
    return this.#stopString;
  }

  /**
   * Takes the bytes of the next token.
   * @returns what may be shown now; undefined when nothing may
   */
  push(bytes: Uint8Array, logprob: GeneratedLogprob | undefined): TextEvent | undefined {
    if (logprob) this.#pending.push({ start: this.#rawLength, logprob });
    return this.#emit(this.#detokenizer.push(bytes), false);
  }

  /** The answer is over: what was held back. */
  end(): TextEvent | undefined {
    if (this.#stopString !== undefined) return undefined;
    return this.#emit(this.#detokenizer.flush(), true);
  }

  #emit(raw: string, done: boolean): TextEvent | undefined {
    this.#rawLength += raw.length;
    const { text, matched } = this.#matcher.push(raw, done);
    this.#stopString = matched;
    this.#emitted += text.length;
    const logprobs = this.#release(done && matched === undefined);
    if (text === "" && logprobs.length === 0) return undefined;
    return logprobs.length > 0 ? { type: "text", text, logprobs } : { type: "text", text };
  }

  /** Log-probabilities of tokens whose text has begun to show; of a stop string they stay hidden like its text. */
  #release(all: boolean): GeneratedLogprob[] {
    const count = all ? this.#pending.length : this.#pending.findIndex(({ start }) => start >= this.#emitted);
    const released = this.#pending.splice(0, count < 0 ? this.#pending.length : count);
    return released.map(({ logprob }) => logprob);
  }
}
