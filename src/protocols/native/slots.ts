/** `/slots` as llama-server answers it: one object for each request that may run at once, idle ones included. */

import type { ServiceStatus, SlotStatus } from "../../core/service_status.ts";
import { briefSettings, PLAIN_OPTIONS } from "./generation_settings.ts";

/**
 * @param nCtx tokens that one request may use
 * @returns `parallel` slots in order of their number
 */
export function encodeSlots(status: ServiceStatus, nCtx: number): unknown[] {
  return Array.from({ length: status.parallel }, (_, id) => {
    const slot = status.slots.find((one) => one.slot === id);
    const last = slot ?? status.lastInSlots?.find((one) => one.slot === id);
    if (last === undefined) {
      return { id, n_ctx: nCtx, speculative: false, is_processing: false };
    }
    return usedSlot(id, last, nCtx, slot !== undefined);
  });
}

function usedSlot(id: number, slot: SlotStatus, nCtx: number, busy: boolean) {
  return {
    id,
    n_ctx: nCtx,
    speculative: false,
    is_processing: busy,
    id_task: slot.task,
    state: busy ? slot.state : "idle",
    n_prompt_tokens: slot.promptTokens,
    n_prompt_tokens_cache: slot.cachedTokens,
    n_prompt_tokens_processed: Math.max(
      0,
      Math.min(slot.computedTokens, slot.promptTokens) - slot.cachedTokens,
    ),
    params: briefSettings({ ...slot, stop: [] }, PLAIN_OPTIONS),
    next_token: [{
      has_next_token: busy && slot.remainingTokens > 0,
      has_new_line: false,
      n_remain: slot.remainingTokens,
      n_decoded: slot.generatedTokens,
    }],
  };
}
