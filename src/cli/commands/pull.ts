/** `pull MODEL`: downloads a model, from an Ollama registry or from Hugging Face. */

import { transferCommand } from "../transfer_command.ts";

export const pull = transferCommand("pull", [
  "Examples",
  "  llamacpp-server pull qwen2.5:0.5b",
  "  llamacpp-server pull hf.co/ORGANIZATION/REPOSITORY:Q4_K_M",
]);
