/** `stop MODEL`: removes a model from the server's memory. */

import { ApiError } from "../client.ts";
import type { Command } from "../command.ts";
import { requireServer } from "../connection.ts";

export const stop: Command = {
  usage: "stop MODEL",
  operands: [1, 1],
  flags: [],
  async run(call) {
    const [model = ""] = call.operands;
    const client = await requireServer(call);
    try {
      await client.post("/api/generate", { model, keep_alive: 0 });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        throw new Error(`couldn't find model "${model}" to stop`, {
          cause: error,
        });
      }
      throw error;
    }
    return 0;
  },
};
