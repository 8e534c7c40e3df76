/**
 * What a template can do, found by rendering small conversations and looking at what the template read of them (the
 * usage log) and at what it printed. The probes ask what llama.cpp's ask, so that both servers give a template the same
 * form of a conversation. A template that refuses a probe says nothing by it: the next probe, or the default, decides.
 */

import { RenderLimit } from "./jinja/interpreter.ts";
import { UsageLog } from "./jinja/usage_log.ts";
import { Dict, Int, List, Str, toValue, type Value } from "./jinja/value.ts";
import type { MessageStyle } from "./template_message.ts";

/** Renders template variables, logging what the template looks at; throws when the template cannot. */
export type ProbeRenderer = (variables: Record<string, unknown>, usage: UsageLog) => string;

/** Facts about a template. */
export interface TemplateCapabilities {
  /** Tools offered in a request reach the prompt. */
  tools: boolean;
  /** `enable_thinking` (or `thinking`) changes the prompt. */
  thinking: boolean;
  /** System messages reach the prompt under their own role. */
  system: boolean;
  /** Earlier tool calls of the assistant reach the prompt. */
  toolCalls: boolean;
  /** More than one of them in a message does. */
  parallelToolCalls: boolean;
  /** Reasoning of all earlier turns can be kept (`preserve_reasoning`). */
  preserveReasoning: boolean;
  /** `reasoning_effort` is read. */
  reasoningEffort: boolean;
}

/** Milliseconds that the probes of a template may take together; those of known templates take some 10. */
const PROBES_MAX = 1_000;

const USER = { role: "user", content: "User message" };
const MARKER = "CONTENTMARKER";
const REASONING = "<REASONINGMARKER>";

const TOOLS = [{
  name: "tool",
  type: "function",
  function: {
    name: "tool1",
    description: "Tool description",
    parameters: {
      type: "object",
      properties: { arg: { type: "string", description: "Arg description" } },
      required: ["arg"],
    },
  },
}];

/** One probe's outcome. */
interface Probe {
  /** What was printed; undefined when the template refused. */
  text: string | undefined;
  usage: UsageLog;
  messages: Value;
  tools: Value;
  variables: Readonly<Record<string, Value>>;
}

/**
 * Runs the probes. Costs up to ten renderings of short conversations; call once per template. One that uses up what a
 * rendering may take is the last: the others would take as long.
 */
export function probeTemplate(
  renderProbe: ProbeRenderer,
): { capabilities: TemplateCapabilities; style: MessageStyle } {
  const render = untilLimit(renderProbe);
  const content = probeContent(render);
  const system = probe(render, [{ role: "system", content: "System message" }, USER]);
  const calls = probeCalls(render);
  const style: MessageStyle = {
    ...content,
    system: used(system, system.messages, 0, "content"),
    objectArguments: calls.objectArguments,
  };
  const effort = probe(render, [USER], {
    enable_thinking: true,
    reasoning_effort: "low",
    reasoning_strength: "low",
  });
  return {
    style,
    capabilities: {
      tools: calls.tools,
      toolCalls: calls.toolCalls,
      parallelToolCalls: calls.parallel,
      system: style.system,
      thinking: probeThinking(render, style),
      preserveReasoning: probePreservation(render, style),
      reasoningEffort: ["reasoning_effort", "reasoning_strength"].some((name) =>
        effort.usage.used(effort.variables[name]!)
      ),
    },
  };
}

/** Variables by which templates know how much of earlier reasoning to print. */
export function reasoningVariables(preserve: boolean): Record<string, boolean> {
  return {
    preserve_thinking: preserve,
    clear_thinking: !preserve,
    truncate_history_thinking: !preserve,
    drop_thinking: !preserve,
  };
}

function untilLimit(render: ProbeRenderer): ProbeRenderer {
  let limit: RenderLimit | undefined;
  let spent = 0;
  return (variables, usage) => {
    if (limit !== undefined) throw limit;
    const startedAt = performance.now();
    try {
      return render(variables, usage);
    } catch (error) {
      if (error instanceof RenderLimit) limit = error;
      throw error;
    } finally {
      spent += performance.now() - startedAt;
      if (spent > PROBES_MAX) {
        limit ??= new RenderLimit(`Cannot try a template for more than ${PROBES_MAX} ms`);
      }
    }
  };
}

