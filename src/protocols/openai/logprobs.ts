/** Log-probabilities in the two forms of OpenAI. */

import type { GeneratedLogprob, TokenLogprob } from "../../core/generate_event.ts";

interface ChatLogprob {
  token: string;
  logprob: number;
  bytes: readonly number[];
}

/** `choices[].logprobs` of a chat answer. */
export interface ChatLogprobs {
  content: (ChatLogprob & { top_logprobs: ChatLogprob[] })[];
  refusal: null;
}

function chatLogprob({ text, logprob, bytes }: TokenLogprob): ChatLogprob {
  return { token: text, logprob, bytes };
}

/** Chat form: one entry for each token. */
export function chatLogprobs(items: readonly GeneratedLogprob[]): ChatLogprobs {
  return {
    content: items.map((item) => ({ ...chatLogprob(item), top_logprobs: item.top.map(chatLogprob) })),
    refusal: null,
  };
}

/** `choices[].logprobs` of a text completion: parallel arrays. */
export interface CompletionLogprobs {
  tokens: string[];
  /** Null for the first token of an echoed prompt. */
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  /** Offset of each token in the answer, in code points. */
  text_offset: number[];
}

/** Text form; `offset` is where the first token stands. */
export function completionLogprobs(items: readonly GeneratedLogprob[], offset: number): CompletionLogprobs {
  const result: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  for (const { text, logprob, top } of items) {
    result.tokens.push(text);
    const predicted = !Number.isNaN(logprob);
    result.token_logprobs.push(predicted ? logprob : null);
    result.top_logprobs.push(
      predicted ? Object.fromEntries(top.map((other) => [other.text, other.logprob])) : null,
    );
    result.text_offset.push(offset);
    offset += codePoints(text);
  }
  return result;
}

/** Length in code points. */
export function codePoints(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}
