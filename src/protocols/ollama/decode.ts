/** Ollama's requests -> GenerateRequests. */

import type { ChatMessage } from "../../core/chat_message.ts";
import { type GenerateRequest, PLAIN_CHAT } from "../../core/generate_request.ts";
import type { InferenceService, ModelCard } from "../../core/inference_service.ts";
import type { SamplingParams } from "../../core/sampling_params.ts";
import { type ErrorKind, ServerError } from "../../core/server_error.ts";
import { decodeStop, decodeTools } from "../shared/messages.ts";
import { checkTokens, decodeSampling } from "../shared/sampling.ts";
import type { Settings } from "../shared/settings.ts";
import { parseKeepAlive } from "./keep_alive.ts";
import type { ChatBody, GenerateBody, OllamaMessage } from "./schema.ts";

/** Ollama's documented defaults where they differ from llama.cpp's. */
export const OLLAMA_SAMPLING: Readonly<Partial<SamplingParams>> = {
  temperature: 0.8,
  topK: 40,
  topP: 0.9,
  minP: 0,
  repeatPenalty: 1,
};

/** Ollama's default of `num_keep`. */
const NUM_KEEP = 4;

/** What decoding needs besides the body. */
export interface DecodeContext {
  id: string;
  /** The model's name as the client wrote it, for messages. */
  model: string;
  card: ModelCard;
  service: Pick<InferenceService, "tokenize" | "applyTemplate">;
  settings: Settings;
}

type CommonBody = Omit<ChatBody, "messages" | "tools">;

function refuse(kind: ErrorKind, field: string, message: string): never {
  throw new ServerError(kind, message, { field });
}

/** Does an empty request ask to unload (`keep_alive` 0) rather than to load. */
export function asksToUnload(body: Pick<CommonBody, "keep_alive">): boolean {
  const { keep_alive } = body;
  return keep_alive !== undefined && keep_alive !== null && parseKeepAlive(keep_alive) === 0;
}

/**
 * Refuses what the model cannot do, in Ollama's words: `"m" does not support thinking`.
 * @throws ServerError `not_supported`
 */
export function requireCapability(
  context: DecodeContext,
  capability: string,
  field: string,
  word = capability,
): void {
  if (context.card.capabilities.includes(capability)) return;
  refuse("not_supported", field, `${JSON.stringify(context.model)} does not support ${word}`);
}

function decodeCommon(body: CommonBody, context: DecodeContext): Omit<GenerateRequest, "prompt"> {
  refuseFormat(body.format);
  const { defaults } = context.settings;
  const options = body.options ?? {};
  const fits = body.truncate !== false && body.shift !== false;
  const maxTokens = options.num_predict ?? defaults.maxTokens;
  return {
    id: context.id,
    sampling: decodeSampling(options, { ...OLLAMA_SAMPLING, ...defaults.sampling }, {
      card: context.card,
      tokenize: context.service.tokenize.bind(context.service),
    }),
    maxTokens: maxTokens > 0 ? maxTokens : -1,
    stop: decodeStop(options.stop).filter((text) => text !== ""),
    overflow: body.overflow ?? (fits ? defaults.overflow : "error"),
    nKeep: options.num_keep ?? defaults.nKeep ?? NUM_KEEP,
    ...(body.logprobs ? { logprobs: body.top_logprobs ?? 0 } : {}),
    cachePrompt: true,
  };
}

function refuseFormat(format: CommonBody["format"]): void {
  if (format === undefined || format === null || format === "") return;
  if (typeof format === "string" && format !== "json") {
    refuse(
      "bad_request",
      "format",
      `format: expected "", "json" or a JSON schema, received ${JSON.stringify(format)}`,
    );
  }
  refuse("validation", "format", 'format: structured output is not supported yet; expected "" or no format');
}

const THINK_LEVELS = ["low", "medium", "high", "max"];

