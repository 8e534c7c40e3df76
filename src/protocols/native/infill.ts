/**
 * `/infill`: fill-in-the-middle prompts, in the order that Qwen's models have learned and llama-server uses:
 * repository, other files, then prefix, suffix, middle. https://arxiv.org/abs/2409.12186
 */

import type { ModelSession, SpecialTokens } from "../../core/inference_service.ts";
import { ServerError } from "../../core/server_error.ts";
import type { InfillBody } from "./schema.ts";

/** Prefix and suffix together take at most this many tokens, as in llama-server with its usual batch size, */
const WINDOW = 2048;

/** and at most this part of the context, so that an answer has room. */
const WINDOW_SHARE = 3 / 4;

/** What separates other files for a model that has no token for it. */
const SNIPPET = "\n\n--- snippet ---\n\n";

/** How an infill prompt is made. */
export interface InfillContext {
  service: Pick<ModelSession, "tokenizeLater" | "specialTokens">;
  /** Tokens that one request may use. */
  nCtx: number;
  /** Most tokens of the answer; -1 without limit. */
  maxTokens: number;
}

/**
 * Refuses a model that has not learned to fill in.
 * @throws ServerError `not_supported` naming the tokens that it lacks
 */
export function requireInfill({ fimPre, fimSuf, fimMid }: SpecialTokens): void {
  const missing = [
    fimPre < 0 ? "prefix token is missing. " : "",
    fimSuf < 0 ? "suffix token is missing. " : "",
    fimMid < 0 ? "middle token is missing. " : "",
  ].join("");
  if (missing !== "") {
    throw new ServerError(
      "not_supported",
      `Infill is not supported by this model: ${missing}`.trimEnd(),
    );
  }
}

/** The prompt's tokens: what is nearest to the gap is kept, and other files fill what room the context has left. */
export async function infillPrompt(
  body: InfillBody,
  context: InfillContext,
): Promise<number[]> {
  const { service, nCtx } = context;
  const special = service.specialTokens();
  const plain = async (text: string) =>
    Array.from(
      await service.tokenizeLater(text, { addSpecial: false, parseSpecial: false }),
    );
  const continued = body.prompt
    ? Array.from(
      await service.tokenizeLater(body.prompt, { addSpecial: false, parseSpecial: true }),
    )
    : [];
  const window = Math.min(WINDOW, Math.floor(nCtx * WINDOW_SHARE));
  const quarter = Math.floor(window / 4);
  const prefix = lastOf(await plain(body.input_prefix), 3 * quarter);
  const suffix = (await plain(body.input_suffix)).slice(
    0,
    Math.max(0, quarter - (2 + continued.length)),
  );
  const gap = [
    ...(special.addBos && special.bos >= 0 ? [special.bos] : []),
    special.fimPre,
    ...prefix,
    ...continued,
    special.fimSuf,
    ...suffix,
    special.fimMid,
  ];
  const room = Math.min(
    nCtx - window - 2 * Math.max(0, context.maxTokens),
    nCtx - gap.length - quarter,
  );
  return [
    ...lastOf(await otherFiles(body, special, plain), Math.max(0, room)),
    ...gap,
  ];
}

async function otherFiles(
  body: InfillBody,
  special: SpecialTokens,
  plain: (text: string) => Promise<number[]>,
): Promise<number[]> {
  const tokens: number[] = [];
  const add = (more: readonly number[]) => {
    for (const token of more) tokens.push(token);
  };
  if (special.fimRep >= 0) add([special.fimRep, ...await plain("myproject\n")]);
  for (const { text, filename } of body.input_extra ?? []) {
    add(
      special.fimSep >= 0 ? [special.fimSep, ...await plain(`${filename ?? "tmp"}\n`)] : await plain(SNIPPET),
    );
    add(await plain(text));
  }
  if (special.fimSep >= 0) add([special.fimSep, ...await plain("filename\n")]);
  return tokens;
}

function lastOf(tokens: number[], count: number): number[] {
  return count >= tokens.length ? tokens : tokens.slice(tokens.length - count);
}
