/** `--help` of a single command. Pure. */

import type { Command } from "./command.ts";
import type { ListedCommand } from "./command_list.ts";

/** Column at which explanations begin. */
const INDENT = 30;

/** Flags of `serve` that matter to every command. */
const COMMON: readonly [string, string][] = [
  ["    --host ADDRESS", "address of the server [LLAMACPP_HOST]"],
  ["    --port PORT", "port of the server (default: 8090)"],
  [
    "    --models-store DIR",
    "models, when no server answers [LLAMACPP_SERVER_MODELS]",
  ],
];

/** The help text, ending with a line break. */
export function commandHelp(
  listed: Pick<ListedCommand, "summary" | "aliases">,
  command: Command,
): string {
  const lines = [
    `Usage: llamacpp-server ${command.usage}`,
    "",
    sentence(listed.summary),
  ];
  if (listed.aliases) {
    lines.push("", `Also called: ${listed.aliases.join(", ")}`);
  }
  const flags = command.flags.map((flag): [string, string] => {
    const names = flag.names.length === 1 ? `    ${flag.names[0]}` : flag.names.join(", ");
    const value = flag.placeholder === undefined
      ? ""
      : flag.optional
      ? `[=${flag.placeholder}]`
      : ` ${flag.placeholder}`;
    return [names + value, flag.help];
  });
  lines.push("", "Flags");
  for (const [term, text] of [...flags, ...COMMON]) {
    const shown = `  ${term}`;
    if (shown.length > INDENT - 2) lines.push(shown, " ".repeat(INDENT) + text);
    else lines.push(shown.padEnd(INDENT) + text);
  }
  lines.push(
    "",
    "The flags of serve hold here too where they make sense: llamacpp-server --help.",
  );
  if (command.notes) lines.push("", ...command.notes);
  return lines.join("\n") + "\n";
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
