/** `pull MODEL`: downloads a model, from an Ollama registry or from Hugging Face. */

import type { ModelProgress } from "../api_types.ts";
import type { Command } from "../command.ts";
import { connect } from "../connection.ts";
import { showProgress } from "../show_progress.ts";

export const pull: Command = {
  usage: "pull MODEL [flags]",
  operands: [1, 1],
  flags: [{ names: ["--insecure"], help: "allow a registry without HTTPS" }],
  notes: [
    "Examples",
    "  llamacpp-server pull qwen2.5:0.5b",
    "  llamacpp-server pull hf.co/ORGANIZATION/REPOSITORY:Q4_K_M",
  ],
  async run(call) {
    const [model = ""] = call.operands;
    const { client } = await connect(call);
    const body = { model, insecure: call.flags.get("insecure") === "true" };
    await showProgress(
      call.terminal,
      client.stream<ModelProgress>("/api/pull", body),
    );
    return 0;
  },
};
