/**
 * A model's chat template: conversations to prompt text. Compiled and probed once when the model is loaded; rendering
 * has no state. The text that comes out is to be tokenised with `addSpecial` and `parseSpecial` on.
 */

import type { ChatMessage } from "../core/chat_message.ts";
import type { ChatPrompt } from "../core/generate_request.ts";
import { ServerError } from "../core/server_error.ts";
import { JinjaProgram, RenderLimit, TemplateRefusal, type UsageLog } from "./jinja_program.ts";
import { hasCalls, toPlainCalls } from "./plain_calls.ts";
import { formatTime } from "./strftime.ts";
import { probeTemplate, reasoningVariables, type TemplateCapabilities } from "./template_capabilities.ts";
import { familyOf, type Prefill, type TemplateFamily } from "./template_family.ts";
import {
  hasMalformedArguments,
  type MessageStyle,
  toTemplateMessages,
  toTemplateTools,
  withObjectArguments,
} from "./template_message.ts";
import { prefillText, probePrefill } from "./template_prefill.ts";

/** Template for a model that brings none: ChatML. */
export const CHATML_TEMPLATE = `{%- for message in messages -%}
{{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
`;

/** The vocabulary's special tokens, as text, and whether the tokenizer adds them by itself. */
export interface TemplateSpecials {
  /** Text of the BOS token; empty when the vocabulary has none. */
  bosToken: string;
  /** Text of the EOS token; empty when the vocabulary has none. */
  eosToken: string;
  /** `llama_vocab_get_add_bos`: the tokenizer adds BOS, so one at the start of the rendered text is taken off. */
  addBos?: boolean;
  /** `llama_vocab_get_add_eos`: likewise for EOS at the end. */
  addEos?: boolean;
}

/** What a template renders: a chat prompt, of which all but the conversation may be left out. */
export type TemplatePrompt =
  & Pick<ChatPrompt, "messages">
  & Partial<Pick<ChatPrompt, "tools" | "templateArgs" | "continueFinal" | "reasoning">>;

/** Variables that a request's template arguments cannot replace. */
const RESERVED = new Set(["messages", "tools", "bos_token", "eos_token", "add_generation_prompt"]);

/** A compiled chat template. */
export class ChatTemplate {
  /** Jinja source as given. */
  readonly source: string;
  /** What the template can do. */
  readonly capabilities: TemplateCapabilities;
  readonly #program: JinjaProgram;
  readonly #specials: Readonly<TemplateSpecials>;
  readonly #style: MessageStyle;
  readonly #family: TemplateFamily;
  readonly #clock: () => Date;
  #prefill: Prefill | undefined;

  /** How the template takes messages. */
  get style(): Readonly<MessageStyle> {
    return this.#style;
  }

