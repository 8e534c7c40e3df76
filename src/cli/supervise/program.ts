/**
 * How this program is started again: the executable, or Deno with `main.ts` and the permissions of its task in deno.json.
 * Pure: what is known of this process comes in.
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../../deno.json" with { type: "json" };
import type { ServeOptions } from "../serve_options.ts";
import type { EngineCommand } from "./engine_process.ts";

/** Names the file that the user started, where that is not what `Deno.execPath()` says: a launcher. */
export const EXECUTABLE_ENV = "LLAMACPP_SERVER_EXECUTABLE";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** What runs now. */
export interface Program {
  /** Value of `EXECUTABLE_ENV`. */
  executable: string | undefined;
  /** `Deno.execPath()`. */
  execPath: string;
  /** `Deno.build.standalone`: the executable is compiled. */
  standalone: boolean;
}

/** Commands with a task of their own. */
export type ProgramTask = "serve" | "supervise";

/**
 * The command line that starts a command of this program.
 * @param args what follows the command's name
 * @param writable places that the command may write; others are not to be named by its flags
 */
export function programCommand(
  { executable, execPath, standalone }: Program,
  task: ProgramTask,
  args: readonly string[],
  writable: readonly string[],
): EngineCommand {
  const own = executable ?? (standalone ? execPath : undefined);
  if (own !== undefined) return { file: own, args: [task, ...args] };
  const flags = config.tasks[task].split(" ").filter((word) => word.startsWith("--"));
  return {
    file: execPath,
    args: [
      "run",
      `--config=${join(ROOT, "deno.json")}`,
      // What this process runs with is here; and nobody is there to answer Deno's questions.
      "--cached-only",
      "--no-prompt",
      ...flags.flatMap((flag) => permission(flag, writable)),
      join(ROOT, "main.ts"),
      task,
      ...args,
    ],
  };
}

/** A permission of the task, as narrow as it can be here. */
function permission(flag: string, writable: readonly string[]): string[] {
  if (!flag.startsWith("--allow-write")) return [flag];
  return writable.length === 0 ? [] : [`--allow-write=${writable.join(",")}`];
}

/** What a server with these options writes. @param store the folder of our own models */
export function writtenBy(
  { slotSavePath, logFile }: Pick<ServeOptions, "slotSavePath" | "logFile">,
  store: string,
): string[] {
  return [store, slotSavePath, logFile].filter((path) => path !== undefined);
}

/** Folder of this program's files, when it is not an executable. */
export function programFolder(): string {
  return dirname(join(ROOT, "main.ts"));
}
