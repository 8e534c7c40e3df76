/**
 * Every flag of `serve` in one table: parsing, `--help` and the suggestions for misspelt flags all read it, so they
 * cannot disagree. Names and environment variables are those of llama-server (`common/arg.cpp`) where it has them.
 * The last name of a flag is the one that messages and help call it by.
 */

import { DEFAULT_SAMPLING } from "../../core/sampling_params.ts";
import { DEFAULT_SETTINGS } from "../serve_options.ts";
import { ANSWER_FLAGS } from "./answer_flags.ts";
import { COMPUTING_FLAGS } from "./computing_flags.ts";
import { CONTEXT_FLAGS } from "./context_flags.ts";
import type { Flag } from "./flag.ts";
import { MODEL_FLAGS } from "./model_flags.ts";
import { OTHER_FLAGS } from "./other_flags.ts";
import { SECURITY_FLAGS } from "./security_flags.ts";
import { LIMIT_FLAGS, SERVER_FLAGS } from "./server_flags.ts";

export { type Flag, type FlagGroup, GROUPS } from "./flag.ts";

/** Every flag, in the order of `--help`. */
export const FLAGS: readonly Flag[] = [
  ...MODEL_FLAGS,
  ...CONTEXT_FLAGS,
  ...COMPUTING_FLAGS,
  ...ANSWER_FLAGS,
  ...SERVER_FLAGS,
  ...LIMIT_FLAGS,
  ...SECURITY_FLAGS,
  ...OTHER_FLAGS,
];

/** The name that messages and help call a flag by. */
export function canonicalName(flag: Flag): string {
  return flag.names[flag.names.length - 1] ?? flag.names[0];
}

/** The default as `--help` shows it, or undefined where there is none to speak of. */
export function shownDefault(flag: Flag): string | undefined {
  if (flag.kind === "switch" || flag.kind === "action") return undefined;
  if (flag.shown !== undefined) return flag.shown;
  const value = flag.kind === "setting" ? DEFAULT_SETTINGS[flag.key] : DEFAULT_SAMPLING[flag.key];
  return value === undefined ? undefined : String(value);
}
