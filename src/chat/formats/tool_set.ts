/** The tools that one answer may call. */

import type { ToolChoice, ToolDefinition } from "../../core/chat_message.ts";
import type { AnswerDemand } from "./answer_format.ts";

/** Tools by name; the choice has been applied. */
export class ToolSet {
  readonly #byName: ReadonlyMap<string, ToolDefinition>;

  constructor(
    readonly tools: readonly ToolDefinition[],
    /** A call must come. */ readonly required: boolean,
  ) {
    this.#byName = new Map(tools.map((tool) => [tool.name, tool]));
  }

  /** The tools that `demand` lets the model call. */
  static of(demand: Pick<AnswerDemand, "tools" | "toolChoice">): ToolSet {
    return new ToolSet(callable(demand.tools, demand.toolChoice), mustCall(demand.toolChoice));
  }

  get empty(): boolean {
    return this.tools.length === 0;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  get(name: string): ToolDefinition | undefined {
    return this.#byName.get(name);
  }
}

function callable(tools: readonly ToolDefinition[], choice: ToolChoice): readonly ToolDefinition[] {
  if (choice === "none") return [];
  return typeof choice === "object" ? tools.filter((tool) => tool.name === choice.name) : tools;
}

function mustCall(choice: ToolChoice): boolean {
  return choice === "required" || typeof choice === "object";
}

/** Is this a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
