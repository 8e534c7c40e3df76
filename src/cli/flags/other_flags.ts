/** Flags of the log, and those that end at once: the group "Other" of `--help`. */

import { type Flag, setting } from "./flag.ts";
import { type FlagValue, nonEmpty, oneOf } from "./flag_value.ts";

const logFormat: FlagValue<boolean> = {
  expected: "pretty or json",
  parse: (text) => {
    const format = oneOf(["pretty", "json"]).parse(text);
    return format === undefined ? undefined : format === "json";
  },
};

/** What is logged, and how. */
export const LOG_FLAGS: readonly Flag[] = [
  setting(["--log-format"], "logJsonl", "pretty|json", logFormat, {
    env: "LLAMACPP_LOG_FORMAT",
    group: "Other",
    help: "log lines for people or as JSON objects",
    shown: "pretty",
  }),
  {
    kind: "switch",
    names: ["--log-jsonl"],
    env: "LLAMA_ARG_LOG_JSONL",
    key: "logJsonl",
    constant: true,
    otherwise: false,
    group: "Other",
    help: "the same as --log-format json",
  },
  setting(["--log-file"], "logFile", "FILE", nonEmpty("a file name"), {
    env: "LLAMA_ARG_LOG_FILE",
    group: "Other",
    help: "add log lines to a file instead of writing them to stderr",
  }),
  {
    kind: "switch",
    names: ["--no-log-requests"],
    env: "LLAMACPP_NO_LOG_REQUESTS",
    key: "logRequests",
    constant: false,
    otherwise: true,
    group: "Other",
    help: "no log line for each request",
  },
];

/** The group "Other". */
export const OTHER_FLAGS: readonly Flag[] = [
  {
    kind: "switch",
    names: ["-v", "--log-verbose", "--verbose"],
    key: "verbose",
    constant: true,
    group: "Other",
    help: "show what libllama and the engine log",
  },
  ...LOG_FLAGS,
  {
    kind: "action",
    action: "help",
    names: ["-h", "--usage", "--help"],
    group: "Other",
    help: "print this help",
  },
  {
    kind: "action",
    action: "version",
    names: ["--version"],
    group: "Other",
    help: "print the version",
  },
];
