/** What a flag of `serve` is, and the two ways to make one that takes a value. */

import type { SamplingParams } from "../../core/sampling_params.ts";
import type { FlagValue } from "./flag_value.ts";
import type { ServeSettings } from "../serve_options.ts";

/** Headings of `--help`, in their order. */
export const GROUPS = [
  "Model",
  "Context",
  "Computing",
  "Answers",
  "Server",
  "Other",
] as const;
export type FlagGroup = typeof GROUPS[number];

/** What all flags have. */
interface FlagBase {
  /** Spellings, short ones first: `["-c", "--ctx-size"]`. */
  names: readonly [string, ...string[]];
  /** Environment variable that the flag overrides. */
  env?: string;
  /** Another program's variable that counts where `env` is not set. */
  foreignEnv?: string;
  group: FlagGroup;
  /** One sentence without a full stop. */
  help: string;
}

/** A flag followed by a value. `placeholder` stands for it in the help. */
type ValueFlag<Settings, Kind extends string> = {
  [K in keyof Settings]-?: FlagBase & {
    kind: Kind;
    key: K;
    placeholder: string;
    value: FlagValue<Exclude<Settings[K], undefined>>;
    /** Default as the help shows it where the plain value would say too little. */
    shown?: string;
    /** Given several times, and in the environment, the lists are joined. */
    joins?: true;
  };
}[keyof Settings];

/** A flag alone that gives a setting one certain value. */
type SwitchFlag = {
  [K in keyof ServeSettings]-?: FlagBase & {
    kind: "switch";
    key: K;
    constant: ServeSettings[K];
    /** What the environment variable set to "off" means; without it such a variable changes nothing. */
    otherwise?: ServeSettings[K];
  };
}[keyof ServeSettings];

/** `--help` and `--version`, which end parsing. */
type ActionFlag = FlagBase & { kind: "action"; action: "help" | "version" };

export type Flag =
  | ValueFlag<ServeSettings, "setting">
  | ValueFlag<SamplingParams, "sampling">
  | SwitchFlag
  | ActionFlag;

type Spelling = readonly [string, ...string[]];

/** A setting with a value. */
export function setting<K extends keyof ServeSettings>(
  names: Spelling,
  key: K,
  placeholder: string,
  value: FlagValue<Exclude<ServeSettings[K], undefined>>,
  rest: {
    group: FlagGroup;
    help: string;
    env?: string;
    foreignEnv?: string;
    shown?: string;
    joins?: true;
  },
): Flag {
  // The union over keys is not inferred from a generic key; the signature has checked the pairing of key and value.
  return { kind: "setting", names, key, placeholder, value, ...rest } as Flag;
}

/** A sampling parameter; its default is llama.cpp's, shown from `DEFAULT_SAMPLING`. */
export function sampling<K extends keyof SamplingParams>(
  names: Spelling,
  key: K,
  placeholder: string,
  value: FlagValue<Exclude<SamplingParams[K], undefined>>,
  rest: { help: string; env?: string; shown?: string },
): Flag {
  return {
    kind: "sampling",
    group: "Answers",
    names,
    key,
    placeholder,
    value,
    ...rest,
  } as Flag;
}
