/** Prompts for text between a prefix and a suffix. */

import type { TokenPrompt } from "../../core/generate_request.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import { ServerError } from "../../core/server_error.ts";

/**
 * Prefix and suffix with the vocabulary's tokens for filling in the middle, in llama-server's order.
 * @throws ServerError `not_supported` when the vocabulary has none
 */
export async function infillPrompt(
  service: Pick<ModelSession, "tokenizeLater" | "specialTokens">,
  prefix: string | readonly number[],
  suffix: string,
): Promise<TokenPrompt> {
  const { bos, addBos, fimPre, fimSuf, fimMid } = service.specialTokens();
  if (fimPre < 0 || fimSuf < 0 || fimMid < 0) {
    throw new ServerError("not_supported", "suffix: this model does not support insertion", {
      field: "suffix",
    });
  }
  const plain = { addSpecial: false, parseSpecial: false };
  const before = typeof prefix === "string" ? await service.tokenizeLater(prefix, plain) : prefix;
  const begin = addBos && bos >= 0 ? [bos] : [];
  const after = await service.tokenizeLater(suffix, plain);
  return { kind: "tokens", tokens: [...begin, fimPre, ...before, fimSuf, ...after, fimMid] };
}
