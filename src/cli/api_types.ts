/** Answers of Ollama's API as far as commands read them. What may be missing is optional. */

import type { ModelProgress } from "../core/model_manager.ts";

/** What is told of a model everywhere. */
export interface ModelFacts {
  family?: string;
  parameter_size?: string;
  quantization_level?: string;
  parent_model?: string;
}

/** `GET /api/tags`. */
export interface TagsAnswer {
  models: {
    name: string;
    digest: string;
    size: number;
    modified_at: string;
    details?: ModelFacts;
  }[];
}

/** `GET /api/ps`. */
export interface PsAnswer {
  models: {
    name: string;
    digest: string;
    size: number;
    size_vram?: number;
    context_length?: number;
    expires_at: string;
  }[];
}

/** A message of a conversation. */
export interface ChatMessage {
  role: string;
  content: string;
  thinking?: string;
}

/** `POST /api/show`. */
export interface ShowAnswer {
  license?: string;
  modelfile?: string;
  parameters?: string;
  template?: string;
  system?: string;
  details?: ModelFacts;
  messages?: ChatMessage[];
  model_info?: Record<string, unknown>;
  projector_info?: Record<string, unknown>;
  tensors?: { name: string; type: string; shape: number[] }[];
  capabilities?: string[];
}

/** A line of `POST /api/chat`, or of `/api/generate`, which has the text in `response`. */
export interface AnswerChunk {
  message?: { role?: string; content?: string; thinking?: string };
  response?: string;
  thinking?: string;
  done: boolean;
  done_reason?: string;
  total_duration?: number;
  load_duration?: number;
  prompt_eval_count?: number;
  prompt_eval_duration?: number;
  eval_count?: number;
  eval_duration?: number;
}

export type { ModelProgress };
