/** The response object: what a request asked for, echoed, and what came of it. */

import type { DoneEvent, RotationReport } from "../../../core/generate_event.ts";
import type { GenerateRequest } from "../../../core/generate_request.ts";
import type { ResponsesBody } from "./schema.ts";

/** What an answer needs to know besides its events. */
export interface ResponseHead {
  /** Unique id; ids of the response and its items are made of it. */
  id: string;
  /** Unix time in seconds. */
  createdAt: number;
  /** The model's name as the client wrote it. */
  model: string;
  body: ResponsesBody;
  request: GenerateRequest;
}

/** What changes while a response is made. */
export interface Progress {
  status: "in_progress" | "completed" | "incomplete" | "failed";
  output: readonly unknown[];
  error?: { code: string; message: string };
  usage?: unknown;
}

/** The response at some moment. */
export function responseObject(head: ResponseHead, progress: Progress): unknown {
  const { body, request } = head;
  const { status, output, error, usage } = progress;
  const finished = status === "completed";
  return {
    id: `resp_${head.id}`,
    object: "response",
    created_at: head.createdAt,
    completed_at: finished ? Math.floor(Date.now() / 1000) : null,
    status,
    background: false,
    error: error ?? null,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: head.model,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: body.reasoning?.summary ?? null },
    store: false,
    temperature: request.sampling.temperature,
    text: { format: { type: "text" }, ...withoutNull(body.text) },
    tool_choice: body.tool_choice ?? "auto",
    tools: (body.tools ?? []).flatMap((tool) =>
      tool.type === "unknown" ? [] : [{
        type: "function",
        name: tool.name,
        description: tool.description ?? null,
        parameters: tool.parameters ?? null,
        strict: tool.strict ?? false,
      }]
    ),
    top_logprobs: body.top_logprobs ?? 0,
    top_p: request.sampling.topP,
    truncation: request.overflow === "rotate" ? "auto" : "disabled",
    ...(usage === undefined ? {} : { usage }),
    metadata: body.metadata ?? {},
  };
}

function withoutNull(value: ResponsesBody["text"]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([, member]) => member !== null));
}

/** `usage`: OpenAI's counts, and what was dropped to make the conversation fit. */
export function usageObject({ usage }: DoneEvent, rotation: RotationReport): unknown {
  return {
    input_tokens: usage.promptTokens,
    input_tokens_details: {
      cached_tokens: usage.cachedTokens,
      cache_write_tokens: 0,
      dropped_tokens: rotation.promptTokensDropped,
      dropped_messages: rotation.messagesDropped,
    },
    output_tokens: usage.completionTokens,
    output_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      dropped_tokens: rotation.generatedTokensDropped,
    },
    total_tokens: usage.promptTokens + usage.completionTokens,
  };
}
