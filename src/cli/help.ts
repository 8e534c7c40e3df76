/** The text of `--help`, made from the flag table, and of `--version`. Pure: width and version come from the caller. */

import { COMMAND_LIST } from "./command_list.ts";
import { canonicalName, type Flag, FLAGS, GROUPS, shownDefault } from "./flags/flag_table.ts";

/** Column at which explanations begin. */
const INDENT = 34;

/** Every command with what it does. */
const COMMAND_HELP: readonly (readonly [string, string])[] = [
  ["serve", "serve a model; the default when no command is given"],
  ...COMMAND_LIST.map(({ name, aliases = [], summary }) => [[name, ...aliases].join(", "), summary] as const),
  ["help", "print this help, or that of a command: help run"],
  ["version", "print the version"],
];

/** A blank at which lines do not break. */
const GLUE = "\u00a0";

/** What a heading alone does not say. */
const GROUP_NOTES: Partial<Record<typeof GROUPS[number], string>> = {
  Answers: "defaults for requests that do not say",
};

/**
 * The whole help text, ending with a line break.
 * @param width characters a line may have, for example the terminal's
 */
export function helpText(width = 100): string {
  const columns = Math.max(60, width);
  const lines = [
    "Usage: llamacpp-server [command] [flags]",
    "",
    "Serves a GGUF model to OpenAI and Ollama clients.",
    "",
    "Commands",
    ...COMMAND_HELP.flatMap(([command, text]) => entry(`  ${command}`, text, columns)),
  ];
  for (const group of GROUPS) {
    const note = GROUP_NOTES[group];
    lines.push("", note === undefined ? group : `${group}: ${note}`);
    for (const flag of FLAGS) {
      if (flag.group === group) {
        lines.push(...entry(`  ${spelling(flag)}`, explanation(flag), columns));
      }
    }
  }
  lines.push(
    "",
    ...wrap(
      "A flag wins over the environment variables in brackets behind it, the first of which wins over the second.",
      columns,
    ),
    "",
    "Examples",
    "  llamacpp-server                              the embedded demonstration model on port 8090",
    "  llamacpp-server -m model.gguf -c 8192 -t 8   a model of yours",
    "  llamacpp-server run qwen2.5:0.5b             a chat in the terminal",
  );
  return lines.join("\n") + "\n";
}

/** One line for `--version`. */
export function versionText(version: string, llamaCppVersion: string): string {
  return `llamacpp-server ${version} (llama.cpp ${llamaCppVersion})\n`;
}

/** Shortest and canonical spelling with the value's placeholder: `-c, --ctx-size N`. */
function spelling(flag: Flag): string {
  const canonical = canonicalName(flag);
  const short = flag.names[0].startsWith("--") ? undefined : flag.names[0];
  const names = short === undefined
    ? `    ${canonical}`
    : `${`${short},`.padEnd(4)}${short.length > 2 ? " " : ""}${canonical}`;
  return flag.kind === "setting" || flag.kind === "sampling" ? `${names} ${flag.placeholder}` : names;
}

function explanation(flag: Flag): string {
  const fallback = shownDefault(flag);
  const parts = [flag.help];
  if (fallback !== undefined) parts.push(`(default:${GLUE}${fallback})`);
  for (const name of [flag.env, flag.foreignEnv]) if (name !== undefined) parts.push(`[${name}]`);
  return parts.join(" ");
}

/** Term and explanation in two columns; a long term or explanation takes further lines. */
function entry(term: string, text: string, columns: number): string[] {
  const wrapped = wrap(text, columns - INDENT).map((line) => " ".repeat(INDENT) + line.replaceAll(GLUE, " "));
  if (term.length > INDENT - 2) return [term, ...wrapped];
  const [first = "", ...rest] = wrapped;
  return [term.padEnd(INDENT) + first.trimStart(), ...rest];
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}
