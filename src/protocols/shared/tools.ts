/** Tools and the choice among them in OpenAI's chat form -> the core's. */

import type { ToolChoice, ToolDefinition } from "../../core/chat_message.ts";
import { ServerError } from "../../core/server_error.ts";
import { decodeTools } from "./messages.ts";
import type { FunctionTool, ToolChoiceField } from "./schema.ts";

/** Tools that may be called, and whether one must be. */
export interface DecodedTools {
  tools: ToolDefinition[];
  toolChoice: ToolChoice;
}

/**
 * Decodes `tools` and `tool_choice`. A list of allowed tools is applied to the tools.
 * @throws ServerError `bad_request` when the choice asks for a call without a tool to call, or for an unknown tool
 */
export function decodeToolChoice(
  definitions: readonly FunctionTool[] | null | undefined,
  choice: ToolChoiceField | null | undefined,
): DecodedTools {
  const tools = decodeTools(definitions);
  if (choice === undefined || choice === null) return { tools, toolChoice: "auto" };
  if (typeof choice === "string") {
    if (choice === "required") requireTools(tools, "tool_choice");
    return { tools, toolChoice: choice };
  }
  switch (choice.type) {
    case "function": {
      const name = nameIn(choice, "tool_choice");
      return { tools, toolChoice: { name: known(name, tools, "tool_choice.function.name") } };
    }
    case "allowed_tools":
      return decodeAllowed(choice, tools);
    default:
      throw refusal(
        "tool_choice.type",
        `expected "function"|"allowed_tools", received ${JSON.stringify(choice.type)}`,
      );
  }
}

/** `{ type: "allowed_tools", allowed_tools: { mode, tools } }`, or with both members beside the type. */
function decodeAllowed(choice: Record<string, unknown>, tools: readonly ToolDefinition[]): DecodedTools {
  const field = "tool_choice.allowed_tools";
  const list = isRecord(choice["allowed_tools"]) ? choice["allowed_tools"] : choice;
  const mode = list["mode"] ?? "auto";
  if (mode !== "auto" && mode !== "required") {
    throw refusal(`${field}.mode`, `expected "auto"|"required", received ${JSON.stringify(mode)}`);
  }
  const items: unknown = list["tools"];
  if (!Array.isArray(items)) throw refusal(`${field}.tools`, "expected an array of tools");
  const names = new Set(
    items.map((item, index) =>
      known(nameIn(item, `${field}.tools.${index}`), tools, `${field}.tools.${index}`)
    ),
  );
  const allowed = tools.filter(({ name }) => names.has(name));
  if (mode === "required") requireTools(allowed, `${field}.tools`);
  return { tools: allowed, toolChoice: mode };
}

/** The name of a function, nested as in a chat's tools or beside the type as in a response's. */
function nameIn(item: unknown, field: string): string {
  const nested = isRecord(item) ? item["function"] : undefined;
  const name = isRecord(nested) ? nested["name"] : isRecord(item) ? item["name"] : undefined;
  if (typeof name === "string") return name;
  throw refusal(`${field}.function.name`, "expected the name of one of the tools");
}

function known(name: string, tools: readonly ToolDefinition[], field: string): string {
  if (tools.some((tool) => tool.name === name)) return name;
  throw refusal(field, `${JSON.stringify(name)} is not the name of one of the tools`);
}

function requireTools(tools: readonly ToolDefinition[], field: string): void {
  if (tools.length === 0) throw refusal(field, "a call is required, but there is no tool to call");
}

function refusal(field: string, message: string): ServerError {
  return new ServerError("bad_request", `${field}: ${message}`, { field });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