function probe(
  render: ProbeRenderer,
  messages: readonly unknown[],
  variables: Readonly<Record<string, unknown>> = {},
): Probe {
  const usage = new UsageLog();
  const given = Object.fromEntries(
    Object.entries({ tools: [], ...variables }).map(([name, value]) => [name, toValue(value)]),
  );
  const chat = toValue(messages);
  let text: string | undefined;
  try {
    text = render({ add_generation_prompt: true, ...given, messages: chat }, usage);
  } catch {
    // A refusal is an answer too.
  }
  return { text, usage, messages: chat, tools: given.tools!, variables: given };
}

/** The value at a path of keys and indices, of data that a probe gave. */
function at(value: Value, ...path: readonly (string | number)[]): Value {
  return path.reduce<Value>((inner, key) => {
    const next = inner instanceof Dict
      ? inner.get(typeof key === "string" ? new Str(key) : new Int(key))
      : inner instanceof List && typeof key === "number"
      ? inner.items[key]
      : undefined;
    if (!next) throw new Error(`probe without ${path.join(".")}`);
    return next;
  }, value);
}

function used(result: Probe, root: Value, ...path: readonly (string | number)[]): boolean {
  return result.usage.used(at(root, ...path));
}

/** Does content that is a string reach the prompt, and is content read as a list of parts. */
function probeContent(render: ProbeRenderer): Pick<MessageStyle, "stringContent" | "typedContent"> {
  const listed = ({ usage, messages }: Probe) => {
    const content = at(messages, 0, "content");
    return usage.did(content, "selectattr") || usage.did(content, "item");
  };
  const asText = probe(render, [{ role: "user", content: MARKER }]);
  const stringContent = asText.text !== undefined && !(listed(asText) && !asText.text.includes(MARKER));
  let typedContent = listed(asText);
  if (asText.usage.did(at(asText.messages, 0, "content"), "is string")) {
    const asParts = probe(render, [{ role: "user", content: [] }]);
    typedContent ||= listed(asParts) && asParts.text !== undefined;
  }
  return { stringContent, typedContent };
}

function callChat(args: unknown, count = 1): unknown[] {
  const calls = Array.from({ length: count }, (_, i) => ({
    // Nine letters and digits: the only form of id that every template accepts.
    id: `call0000${i + 1}`,
    type: "function",
    function: { name: "tool1", arguments: args },
  }));
  return [
    USER,
    { role: "assistant", content: "", tool_calls: calls },
    { role: "tool", content: "Tool response", tool_call_id: "call00001" },
    { role: "assistant", content: "The tool response was 'tool response'" },
    USER,
  ];
}

function probeCalls(
  render: ProbeRenderer,
): { tools: boolean; toolCalls: boolean; objectArguments: boolean; parallel: boolean } {
  const tools = { tools: TOOLS };
  const found = { tools: true, toolCalls: true, objectArguments: false, parallel: true };
  const read = (result: Probe) => {
    if (!used(result, result.tools, 0, "function", "name")) found.tools = false;
    if (!used(result, result.messages, 1, "tool_calls")) found.toolCalls = false;
  };
  const object = { arg: "value" };
  const text = JSON.stringify(object);
  const withObject = probe(render, callChat(object), tools);
  if (withObject.text !== undefined) {
    read(withObject);
    found.objectArguments = found.toolCalls &&
      used(withObject, withObject.messages, 1, "tool_calls", 0, "function", "arguments", "arg");
  }
  if (!found.objectArguments) {
    const withText = probe(render, callChat(text), tools);
    if (withText.text === undefined) found.tools = found.toolCalls = false;
    else read(withText);
  }
  const two = probe(render, callChat(found.objectArguments ? object : text, 2), tools);
  found.parallel = two.text !== undefined && used(two, two.messages, 1, "tool_calls", 1, "function");
  return found;
}

/** Content in the form that the template reads. */
function content(text: string, { stringContent }: Pick<MessageStyle, "stringContent">): unknown {
  return stringContent ? text : [{ type: "text", text }];
}

function probeThinking(render: ProbeRenderer, style: MessageStyle): boolean {
  const messages = [{ role: "user", content: content("User message", style) }];
  return ["enable_thinking", "thinking"].some((name) => {
    const [on, off] = [true, false].map((value) => probe(render, messages, { [name]: value }).text);
    return on !== undefined && off !== undefined && on !== off;
  });
}

function probePreservation(render: ProbeRenderer, style: MessageStyle): boolean {
  const user = { role: "user", content: content("User message", style) };
  const answer = (reasoning: string) => ({
    role: "assistant",
    content: content("Assistant message", style),
    reasoning_content: reasoning,
    thinking: reasoning,
  });
  const messages = [user, answer(REASONING), user, answer("Reasoning"), user];
  const { text } = probe(render, messages, { enable_thinking: true, ...reasoningVariables(true) });
  return text?.includes(REASONING) ?? false;
}
