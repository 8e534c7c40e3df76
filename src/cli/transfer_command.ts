/** What `pull` and `push` are: one request to the server whose steps are shown. */

import type { ModelProgress } from "./api_types.ts";
import type { Command } from "./command.ts";
import { connect } from "./connection.ts";
import { showProgress } from "./show_progress.ts";

/** @param notes lines for `--help` after the flags */
export function transferCommand(name: "pull" | "push", notes: readonly string[] = []): Command {
  return {
    usage: `${name} MODEL [flags]`,
    operands: [1, 1],
    flags: [{ names: ["--insecure"], help: "allow a registry without HTTPS" }],
    ...(notes.length === 0 ? {} : { notes }),
    async run(call) {
      const [model = ""] = call.operands;
      const { client } = await connect(call);
      const body = { model, insecure: call.flags.get("insecure") === "true" };
      await showProgress(call.terminal, client.stream<ModelProgress>(`/api/${name}`, body));
      return 0;
    },
  };
}
