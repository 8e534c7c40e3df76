/**
 * A Modelfile's instructions to the body of `/api/create`, and the local files that it names. Reads file names, not
 * files.
 */

import { basename, isAbsolute, join } from "node:path";
import { isRetired, parseParameter } from "./model_parameters.ts";
import type { Instruction } from "./modelfile.ts";

/** What is to be sent; `files` and `adapters` of the body are filled in once the uploads have their digests. */
export interface CreatePlan {
  body: Record<string, unknown>;
  /** Name in the model -> path, of weights and projectors. */
  files: ReadonlyMap<string, string>;
  adapters: ReadonlyMap<string, string>;
  /** What was passed over, for people. */
  warnings: readonly string[];
}

/** Looks at the disk: the files of a path that exists, itself or those in the folder; undefined when nothing is there. */
export type FindFiles = (path: string) => readonly string[] | undefined;

/**
 * Makes the plan.
 * @param folder that relative paths start from: the Modelfile's
 * @param home what `~` stands for
 * @throws Error for parameters that there are not, and files that are not there
 */
export function planCreate(
  instructions: readonly Instruction[],
  folder: string,
  home: string | undefined,
  find: FindFiles,
): CreatePlan {
  const body: Record<string, unknown> = {};
  const files = new Map<string, string>();
  const adapters = new Map<string, string>();
  const warnings: string[] = [];
  const locate = (text: string) => find(localPath(text, folder, home));
  for (const { name, value, line } of instructions) {
    if (name === "from") {
      const found = locate(value);
      if (found !== undefined) {
        for (const path of found) files.set(basename(path), path);
      } else if (looksLikePath(value)) {
        throw new Error(`Modelfile line ${line}: there is no file "${value}"`);
      } else body.from = value;
    } else if (name === "adapter") {
      const found = locate(value);
      if (found === undefined) {
        throw new Error(
          `Modelfile line ${line}: there is no adapter "${value}"`,
        );
      }
      for (const path of found) adapters.set(basename(path), path);
    } else if (
      name === "renderer" || name === "parser" || name === "requires"
    ) {
      warnings.push(
        `Modelfile line ${line}: ${name.toUpperCase()} has no effect here`,
      );
    }
  }
  Object.assign(body, textsOf(instructions));
  const parameters = parametersOf(instructions, warnings);
  if (Object.keys(parameters).length > 0) body.parameters = parameters;
  return { body, files, adapters, warnings };
}

/** The last one counts of what there is one of. */
function textsOf(
  instructions: readonly Instruction[],
): Record<string, unknown> {
  const texts: Record<string, unknown> = {};
  const licenses: string[] = [];
  const messages: { role: string; content: string }[] = [];
  for (const { name, key = "", value } of instructions) {
    if (name === "template" || name === "system") texts[name] = value;
    else if (name === "license") licenses.push(value);
    else if (name === "message") messages.push({ role: key, content: value });
  }
  if (licenses.length > 0) texts.license = licenses;
  if (messages.length > 0) texts.messages = messages;
  return texts;
}

function parametersOf(
  instructions: readonly Instruction[],
  warnings: string[],
): Record<string, unknown> {
  const texts = new Map<string, string[]>();
  for (const { name, key = "", value, line } of instructions) {
    if (name !== "parameter") continue;
    if (isRetired(key)) {
      warnings.push(
        `Modelfile line ${line}: PARAMETER ${key} has no effect any more`,
      );
    } else texts.set(key, [...texts.get(key) ?? [], value]);
  }
  return Object.fromEntries(
    [...texts].map(([key, values]) => [key, parseParameter(key, values)]),
  );
}

function localPath(
  text: string,
  folder: string,
  home: string | undefined,
): string {
  if (home !== undefined && /^~(?=[/\\]|$)/.test(text)) {
    return join(home, text.slice(1));
  }
  return isAbsolute(text) ? text : join(folder, text);
}

/** Names of models have no such forms. */
function looksLikePath(text: string): boolean {
  return /^(\.{0,2}[/\\]|~|[a-z]:\\)/i.test(text) || /\.gguf$/i.test(text);
}
