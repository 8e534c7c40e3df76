/** `/lora-adapters` and the `lora` field: scales by adapter id. Adapters that are not named get scale 0. */

import type { ModelSession } from "../../core/inference_service.ts";
import { ServerError } from "../../core/server_error.ts";
import type { AdapterStatus } from "../../core/service_status.ts";
import type { LoraScales } from "./schema.ts";

/** The adapters as llama-server lists them. */
export function encodeAdapters(
  service: Pick<ModelSession, "adapters" | "detokenize">,
): unknown[] {
  return service.adapters().map((
    { path, scale, taskName, promptPrefix, invocationTokens },
    id,
  ) => ({
    id,
    path,
    scale,
    task_name: taskName,
    prompt_prefix: promptPrefix,
    ...(invocationTokens.length === 0 ? {} : {
      alora_invocation_string: service.detokenize(invocationTokens, {
        special: true,
      }),
      alora_invocation_tokens: invocationTokens,
    }),
  }));
}

/**
 * One scale for each adapter.
 * @param field name of the request's field, for messages; empty for the whole body
 * @throws ServerError `validation` for an id that no adapter has
 */
export function decodeScales(
  wanted: LoraScales,
  adapters: readonly AdapterStatus[],
  field: string,
): number[] {
  const scales = adapters.map(() => 0);
  for (const [index, { id, scale }] of wanted.entries()) {
    if (id >= scales.length) {
      const known = scales.length === 0 ? "none is loaded" : `there are 0 to ${scales.length - 1}`;
      const name = `${field === "" ? "" : `${field}.`}${index}.id`;
      throw new ServerError("validation", `${name}: there is no LoRA adapter ${id}: ${known}`, {
        field: name,
      });
    }
    scales[id] = scale;
  }
  return scales;
}

/**
 * Refuses a request that wants other scales than those that apply: one batch has one set of scales.
 * @throws ServerError `validation` for an unknown id, `not_supported` for other scales
 */
export function requireCurrentScales(
  wanted: LoraScales,
  adapters: readonly AdapterStatus[],
): void {
  const scales = decodeScales(wanted, adapters, "lora");
  const different = adapters.findIndex(({ scale }, id) => scales[id] !== scale);
  if (different < 0) return;
  throw new ServerError(
    "not_supported",
    `lora: adapter ${different} applies with scale ${adapters[different]?.scale}, not ${
      scales[different]
    }; ` +
      "scales are the same for all requests and changed with POST /lora-adapters",
    { field: "lora" },
  );
}
