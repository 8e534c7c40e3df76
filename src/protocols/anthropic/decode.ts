/** Anthropic's requests -> GenerateRequests. */

import type { ToolChoice, ToolDefinition } from "../../core/chat_message.ts";
import type {
  ChatPrompt,
  GenerateRequest,
  ReasoningOptions,
  ResponseFormat,
} from "../../core/generate_request.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import { ServerError } from "../../core/server_error.ts";
import { decodeSampling } from "../shared/sampling.ts";
import { modelDefaults } from "../shared/model_defaults.ts";
import type { Settings } from "../shared/settings.ts";
import { decodeConversation } from "./content.ts";
import type { CountTokensBody, MessagesBody } from "./schema.ts";

/** Default of `max_tokens`, which Anthropic requires and many clients of local servers leave out. */
const DEFAULT_MAX_TOKENS = 4096;

/** Anthropic's default. */
const DEFAULT_TEMPERATURE = 1;

/** What decoding needs besides the body. */
export interface DecodeContext {
  id: string;
  session: Pick<ModelSession, "card" | "tokenize">;
  settings: Settings;
}

/**
 * Decodes a request for a message.
 * @throws ServerError `bad_request`, `validation` or `not_supported`
 */
export function decodeMessages(body: MessagesBody, context: DecodeContext): GenerateRequest {
  const defaults = modelDefaults(context.settings.defaults, context.session.card);
  const base = { temperature: DEFAULT_TEMPERATURE, ...defaults.sampling };
  const format = decodeFormat(body);
  return {
    id: context.id,
    prompt: decodePrompt(body),
    sampling: decodeSampling(body, base, context.session),
    maxTokens: body.max_tokens ?? (defaults.maxTokens === -1 ? DEFAULT_MAX_TOKENS : defaults.maxTokens),
    stop: body.stop_sequences ?? defaults.stop,
    overflow: body.overflow ?? defaults.overflow,
    ...(format === undefined ? {} : { format }),
    nKeep: body.n_keep ?? defaults.nKeep ?? 0,
    cachePrompt: body.cache_prompt ?? true,
  };
}

/**
 * Decodes what becomes the prompt.
 * @throws ServerError `bad_request`, `validation` or `not_supported`
 */
export function decodePrompt(body: CountTokensBody): ChatPrompt {
  const messages = decodeConversation(body);
  const last = messages.at(-1);
  const tools = decodeTools(body.tools);
  return {
    kind: "chat",
    messages,
    tools,
    toolChoice: decodeToolChoice(body.tool_choice, tools),
    parallelToolCalls: !(body.tool_choice && "disable_parallel_tool_use" in body.tool_choice &&
      body.tool_choice.disable_parallel_tool_use),
    // An answer that ends with the assistant's own words is to be continued from there.
    continueFinal: last?.role === "assistant" && last.content !== "" && last.toolCalls === undefined,
    reasoning: decodeThinking(body),
    templateArgs: {},
  };
}

/** The tools that the client runs. */
function decodeTools(tools: CountTokensBody["tools"]): ToolDefinition[] {
  return (tools ?? []).flatMap((tool) =>
    tool.type === "unknown" ? [] : [{
      name: tool.name,
      parameters: tool.input_schema,
      ...(tool.description ? { description: tool.description } : {}),
    }]
  );
}

function decodeToolChoice(
  choice: CountTokensBody["tool_choice"],
  tools: readonly ToolDefinition[],
): ToolChoice {
  if (choice === undefined || choice === null || choice.type === "auto") return "auto";
  if (choice.type === "none") return "none";
  if (choice.type === "any") {
    if (tools.length > 0) return "required";
    throw new ServerError("validation", `tool_choice.type: "any" needs at least one tool in tools`, {
      field: "tool_choice.type",
    });
  }
  if (tools.some(({ name }) => name === choice.name)) return { name: choice.name };
  throw new ServerError(
    "validation",
    `tool_choice.name: expected the name of one of the tools, received ${JSON.stringify(choice.name)}`,
    { field: "tool_choice.name" },
  );
}

/**
 * `thinking`: only who asks for it gets it, as clients that do not take the first block of an answer for its text.
 * Without the field the model is asked not to think, `disabled` also ends thoughts that come all the same.
 */
function decodeThinking({ thinking, output_config }: CountTokensBody): ReasoningOptions {
  const effort = output_config?.effort ? { effort: output_config.effort } : {};
  if (thinking === undefined || thinking === null) return { split: true, enabled: false, budget: -1 };
  if (thinking.type === "disabled") return { split: true, enabled: false, budget: 0 };
  const budget = thinking.type === "enabled" ? thinking.budget_tokens : -1;
  return { split: true, enabled: true, ...effort, budget };
}

function decodeFormat(body: MessagesBody): ResponseFormat | undefined {
  const { output_config, output_format } = body;
  const [format, field] = output_config?.format
    ? [output_config.format, "output_config.format"]
    : [output_format, "output_format"];
  if (!format) return undefined;
  return { kind: "json_schema", schema: format.schema, field: `${field}.schema` };
}
