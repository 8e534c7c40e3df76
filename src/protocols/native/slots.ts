/** `/slots` as llama-server answers it: one object for each request that may run at once, idle ones included. */

import type { ServiceStatus, SlotStatus } from "../../core/service_status.ts";

/**
 * @param nCtx tokens that one request may use
 * @returns `parallel` slots, the busy ones first
 */
export function encodeSlots(status: ServiceStatus, nCtx: number): unknown[] {
  return Array.from({ length: Math.max(status.parallel, status.slots.length) }, (_, id) => {
    const slot = status.slots[id];
    return slot ? busySlot(id, slot, nCtx) : { id, n_ctx: nCtx, speculative: false, is_processing: false };
  });
}

function busySlot(id: number, slot: SlotStatus, nCtx: number) {
  return {
    id,
    n_ctx: nCtx,
    speculative: false,
    is_processing: true,
    state: slot.state,
    n_prompt_tokens: slot.promptTokens,
    n_prompt_tokens_cache: slot.cachedTokens,
    n_prompt_tokens_processed: Math.max(
      0,
      Math.min(slot.computedTokens, slot.promptTokens) - slot.cachedTokens,
    ),
    next_token: [{
      has_next_token: slot.remainingTokens > 0,
      n_remain: slot.remainingTokens,
      n_decoded: slot.generatedTokens,
    }],
  };
}
