/**
 * Chooses the wire format of a model from its chat template's source, once when the model is loaded. The order of the
 * table matters: a template is given to the first candidate that recognises it.
 */

import type { AnswerFormat } from "./answer_format.ts";
import { DEEPSEEK } from "./deepseek.ts";
import { DEEPSEEK_DSML } from "./deepseek_dsml.ts";
import type { FormatCandidate } from "./format_candidate.ts";
import { genericJsonFormat } from "./generic_json.ts";
import { FUNCTIONARY_3_2 } from "./functionary.ts";
import { GEMMA_4 } from "./gemma.ts";
import { HARMONY } from "./harmony.ts";
import { HERMES } from "./hermes.ts";
import { LLAMA3 } from "./llama3.ts";
import { MISTRAL } from "./mistral.ts";
import { QWEN3_CODER } from "./qwen3_coder.ts";
import { LFM2 } from "./lfm2.ts";
import { MINIMAX_M3 } from "./minimax_m3.ts";
import { MUSE } from "./muse.ts";
import { OBJECT_FAMILIES } from "./object_families.ts";
import { TAGGED_FAMILIES } from "./tagged_families.ts";
import { templateReasoning } from "./reasoning.ts";

/** Most particular marks first. */
const CANDIDATES: readonly FormatCandidate[] = [
  FUNCTIONARY_3_2,
  GEMMA_4,
  LFM2,
  MINIMAX_M3,
  MUSE,
  ...TAGGED_FAMILIES,
  ...OBJECT_FAMILIES,
  MISTRAL,
  HARMONY,
  DEEPSEEK_DSML,
  DEEPSEEK,
  QWEN3_CODER,
  LLAMA3,
  HERMES,
];

/** The format of a template; the generic one when no candidate recognises it. Never fails. */
export function selectFormat(template: string): AnswerFormat {
  const candidate = CANDIDATES.find(({ matches }) => matches(template));
  return candidate === undefined
    ? genericJsonFormat(templateReasoning(template))
    : candidate.create(template);
}
