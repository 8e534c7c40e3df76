/** Requests of the Responses endpoints -> GenerateRequests. */

import type { ToolChoice, ToolDefinition } from "../../../core/chat_message.ts";
import type {
  ChatPrompt,
  GenerateRequest,
  OverflowPolicy,
  ReasoningOptions,
  ResponseFormat,
} from "../../../core/generate_request.ts";
import type { ModelSession } from "../../../core/inference_service.ts";
import { ServerError } from "../../../core/server_error.ts";
import { decodeReasoning } from "../../shared/reasoning.ts";
import { decodeSampling } from "../../shared/sampling.ts";
import { modelDefaults } from "../../shared/model_defaults.ts";
import type { Settings } from "../../shared/settings.ts";
import { DEFAULT_TEMPERATURE } from "../decode.ts";
import { decodeInput } from "./input.ts";
import type { InputTokensBody, ResponsesBody } from "./schema.ts";

/** What `include` holds to ask for log-probabilities. */
const LOGPROBS = "message.output_text.logprobs";

/** What decoding needs besides the body. */
export interface DecodeContext {
  id: string;
  session: Pick<ModelSession, "card" | "tokenize">;
  settings: Settings;
}

/**
 * Decodes a request for a response.
 * @throws ServerError `bad_request`, `validation` or `not_supported`
 */
export function decodeResponses(body: ResponsesBody, context: DecodeContext): GenerateRequest {
  const defaults = modelDefaults(context.settings.defaults, context.session.card);
  if (body.background) throw stateless("background");
  const prompt = decodePrompt(body);
  const format = decodeFormat(body);
  const logprobs = body.include?.includes(LOGPROBS) ? body.top_logprobs ?? 0 : undefined;
  return {
    id: context.id,
    prompt,
    sampling: decodeSampling(
      body,
      { temperature: DEFAULT_TEMPERATURE, ...defaults.sampling },
      context.session,
    ),
    maxTokens: body.max_output_tokens ?? defaults.maxTokens,
    stop: defaults.stop,
    overflow: decodeOverflow(body, defaults.overflow),
    ...(format === undefined ? {} : { format }),
    nKeep: body.n_keep ?? defaults.nKeep ?? 0,
    ...(logprobs === undefined ? {} : { logprobs }),
    cachePrompt: body.cache_prompt ?? true,
  };
}

/**
 * Decodes what becomes the prompt.
 * @throws ServerError `bad_request`, `validation` or `not_supported`
 */
export function decodePrompt(body: InputTokensBody): ChatPrompt {
  for (const field of ["previous_response_id", "conversation", "prompt"] as const) {
    if (body[field] !== undefined && body[field] !== null) throw stateless(field);
  }
  return {
    kind: "chat",
    messages: decodeInput(body),
    ...decodeTools(body),
    parallelToolCalls: body.parallel_tool_calls ?? true,
    continueFinal: false,
    reasoning: reasoningOptions(body.reasoning?.effort),
    templateArgs: {},
  };
}

/** Nothing is kept between two requests. */
function stateless(field: string): ServerError {
  return new ServerError(
    "not_supported",
    `${field}: this server stores no responses; send the whole conversation in input`,
    { field },
  );
}

function decodeOverflow(body: ResponsesBody, otherwise: OverflowPolicy): OverflowPolicy {
  if (body.overflow) return body.overflow;
  if (body.truncation === "auto") return "rotate";
  return body.truncation === "disabled" ? "error" : otherwise;
}

/** The functions among the tools, those alone that are allowed, and whether one must be called. */
function decodeTools(body: InputTokensBody): { tools: ToolDefinition[]; toolChoice: ToolChoice } {
  const tools: ToolDefinition[] = (body.tools ?? []).flatMap((tool) =>
    tool.type === "unknown" ? [] : [{
      name: tool.name,
      parameters: tool.parameters ?? { type: "object", properties: {} },
      ...(tool.description ? { description: tool.description } : {}),
    }]
  );
  const choice = body.tool_choice ?? "auto";
  if (choice === "auto" || choice === "none") return { tools, toolChoice: choice };
  if (choice === "required") return { tools, toolChoice: required(tools, "tool_choice") };
  const known = (name: string | null | undefined, field: string): string => {
    if (tools.some((tool) => tool.name === name)) return name ?? "";
    const message = `${field}: ${JSON.stringify(name ?? null)} is not the name of one of the tools`;
    throw new ServerError("bad_request", message, { field });
  };
  if (choice.type === "function") {
    return { tools, toolChoice: { name: known(choice.name, "tool_choice.name") } };
  }
  if (choice.type === "allowed_tools") {
    const names = new Set(
      choice.tools.flatMap(({ type, name }, index) =>
        type === "function" ? [known(name, `tool_choice.tools.${index}.name`)] : []
      ),
    );
    const allowed = tools.filter(({ name }) => names.has(name));
    const toolChoice = choice.mode === "auto" ? "auto" : required(allowed, "tool_choice.tools");
    return { tools: allowed, toolChoice };
  }
  throw new ServerError(
    "not_supported",
    `tool_choice.type: this server has no tool of type ${JSON.stringify(choice.received)}`,
    { field: "tool_choice.type" },
  );
}

function required(tools: readonly ToolDefinition[], field: string): ToolChoice {
  if (tools.length > 0) return "required";
  throw new ServerError("bad_request", `${field}: a call is required, but there is no function to call`, {
    field,
  });
}

/** Without an effort the template decides; who asks for some effort gets thoughts. */
function reasoningOptions(effort: string | null | undefined): ReasoningOptions {
  const options = decodeReasoning({ reasoning_effort: effort });
  return effort && effort !== "none" && effort !== "minimal" ? { ...options, enabled: true } : options;
}

function decodeFormat({ text }: ResponsesBody): ResponseFormat | undefined {
  const format = text?.format;
  if (format === undefined || format === null || format.type === "text") return undefined;
  if (format.type === "json_object") return { kind: "json_object" };
  if (format.type === "json_schema") {
    return { kind: "json_schema", schema: format.schema, field: "text.format.schema" };
  }
  throw new ServerError(
    "bad_request",
    `text.format.type: expected "text"|"json_object"|"json_schema", received ${
      JSON.stringify(format.received)
    }`,
    { field: "text.format.type" },
  );
}