  /**
   * @param clock what templates take for now
   * @throws ServerError `not_supported` when the source does not parse; the message quotes the parser
   */
  constructor(source: string, specials: TemplateSpecials, clock: () => Date = () => new Date()) {
    this.source = source;
    this.#specials = { ...specials };
    this.#clock = clock;
    try {
      this.#program = new JinjaProgram(withoutMarkerChecks(source));
    } catch (cause) {
      throw new ServerError("not_supported", `Cannot parse the chat template: ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#family = familyOf(source);
    const probed = probeTemplate((variables, usage) => this.#run(variables, usage));
    this.capabilities = Object.freeze(probed.capabilities);
    this.#style = Object.freeze(probed.style);
  }

  /**
   * Renders a conversation with the prompt for the assistant's answer, unless `templateArgs.add_generation_prompt` is
   * false. With `continueFinal` the last message is the beginning of that answer. The template sees no `tools` when
   * there are none, and no switch of thinking unless the request sets it: its own default holds.
   * @returns prompt text; without the BOS or EOS that the tokenizer adds by itself
   * @throws ServerError `validation` with the template's own words when it refuses or fails
   */
  render(prompt: TemplatePrompt): string {
    const last = prompt.continueFinal ? prompt.messages.at(-1) : undefined;
    try {
      if (last?.role !== "assistant") {
        return this.#text(prompt, prompt.templateArgs?.add_generation_prompt !== false);
      }
      const before = { ...prompt, messages: prompt.messages.slice(0, -1) };
      const text = this.#text(before, false);
      return text + prefillText(last, this.#prefillForm(), text, suffixOf(this.#text(before, true), text));
    } catch (cause) {
      const what = cause instanceof TemplateRefusal
        ? "The chat template refuses these messages"
        : "Cannot render these messages with the chat template";
      throw new ServerError("validation", `${what}: ${messageOf(cause)}`, { field: "messages", cause });
    }
  }

  /** Text of the messages; where the template fails on them, of messages that say the same in simpler form. */
  #text(prompt: TemplatePrompt, generation: boolean): string {
    const render = (messages: readonly ChatMessage[]) => {
      const text = this.#withoutAddedTokens(this.#run(this.#variables({ ...prompt, messages }, generation)));
      return generation ? this.#family.adjustText?.(text) ?? text : text;
    };
    try {
      return render(prompt.messages);
    } catch (error) {
      const simpler = error instanceof RenderLimit ? undefined : this.#simpler(prompt.messages);
      if (simpler === undefined) throw error;
      return render(simpler);
    }
  }

  #simpler(messages: readonly ChatMessage[]): readonly ChatMessage[] | undefined {
    if (!this.capabilities.toolCalls && hasCalls(messages)) return toPlainCalls(messages);
    if (this.#style.objectArguments && hasMalformedArguments(messages)) return withObjectArguments(messages);
  }

  #variables(prompt: TemplatePrompt, generation: boolean): Record<string, unknown> {
    const { messages, tools = [], templateArgs = {}, reasoning } = prompt;
    const now = this.#clock();
    const enabled = reasoning?.enabled;
    const args: Record<string, unknown> = {
      // As in llama-server: reasoning that the client sends back is not dropped.
      preserve_reasoning: true,
      // Templates know the same switch by two names.
      ...(enabled === undefined || "enable_thinking" in templateArgs ? {} : {
        enable_thinking: enabled,
        ...(this.source.includes("enable_thinking") ? {} : { thinking: enabled }),
      }),
      ...(reasoning?.effort === undefined ? {} : { reasoning_effort: reasoning.effort }),
      ...templateArgs,
    };
    const { preserve_reasoning: preserve, reasoning_effort: effort } = args;
    const styled = toTemplateMessages(messages, this.#style);
    return {
      // As llama-server does: some templates state a date of their training else.
      date_string: formatTime(now, "%d %b %Y"),
      datetime: formatTime(now, "%b %d %Y"),
      ...(typeof preserve === "boolean" ? reasoningVariables(preserve) : {}),
      ...(typeof effort === "string" ? { reasoning_strength: effort } : {}),
      ...Object.fromEntries(Object.entries(args).filter(([name]) => !RESERVED.has(name))),
      messages: this.#family.adjustMessages?.(styled) ?? styled,
      ...(tools.length > 0 ? { tools: toTemplateTools(tools) } : {}),
      ...(generation ? { add_generation_prompt: true } : {}),
    };
  }

  #run(variables: Readonly<Record<string, unknown>>, usage?: UsageLog): string {
    const { bosToken, eosToken } = this.#specials;
    return this.#program.render({ bos_token: bosToken, eos_token: eosToken, ...variables }, {
      now: this.#clock(),
      ...(usage === undefined ? {} : { usage }),
    });
  }

  #prefillForm(): Prefill {
    return this.#prefill ??= this.#family.prefill ??
      probePrefill(
        this.source,
        (messages, { generation, thinking }) =>
          this.#text({ messages, templateArgs: { enable_thinking: thinking } }, generation),
      );
  }

  /** Same outcome as llama-server: the tokenizer adds what its metadata says, the template's copy goes. */
  #withoutAddedTokens(text: string): string {
    const { bosToken, eosToken, addBos, addEos } = this.#specials;
    if (addBos === true && bosToken !== "" && text.startsWith(bosToken)) text = text.slice(bosToken.length);
    if (addEos === true && eosToken !== "" && text.endsWith(eosToken)) text = text.slice(0, -eosToken.length);
    return text;
  }
}

/** Checks by which templates refuse conversations that quote the model's own marks, or an answer without content. */
const MARKER_CHECKS = [
  '{%- if "<|channel|>analysis<|message|>" in message.content or "<|channel|>final<|message|>" in message.content %}',
  "{%- if (message['content'] is none or message['content'] == '' or message['content']|length == 0) and " +
  "(message['tool_calls'] is not defined or message['tool_calls'] is none or message['tool_calls']|length == 0) %}",
];

/** As llama-server does: such a conversation is rendered, not refused. */
function withoutMarkerChecks(source: string): string {
  return MARKER_CHECKS.reduce((text, check) => text.replaceAll(check, "{%- if false %}"), source);
}

/** What a text has behind the beginning that it shares with another. */
function suffixOf(text: string, other: string): string {
  let length = 0;
  while (length < Math.min(text.length, other.length) && text[length] === other[length]) length++;
  return text.slice(length);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
