/** `ps`: the models in the server's memory. */

import type { PsAnswer } from "../api_types.ts";
import { humanBytes } from "../banner.ts";
import type { Command } from "../command.ts";
import { requireServer } from "../connection.ts";
import { timeLeft } from "../human_time.ts";
import { textTable } from "../text_table.ts";
import { SHORT_DIGEST } from "./list.ts";

export const ps: Command = {
  usage: "ps",
  operands: [0, 0],
  flags: [],
  async run(call) {
    const client = await requireServer(call);
    const { models } = await client.get<PsAnswer>("/api/ps");
    const now = new Date();
    const rows = models.map((model) => [
      model.name,
      model.digest.slice(0, SHORT_DIGEST),
      humanBytes(model.size),
      processor(model.size, model.size_vram ?? 0),
      String(model.context_length ?? ""),
      timeLeft(new Date(model.expires_at), now),
    ]);
    call.terminal.out(
      textTable([
        ["NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"],
        ...rows,
      ]),
    );
    return 0;
  },
};

/** Which parts of a model lie where. */
export function processor(size: number, onGpu: number): string {
  if (onGpu <= 0) return "100% CPU";
  if (onGpu >= size) return "100% GPU";
  const cpu = Math.round((size - onGpu) / size * 100);
  return `${cpu}%/${100 - cpu}% CPU/GPU`;
}
