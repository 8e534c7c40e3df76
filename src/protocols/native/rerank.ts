/**
 * Scores documents against a query, in the forms of Cohere and Jina (`documents`) and of Hugging Face's
 * text-embeddings-inference (TEI: `texts`). Both are answered on every path, as llama-server does.
 */

import type { Ranking } from "../../core/embedding.ts";
import { ServerError } from "../../core/server_error.ts";
import type { Call, Reply } from "../endpoint.ts";
import { encodeJson } from "../shared/json.ts";
import { withSession } from "../shared/model_session.ts";
import { type RerankBody, rerankSchema } from "./embedding_schema.ts";

/** Handles `POST /rerank`. @throws ServerError `bad_request` without documents */
export async function rerank(call: Call): Promise<Reply> {
  const body = await call.body(rerankSchema);
  const documents = body.texts ??
    body.documents?.map((item) => typeof item === "string" ? item : item.text) ?? [];
  if (documents.length === 0) {
    throw new ServerError("bad_request", '"documents" must be a non-empty array of texts', {
      field: "documents",
    });
  }
  const overflow = body.truncate ?? body.truncation ? "truncate" : "error";
  return await withSession(call, body.model, (session) => {
    const { promise: accepted, resolve: onAccepted } = Promise.withResolvers<void>();
    const json = session.rerank(body.query, documents, { overflow, onAccepted }, call.signal)
      .then((ranking) =>
        encodeJson(
          body.texts ? encodeTei(body, documents, ranking) : {
            model: body.model || session.card.id,
            object: "list",
            usage: { prompt_tokens: ranking.tokens, total_tokens: ranking.tokens },
            results: encodeResults(body, documents, ranking),
          },
        )
      );
    return { kind: "late", accepted, json };
  });
}

function encodeResults(body: RerankBody, documents: readonly string[], { scores }: Ranking): unknown[] {
  return order(scores, body.top_n).map((index) => ({
    index,
    relevance_score: scores[index],
    ...(body.return_documents ? { document: { text: documents[index] } } : {}),
  }));
}

function encodeTei(body: RerankBody, texts: readonly string[], { scores }: Ranking): unknown[] {
  const shown = (score: number) => body.raw_scores === false ? 1 / (1 + Math.exp(-score)) : score;
  return order(scores, body.top_n).map((index) => ({
    index,
    score: shown(scores[index]!),
    ...(body.return_text ? { text: texts[index] } : {}),
  }));
}

/** Indices of the best scores, best first; equals in their order. */
function order(scores: readonly number[], topN: number | null | undefined): number[] {
  const indices = scores.map((_, index) => index).sort((a, b) => scores[b]! - scores[a]!);
  return indices.slice(0, topN ?? indices.length);
}