/** Template variables for `think`; without it the template decides. */
function decodeThink(think: CommonBody["think"], context: DecodeContext): Record<string, unknown> {
  if (think === undefined || think === null) return {};
  if (think === false) return { enable_thinking: false };
  if (typeof think === "string" && !THINK_LEVELS.includes(think)) {
    const known = THINK_LEVELS.map((level) => JSON.stringify(level)).join(", ");
    refuse(
      "bad_request",
      "think",
      `think: expected true, false, ${known}, received ${JSON.stringify(think)}`,
    );
  }
  requireCapability(context, "thinking", "think");
  return { enable_thinking: true, ...(typeof think === "string" ? { reasoning_effort: think } : {}) };
}

/**
 * Decodes a chat request that has messages.
 * @throws ServerError `bad_request`, `validation` or `not_supported`
 */
export function decodeChat(body: ChatBody, context: DecodeContext): GenerateRequest {
  requireCapability(context, "completion", "model", "chat");
  if (body.tools && body.tools.length > 0) requireCapability(context, "tools", "tools");
  return {
    ...decodeCommon(body, context),
    prompt: {
      kind: "chat",
      messages: (body.messages ?? []).map((message, index) => decodeMessage(message, index, context)),
      tools: decodeTools(body.tools),
      toolChoice: "auto",
      parallelToolCalls: true,
      continueFinal: false,
      reasoning: { split: true, budget: -1 },
      templateArgs: decodeThink(body.think, context),
    },
  };
}

function decodeMessage(message: OllamaMessage, index: number, context: DecodeContext): ChatMessage {
  refuseImages(message.images, `messages.${index}.images`, context);
  const decoded: ChatMessage = { role: message.role, content: message.content ?? "" };
  if (message.thinking) decoded.reasoning = message.thinking;
  if (message.tool_calls && message.tool_calls.length > 0) {
    decoded.toolCalls = message.tool_calls.map((call, position) => ({
      id: call.id ?? `call_${position}`,
      name: call.function.name,
      arguments: JSON.stringify(call.function.arguments ?? {}),
    }));
  }
  if (message.tool_call_id) decoded.toolCallId = message.tool_call_id;
  if (message.tool_name) decoded.name = message.tool_name;
  return decoded;
}

function refuseImages(
  images: readonly string[] | null | undefined,
  field: string,
  context: DecodeContext,
): void {
  if (!images || images.length === 0) return;
  refuse("not_supported", field, `${field}: ${JSON.stringify(context.model)} does not support images`);
}

/**
 * Decodes a generate request that has a prompt.
 * @throws ServerError `bad_request`, `validation` or `not_supported`
 */
export function decodeGenerate(body: GenerateBody, context: DecodeContext): GenerateRequest {
  requireCapability(context, "completion", "model", "generate");
  refuseImages(body.images, "images", context);
  if (body.suffix) requireCapability(context, "insert", "suffix");
  if (body.suffix) refuse("not_supported", "suffix", "suffix: insertion is not supported yet");
  if (body.raw && (body.template || body.system || body.context?.length)) {
    refuse("bad_request", "raw", "raw: does not go together with template, system or context");
  }
  if (body.template) {
    refuse("not_supported", "template", "template: a template of the request's own is not supported");
  }
  return { ...decodeCommon(body, context), prompt: decodePrompt(body, context) };
}

function decodePrompt(body: GenerateBody, context: DecodeContext): GenerateRequest["prompt"] {
  const text = body.prompt ?? "";
  if (body.raw) return { kind: "text", text, addSpecial: true };
  const messages: ChatMessage[] = [{ role: "user", content: text }];
  if (body.system) messages.unshift({ role: "system", content: body.system });
  const templateArgs = decodeThink(body.think, context);
  if (!body.context || body.context.length === 0) {
    return { ...PLAIN_CHAT, messages, templateArgs };
  }
  checkTokens(body.context, context.card, "context");
  const rendered = context.service.applyTemplate({ ...PLAIN_CHAT, messages, templateArgs });
  const added = context.service.tokenize(rendered, { addSpecial: false, parseSpecial: true });
  return { kind: "tokens", tokens: [...body.context, ...added] };
}
