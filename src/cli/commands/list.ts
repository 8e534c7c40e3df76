/** `list [PREFIX]`: the models on this machine, newest first. */

import type { TagsAnswer } from "../api_types.ts";
import { humanBytes } from "../banner.ts";
import type { Command } from "../command.ts";
import { connect } from "../connection.ts";
import { timeAgo } from "../human_time.ts";
import { textTable } from "../text_table.ts";

/** Characters of a digest that identify a model to people. */
export const SHORT_DIGEST = 12;

export const list: Command = {
  usage: "list [PREFIX]",
  operands: [0, 1],
  flags: [],
  async run(call) {
    const prefix = call.operands[0]?.toLowerCase() ?? "";
    const { client } = await connect(call);
    const { models } = await client.get<TagsAnswer>("/api/tags");
    const now = new Date();
    const rows = models.filter(({ name }) => name.toLowerCase().startsWith(prefix)).map((model) => [
      model.name,
      model.digest.slice(0, SHORT_DIGEST),
      humanBytes(model.size),
      timeAgo(new Date(model.modified_at), now),
    ]);
    call.terminal.out(textTable([["NAME", "ID", "SIZE", "MODIFIED"], ...rows]));
    return 0;
  },
};
