/** `push MODEL`: uploads a model to the registry in its name. */

import type { ModelProgress } from "../api_types.ts";
import type { Command } from "../command.ts";
import { connect } from "../connection.ts";
import { showProgress } from "../show_progress.ts";

export const push: Command = {
  usage: "push MODEL [flags]",
  operands: [1, 1],
  flags: [{ names: ["--insecure"], help: "allow a registry without HTTPS" }],
  async run(call) {
    const [model = ""] = call.operands;
    const { client } = await connect(call);
    const body = { model, insecure: call.flags.get("insecure") === "true" };
    await showProgress(
      call.terminal,
      client.stream<ModelProgress>("/api/push", body),
    );
    return 0;
  },
};
