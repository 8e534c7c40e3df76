/** `/api/show`: everything about a model. */

import type { ModelCard } from "../../../core/inference_service.ts";
import type { ModelDetails } from "../../../core/model_manager.ts";
import { details, displayName } from "../models.ts";
import { modelfileText, parametersText } from "./modelfile.ts";

/** What `/api/show` tells besides the card. */
export interface ShowExtras {
  /** Context of this server in tokens. */
  nCtx: number;
  /** For `verbose`. */
  details?: ModelDetails;
  projectorInfo?: Readonly<Record<string, unknown>>;
}

/** The answer of `/api/show`. */
export function showObject(card: ModelCard, extras: ShowExtras): Record<string, unknown> {
  const template = templateWithMarks(card);
  const { system, messages, licenses = [] } = card.stored ?? {};
  return {
    ...(licenses.length > 0 ? { license: licenses.join("\n") } : {}),
    modelfile: modelfileText(card, displayName(card.id), template),
    parameters: parametersText(card, extras.nCtx),
    template,
    ...(system === undefined ? {} : { system }),
    details: details(card),
    ...(messages === undefined ? {} : { messages }),
    model_info: modelInfo(card, extras.details?.metadata ?? card.metadata),
    ...(extras.projectorInfo === undefined ? {} : { projector_info: extras.projectorInfo }),
    ...(extras.details === undefined ? {} : { tensors: extras.details.tensors }),
    capabilities: card.capabilities,
    modified_at: card.modifiedAt.toISOString(),
  };
}

/**
 * The template as it was stored, else the model's own. Clients look for Ollama's words in it to learn what a model
 * can do; a comment gives them these.
 */
function templateWithMarks(card: ModelCard): string {
  const template = card.stored?.template ?? card.chatTemplate;
  const marks = [["tools", ".Tools"], ["insert", ".Suffix"]] as const;
  const missing = marks.filter(([capability, mark]) =>
    card.capabilities.includes(capability) && !template.includes(mark)
  );
  if (missing.length === 0) return template;
  const words = missing.map(([, mark]) => mark).join(" ");
  return template === card.chatTemplate ? `${template}{#- ${words} -#}` : `${template}{{- /* ${words} */ -}}`;
}

function modelInfo(card: ModelCard, metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { "general.name": _name, "tokenizer.chat_template": _template, ...rest } = metadata;
  return {
    "general.architecture": card.architecture,
    "general.parameter_count": card.parameterCount,
    [`${card.architecture}.context_length`]: card.contextLengthTrain,
    [`${card.architecture}.embedding_length`]: card.embeddingLength,
    ...rest,
  };
}
