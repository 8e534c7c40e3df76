/** Ollama's requests -> GenerateRequests. */

import type { ChatMessage } from "../../core/chat_message.ts";
import {
  type GenerateRequest,
  PLAIN_CHAT,
  type ReasoningOptions,
  type ResponseFormat,
} from "../../core/generate_request.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import type { SamplingParams } from "../../core/sampling_params.ts";
import { type ErrorKind, ServerError } from "../../core/server_error.ts";
import { infillPrompt } from "../shared/infill.ts";
import { decodeStop, decodeTools } from "../shared/messages.ts";
import { checkTokens, decodeSampling } from "../shared/sampling.ts";
import { modelDefaults } from "../shared/model_defaults.ts";
import type { Settings } from "../shared/settings.ts";
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
  session: Pick<ModelSession, "card" | "tokenize" | "tokenizeLater" | "applyTemplate" | "specialTokens">;
  settings: Settings;
}

type CommonBody = Omit<ChatBody, "messages" | "tools">;

function refuse(kind: ErrorKind, field: string, message: string): never {
  throw new ServerError(kind, message, { field });
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
  if (context.session.card.capabilities.includes(capability)) return;
  refuse("not_supported", field, `${JSON.stringify(context.model)} does not support ${word}`);
}

function decodeCommon(body: CommonBody, context: DecodeContext): Omit<GenerateRequest, "prompt"> {
  const format = decodeFormat(body.format);
  const defaults = modelDefaults(context.settings.defaults, context.session.card);
  const options = body.options ?? {};
  const fits = body.truncate !== false && body.shift !== false;
  const maxTokens = options.num_predict ?? defaults.maxTokens;
  return {
    id: context.id,
    sampling: decodeSampling(options, { ...OLLAMA_SAMPLING, ...defaults.sampling }, context.session),
    maxTokens: maxTokens > 0 ? maxTokens : -1,
    stop: decodeStop(options.stop ?? defaults.stop).filter((text) => text !== ""),
    overflow: body.overflow ?? (fits ? defaults.overflow : "error"),
    nKeep: options.num_keep ?? defaults.nKeep ?? NUM_KEEP,
    ...(body.logprobs ? { logprobs: body.top_logprobs ?? 0 } : {}),
    cachePrompt: true,
    ...(format === undefined ? {} : { format }),
  };
}

function decodeFormat(format: CommonBody["format"]): ResponseFormat | undefined {
  if (format === undefined || format === null || format === "") return undefined;
  if (format === "json") return { kind: "json_object" };
  if (typeof format === "object") return { kind: "json_schema", schema: format, field: "format" };
  refuse(
    "bad_request",
    "format",
    `format: expected "", "json" or a JSON schema, received ${JSON.stringify(format)}`,
  );
}

const THINK_LEVELS = ["low", "medium", "high", "max"];

/** What `think` asks for; without it the template decides. Reasoning is always told apart from the answer. */
function decodeThink(think: CommonBody["think"], context: DecodeContext): ReasoningOptions {
  const { reasoning } = PLAIN_CHAT;
  if (think === undefined || think === null) return reasoning;
  if (think === false) return { ...reasoning, enabled: false };
  if (typeof think === "string" && !THINK_LEVELS.includes(think)) {
    const known = THINK_LEVELS.map((level) => JSON.stringify(level)).join(", ");
    refuse(
      "bad_request",
      "think",
      `think: expected true, false, ${known}, received ${JSON.stringify(think)}`,
    );
  }
  requireCapability(context, "thinking", "think");
  return { ...reasoning, enabled: true, ...(typeof think === "string" ? { effort: think } : {}) };
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
      ...PLAIN_CHAT,
      messages: (body.messages ?? []).map((message, index) => decodeMessage(message, index, context)),
      tools: decodeTools(body.tools),
      continueFinal: continues(body.messages?.at(-1)),
      reasoning: decodeThink(body.think, context),
    },
  };
}

/** A last message of the assistant is the beginning of its answer. */
function continues(last: OllamaMessage | undefined): boolean {
  return last?.role === "assistant" && !last.tool_calls?.length;
}

function decodeMessage(message: OllamaMessage, index: number, context: DecodeContext): ChatMessage {
  refuseImages(message.images, `messages.${index}.images`, context);
  const decoded: ChatMessage = { role: message.role, content: message.content ?? "" };
  if (message.thinking) decoded.reasoning = message.thinking;
  if (message.tool_calls && message.tool_calls.length > 0) {
    decoded.toolCalls = message.tool_calls.map((call, position) => ({
      id: call.id ?? `call_${position}`,
      name: call.function.name,
      arguments: argumentsText(call.function.arguments),
    }));
  }
  if (message.tool_call_id) decoded.toolCallId = message.tool_call_id;
  if (message.tool_name) decoded.name = message.tool_name;
  return decoded;
}

/** JSON text; what came as text stays as it is, for the template to print. */
function argumentsText(value: string | Record<string, unknown> | null | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? {});
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
export async function decodeGenerate(body: GenerateBody, context: DecodeContext): Promise<GenerateRequest> {
  requireCapability(context, "completion", "model", "generate");
  refuseImages(body.images, "images", context);
  if (body.suffix) requireCapability(context, "insert", "suffix");
  if (body.raw && (body.template || body.system || body.context?.length)) {
    refuse("bad_request", "raw", "raw: does not go together with template, system or context");
  }
  if (body.template) {
    refuse("not_supported", "template", "template: a template of the request's own is not supported");
  }
  return { ...decodeCommon(body, context), prompt: await decodePrompt(body, context) };
}

async function decodePrompt(body: GenerateBody, context: DecodeContext): Promise<GenerateRequest["prompt"]> {
  const text = body.prompt ?? "";
  if (body.suffix) return await infillPrompt(context.session, text, body.suffix);
  if (body.raw) return { kind: "text", text, addSpecial: true };
  const messages: ChatMessage[] = [{ role: "user", content: text }];
  if (body.system) messages.unshift({ role: "system", content: body.system });
  const chat = { ...PLAIN_CHAT, messages, reasoning: decodeThink(body.think, context) };
  if (!body.context || body.context.length === 0) return chat;
  checkTokens(body.context, context.session.card, "context");
  const rendered = context.session.applyTemplate({ ...chat, continuesContext: true });
  const added = await context.session.tokenizeLater(rendered, { addSpecial: false, parseSpecial: true });
  return { kind: "tokens", tokens: body.context.concat(Array.from(added)) };
}
