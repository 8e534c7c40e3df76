/** The fields of chat requests that speak of reasoning -> the core's ReasoningOptions. */

import type { ReasoningOptions } from "../../core/generate_request.ts";
import { ServerError } from "../../core/server_error.ts";

/** Names as OpenAI, llama-server and its relatives have them. */
export interface ReasoningFields {
  /** "none" asks for no reasoning; other words reach templates that know them. */
  reasoning_effort?: string | null | undefined;
  /** llama-server: "none" leaves the reasoning in the content; "auto" and "deepseek" split it off. */
  reasoning_format?: string | null | undefined;
  /** llama-server's two names of the limit; -1 leaves it to the server. */
  reasoning_budget_tokens?: number | null | undefined;
  thinking_budget_tokens?: number | null | undefined;
  /** Shorter names that other servers have. */
  reasoning_budget?: number | null | undefined;
  thinking_budget?: number | null | undefined;
  chat_template_kwargs?: Readonly<Record<string, unknown>> | null | undefined;
}

const SPLITS: Readonly<Record<string, boolean>> = { none: false, auto: true, deepseek: true };

/**
 * Decodes what a request says of reasoning. A switch in `chat_template_kwargs` wins over the effort.
 * @throws ServerError `validation` for an unknown `reasoning_format` or a switch that is no boolean
 */
export function decodeReasoning(fields: ReasoningFields): ReasoningOptions {
  const { reasoning_effort: effort } = fields;
  const none = effort === "none";
  const enabled = decodeSwitch(fields) ?? (none ? false : undefined);
  return {
    split: decodeSplit(fields.reasoning_format ?? "auto"),
    ...(enabled === undefined ? {} : { enabled }),
    ...(effort && !none ? { effort } : {}),
    budget: fields.reasoning_budget_tokens ?? fields.thinking_budget_tokens ?? fields.reasoning_budget ??
      fields.thinking_budget ?? -1,
  };
}

function decodeSplit(format: string): boolean {
  const split = Object.hasOwn(SPLITS, format) ? SPLITS[format] : undefined;
  if (split !== undefined) return split;
  const expected = Object.keys(SPLITS).map((name) => JSON.stringify(name)).join("|");
  throw refusal("reasoning_format", `expected ${expected}, received ${JSON.stringify(format)}`);
}

function decodeSwitch({ chat_template_kwargs }: ReasoningFields): boolean | undefined {
  const value = chat_template_kwargs?.["enable_thinking"];
  if (value === undefined || value === null || typeof value === "boolean") return value ?? undefined;
  throw refusal(
    "chat_template_kwargs.enable_thinking",
    `expected boolean, received ${JSON.stringify(value)}`,
  );
}

function refusal(field: string, message: string): ServerError {
  return new ServerError("validation", `${field}: ${message}`, { field });
}
