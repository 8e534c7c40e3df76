/** `cp SOURCE DESTINATION`: gives a model a second name. */

import type { Command } from "../command.ts";
import { connect } from "../connection.ts";

export const cp: Command = {
  usage: "cp SOURCE DESTINATION",
  operands: [2, 2],
  flags: [],
  async run(call) {
    const [source = "", destination = ""] = call.operands;
    const { client } = await connect(call);
    await client.send("POST", "/api/copy", { source, destination });
    call.terminal.out(`copied '${source}' to '${destination}'\n`);
    return 0;
  },
};
