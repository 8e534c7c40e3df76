/** The protocol-neutral request: what every dialect's decoder makes and the pipeline runs. */

import type { ChatMessage, ToolChoice, ToolDefinition } from "./chat_message.ts";
import type { SamplingParams } from "./sampling_params.ts";

/** What to do when prompt plus answer do not fit the context. */
export type OverflowPolicy = "rotate" | "error";

/** How an answer may think. */
export interface ReasoningOptions {
  /** Tell reasoning and answer apart; false leaves the reasoning in the text as the model wrote it. */
  split: boolean;
  /** Ask the model to think or not to; undefined leaves it to the template. */
  enabled?: boolean;
  /** How hard to think, in the words of templates that take some ("low", "medium", "high", ...). */
  effort?: string;
  /** Most tokens of reasoning; -1 without limit, 0 ends it at once. */
  budget: number;
}

/** What the text of an answer must be. Tool calls and reasoning are not part of that text. */
export type ResponseFormat =
  | { kind: "json_object" }
  | {
    kind: "json_schema";
    /** JSON Schema: an object or a boolean. */
    schema: unknown;
    /** Request field that holds the schema; errors name it with a JSON pointer into the schema. */
    field: string;
  };

/** A conversation to be rendered by the model's chat template. */
export interface ChatPrompt {
  kind: "chat";
  messages: readonly ChatMessage[];
  tools: readonly ToolDefinition[];
  toolChoice: ToolChoice;
  /** May one answer call more than one tool. */
  parallelToolCalls: boolean;
  /** The last message is the beginning of the assistant's answer: it is continued, not answered. */
  continueFinal: boolean;
  reasoning: ReasoningOptions;
  /** Extra variables for the template, for example `{ enable_thinking: true }`. */
  templateArgs: Readonly<Record<string, unknown>>;
  /** Earlier turns stand before this as tokens: what the model's conversations begin with does not come again. */
  continuesContext?: boolean;
}

/** A conversation with no more to it: the parts that most callers leave as they are. */
export const PLAIN_CHAT: Readonly<Omit<ChatPrompt, "messages">> = Object.freeze({
  kind: "chat",
  tools: Object.freeze([]),
  toolChoice: "auto",
  parallelToolCalls: true,
  continueFinal: false,
  reasoning: Object.freeze({ split: true, budget: -1 }),
  templateArgs: Object.freeze({}),
});

/** Text to continue. */
export interface TextPrompt {
  kind: "text";
  text: string;
  /** Add the model's BOS/EOS as its metadata says. */
  addSpecial: boolean;
}

/** Token ids to continue, used as they are. */
export interface TokenPrompt {
  kind: "tokens";
  tokens: readonly number[];
}

/** One generation: one prompt, one answer. */
export interface GenerateRequest {
  /** Unique id for logs and response ids. */
  id: string;
  prompt: ChatPrompt | TextPrompt | TokenPrompt;
  sampling: SamplingParams;
  /** Most tokens to generate; -1 until the model ends or, without rotation, the context is full. 0 only prefills. */
  maxTokens: number;
  /** Strings that end the answer; they never appear in it. */
  stop: readonly string[];
  overflow: OverflowPolicy;
  /** Structure that the text must have. Not together with `sampling.grammar`. */
  format?: ResponseFormat;
  /** Prompt tokens kept by a rotation while generating; -1 keeps the whole prompt. */
  nKeep: number;
  /** Alternatives to report for each token: 0 none, else 1 to 20; undefined: no log-probabilities at all. */
  logprobs?: number;
  /**
   * The first text event holds the prompt, with the log-probabilities of its tokens (NaN for the first one). Needs
   * `logprobs`; not for conversations. The prompt is then computed one token at a time.
   */
  promptLogprobs?: boolean;
  /** Log-probabilities are those of the distribution that a token was drawn from, not the model's own. */
  postSampling?: boolean;
  /** May earlier work on the same prefix be reused. */
  cachePrompt: boolean;
  /** Say at the end what was reused, and why not more. */
  explainCache?: boolean;
  /** The place to run in, where that is free. */
  slot?: number;
  /** Another generation of the same request has been let in: a full queue does not refuse this one. */
  follows?: boolean;
  /** Text events carry token ids. */
  reportTokens?: boolean;
  /** Emit `progress` while the prompt is computed. */
  reportProgress?: boolean;
  /** Called once for each new piece of the answer's text; true ends the answer there, with reason `length`. */
  endsAfter?: (text: string) => boolean;
}
