/** `show MODEL`: everything about a model, or one part of it as it was written. */

import type { ShowAnswer } from "../api_types.ts";
import type { Command } from "../command.ts";
import { connect } from "../connection.ts";
import { modelSections } from "../model_sections.ts";
import { UsageError } from "../usage_error.ts";

/** Parts that can be asked for alone; each is a flag and a field of the answer. */
const PARTS = [
  "license",
  "modelfile",
  "parameters",
  "system",
  "template",
] as const;

export const show: Command = {
  usage: "show MODEL [flags]",
  operands: [1, 1],
  flags: [
    ...PARTS.map((part) => ({
      names: [`--${part}`] as const,
      help: `print the ${part} alone`,
    })),
    { names: ["-v", "--verbose"], help: "print all metadata and tensors too" },
  ],
  async run({ operands, flags, terminal, ...rest }) {
    const wanted = PARTS.filter((part) => flags.get(part) === "true");
    if (wanted.length > 1) {
      throw new UsageError(
        `only one of ${PARTS.map((part) => `--${part}`).join(", ")} can be given`,
      );
    }
    const { client } = await connect({ operands, flags, terminal, ...rest });
    const verbose = flags.get("verbose") === "true";
    const answer = await client.post<ShowAnswer>("/api/show", {
      model: operands[0],
      verbose,
    });
    const [part] = wanted;
    if (part === undefined) terminal.out(modelSections(answer, verbose));
    else {
      const text = answer[part] ?? "";
      terminal.out(text === "" || text.endsWith("\n") ? text : `${text}\n`);
    }
    return 0;
  },
};
