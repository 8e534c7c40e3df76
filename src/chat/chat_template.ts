/**
 * A model's chat template: conversations to prompt text. Compiled and probed once when the model is loaded; rendering
 * has no state. The text that comes out is to be tokenised with `addSpecial` and `parseSpecial` on.
 */

import type { ChatMessage, ToolDefinition } from "../core/chat_message.ts";
import { ServerError } from "../core/server_error.ts";
import { JinjaProgram, TemplateRefusal } from "./jinja_program.ts";
import { probeTemplate, type TemplateCapabilities } from "./template_capabilities.ts";
import { formatTime } from "./strftime.ts";
import { type MessageStyle, toTemplateMessages, toTemplateTools } from "./template_message.ts";

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

/** Variables that a request's template arguments cannot replace. */
const RESERVED = new Set(["messages", "tools", "bos_token", "eos_token"]);

/** A compiled chat template. */
export class ChatTemplate {
  /** Jinja source as given. */
  readonly source: string;
  /** What the template can do. */
  readonly capabilities: TemplateCapabilities;
  readonly #program: JinjaProgram;
  readonly #specials: Readonly<TemplateSpecials>;
  readonly #style: MessageStyle;

  /** @throws ServerError `not_supported` when the source does not parse; the message quotes the parser */
  constructor(source: string, specials: TemplateSpecials) {
    this.source = source;
    this.#specials = { ...specials };
    try {
      this.#program = new JinjaProgram(source);
    } catch (cause) {
      throw new ServerError("not_supported", `Cannot parse the chat template: ${messageOf(cause)}`, {
        cause,
      });
    }
    const probed = probeTemplate((variables) => this.#program.render({ ...this.#tokens(), ...variables }));
    this.capabilities = Object.freeze(probed.capabilities);
    this.#style = probed.style;
  }

  /**
   * Renders a conversation, with the prompt for the assistant's answer unless `args.add_generation_prompt` is false.
   * @param tools functions offered; the template does not see the variable when there are none
   * @param args further variables, for example `{ enable_thinking: false }`
   * @returns prompt text; without the BOS or EOS that the tokenizer adds by itself
   * @throws ServerError `validation` with the template's own words when it refuses or fails
   */
  render(
    messages: readonly ChatMessage[],
    tools: readonly ToolDefinition[],
    args: Readonly<Record<string, unknown>>,
  ): string {
    const now = new Date();
    const variables: Record<string, unknown> = {
      add_generation_prompt: true,
      // As llama-server does: some templates state a date of their training else.
      date_string: formatTime(now, "%d %b %Y"),
      datetime: formatTime(now, "%b %d %Y"),
    };
    for (const [name, value] of Object.entries(args)) if (!RESERVED.has(name)) variables[name] = value;
    // Templates know the same switch by two names; requests set the common one.
    if (variables.enable_thinking !== undefined) variables.thinking ??= variables.enable_thinking;
    Object.assign(variables, this.#tokens());
    variables.messages = toTemplateMessages(messages, this.#style);
    if (tools.length > 0) variables.tools = toTemplateTools(tools);
    try {
      return this.#withoutAddedTokens(this.#program.render(variables));
    } catch (cause) {
      const what = cause instanceof TemplateRefusal
        ? "The chat template refuses these messages"
        : "Cannot render these messages with the chat template";
      throw new ServerError("validation", `${what}: ${messageOf(cause)}`, { field: "messages", cause });
    }
  }

  #tokens(): { bos_token: string; eos_token: string } {
    return { bos_token: this.#specials.bosToken, eos_token: this.#specials.eosToken };
  }

  /** Same outcome as llama-server: the tokenizer adds what its metadata says, the template's copy goes. */
  #withoutAddedTokens(text: string): string {
    const { bosToken, eosToken, addBos, addEos } = this.#specials;
    if (addBos === true && bosToken !== "" && text.startsWith(bosToken)) text = text.slice(bosToken.length);
    if (addEos === true && eosToken !== "" && text.endsWith(eosToken)) text = text.slice(0, -eosToken.length);
    return text;
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
