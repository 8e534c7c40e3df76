/**
 * How one answer is generated and read, decided before its first token: the grammar and what triggers it, the tokens
 * and strings to look for, the parser of the wire format, the check of what a grammar could not enforce.
 */

import type { AnswerFormat, AnswerParser, AnswerPlan, Trigger } from "../chat/formats/answer_format.ts";
import type { GenerateRequest, ResponseFormat } from "../core/generate_request.ts";
import type { GrammarTrigger, ReasoningLimit, SamplingParams } from "../core/sampling_params.ts";
import { ServerError } from "../core/server_error.ts";
import { type CompiledSchema, compileJsonSchema, SchemaError } from "../text/json_schema/json_schema.ts";
import type { TokenCodec } from "./model_runtime.ts";

/** See the module comment. */
export interface AnswerSetup {
  /** The request's parameters with the answer's grammar. */
  sampling: SamplingParams;
  /** Strings of the wire format that end the answer. */
  stops: readonly string[];
  /** Control tokens that are part of the text here. */
  visible: ReadonlySet<number>;
  /** Null: the text is the answer. */
  parser: AnswerParser | null;
  /** Checks the complete text of the answer; absent when the grammar has left nothing to check. */
  check?: (text: string) => void;
}

/** What a finding begins with; the rest may quote the answer. */
const UNSATISFIED = "The generated answer does not satisfy the JSON schema";

const NONE: ReadonlySet<number> = new Set();

/**
 * Sets up an answer.
 * @param promptText the rendered conversation; unused for other prompts
 * @throws ServerError `validation` naming the field and the JSON pointer of a schema that cannot be honoured
 */
export function setUpAnswer(
  request: GenerateRequest,
  promptText: string,
  format: AnswerFormat,
  codec: TokenCodec,
): AnswerSetup {
  const { prompt, sampling } = request;
  const schema = request.format && compileFormat(request.format);
  const checked = schema && request.format && schema.relaxed.length > 0
    ? { check: (text: string) => checkAnswer(text, schema) }
    : {};
  if (prompt.kind !== "chat") {
    const constrained = schema ? { ...sampling, grammar: schema.gbnf } : sampling;
    return { sampling: constrained, stops: [], visible: NONE, parser: null, ...checked };
  }
  const plan = format.plan({
    prompt: promptText,
    tools: prompt.toolChoice === "none" ? [] : prompt.tools,
    toolChoice: prompt.toolChoice,
    parallelToolCalls: prompt.parallelToolCalls,
    ...(request.format ? { format: request.format } : {}),
    reasoning: prompt.reasoning,
  });
  return {
    sampling: {
      ...sampling,
      ...grammarOf(plan, sampling, codec),
      ...reasoningOf(plan, prompt.reasoning, codec),
    },
    stops: plan.stops,
    visible: new Set(plan.preserved.flatMap((text) => specialToken(text, codec) ?? [])),
    parser: plan.createParser(),
    ...checked,
  };
}

/** A grammar of the request's own takes the place of the format's. */
function grammarOf(plan: AnswerPlan, sampling: SamplingParams, codec: TokenCodec): Partial<SamplingParams> {
  if (sampling.grammar !== "" || plan.grammar === undefined) return {};
  const { gbnf, triggers } = plan.grammar;
  return triggers.length === 0
    ? { grammar: gbnf }
    : { grammar: gbnf, grammarTrigger: grammarTrigger(triggers, codec) };
}

function grammarTrigger(triggers: readonly Trigger[], codec: TokenCodec): GrammarTrigger {
  const patterns: string[] = [];
  const tokens: number[] = [];
  for (const trigger of triggers) {
    const token = trigger.kind === "word" ? specialToken(trigger.text, codec) : undefined;
    if (token !== undefined) tokens.push(token);
    else patterns.push(trigger.kind === "word" ? escapePattern(trigger.text) : trigger.source);
  }
  return { patterns, tokens };
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\\/]/g, "\\$&");
}

/** The special token that is written like this; undefined when the text is cut into several or is plain text. */
function specialToken(text: string, codec: TokenCodec): number | undefined {
  const [token, ...more] = codec.encode(text, { addSpecial: false, parseSpecial: true });
  if (token === undefined || more.length > 0) return undefined;
  const plain = codec.encode(text, { addSpecial: false, parseSpecial: false });
  return plain.length === 1 && plain[0] === token ? undefined : token;
}

function reasoningOf(
  plan: AnswerPlan,
  options: { budget: number },
  codec: TokenCodec,
): { reasoning?: ReasoningLimit } {
  if (plan.reasoning === undefined) return {};
  const { tags, state } = plan.reasoning;
  const end = tags.end.trim();
  // Tags stand on lines of their own; marks made of control tokens do not.
  const closing = end.startsWith("</") ? `\n${end}\n\n` : end;
  return {
    reasoning: {
      start: tags.start.trim(),
      end,
      ...(tags.between === undefined ? {} : { between: tags.between }),
      endsBefore: tags.endsBefore ?? [],
      open: state === "open",
      budget: options.budget,
      closing: Array.from(codec.encode(closing, { addSpecial: false, parseSpecial: true })),
    },
  };
}

function compileFormat(format: ResponseFormat): CompiledSchema {
  if (format.kind === "json_object") return compileJsonSchema({ type: "object" });
  try {
    return compileJsonSchema(format.schema);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    const { pointer, reason } = error;
    throw new ServerError(
      "validation",
      `${format.field}: the JSON schema cannot be honoured at ${JSON.stringify(`#${pointer}`)}: ${reason}`,
      { field: format.field, cause: error },
    );
  }
}

/**
 * What the grammar left open. The answer has been generated, maybe even sent: whoever relies on the schema must learn
 * that this answer breaks it. No fault of the server's: the model has had its way where no grammar can hold it.
 * @throws ServerError `validation`
 */
function checkAnswer(text: string, schema: CompiledSchema): void {
  const finding = schema.validate(parseJson(text));
  if (finding === undefined) return;
  throw new ServerError("validation", `${UNSATISFIED}: ${finding}`, { loggable: UNSATISFIED });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServerError("validation", `${UNSATISFIED}: it is not JSON`, { cause, loggable: UNSATISFIED });
  }
}
