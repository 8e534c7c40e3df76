/** `rm MODEL...`: deletes models; those in memory leave it first. */

import { ApiError } from "../client.ts";
import type { Command } from "../command.ts";
import { connect } from "../connection.ts";

export const rm: Command = {
  usage: "rm MODEL...",
  operands: [1, Infinity],
  flags: [],
  async run(call) {
    const { client, offline } = await connect(call);
    for (const model of call.operands) {
      if (!offline) {
        await client.post("/api/generate", { model, keep_alive: 0 }).catch(
          (error) => {
            // A model that cannot be unloaded may be deleted all the same; the server says if not.
            if (!(error instanceof ApiError)) throw error;
          },
        );
      }
      await client.send("DELETE", "/api/delete", { model });
      call.terminal.out(`deleted '${model}'\n`);
    }
    return 0;
  },
};
