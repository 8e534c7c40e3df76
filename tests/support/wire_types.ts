/** The members of answers that end-to-end tests look at, as clients see them. */

/** OpenAI's counts, with what was dropped. */
export interface WireUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: {
    cached_tokens: number;
    dropped_tokens: number;
    dropped_messages: number;
  };
  completion_tokens_details: { dropped_tokens: number };
}

/** A whole chat answer. */
export interface WireChat {
  id: string;
  object: string;
  created: number;
  model: string;
  choices: {
    index: number;
    message: { role: string; content: string };
    finish_reason: string;
  }[];
  usage: WireUsage;
}

/** A chunk of a streamed chat answer. */
export interface WireChatChunk {
  id: string;
  object: string;
  model: string;
  choices: {
    index: number;
    delta: { role?: string; content?: string };
    finish_reason: string | null;
  }[];
}

/** A text completion, whole or as a chunk. */
export interface WireCompletion {
  id: string;
  object: string;
  model: string;
  choices: { index: number; text: string; finish_reason: string | null }[];
  usage: WireUsage;
}

/** OpenAI's error body. */
export interface WireError {
  error: {
    message: string;
    type: string;
    param: string | null;
    code: string | null;
    n_prompt_tokens?: number;
    n_ctx?: number;
  };
}

/** Ollama's answer, whole or as a line of a stream. */
export interface WireOllama {
  model: string;
  created_at: string;
  message?: { role: string; content: string };
  response?: string;
  done: boolean;
  done_reason?: string;
  context?: number[];
  total_duration?: number;
  load_duration?: number;
  prompt_eval_count?: number;
  prompt_eval_duration?: number;
  eval_count?: number;
  eval_duration?: number;
}
