/** Ollama's embeddings. */

import { type Embedding, type EmbedOptions, EUCLIDEAN } from "../../core/embedding.ts";
import { ServerError } from "../../core/server_error.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import type { Call, Reply } from "../endpoint.ts";
import { dimensionsOption } from "../shared/dimensions.ts";
import { encodeJsonString } from "../shared/json.ts";
import { withSession } from "../shared/model_session.ts";
import { joinItems, vectorJson } from "../shared/vectors.ts";
import { embeddingsSchema, embedSchema } from "./embed_schema.ts";
import { keepAliveOf } from "./keep_alive.ts";
import { displayName } from "./models.ts";

/** Nanoseconds of a millisecond. */
const NANOSECONDS = 1e6;

/** Handles `POST /api/embed`. */
export async function embed(call: Call): Promise<Reply> {
  const startedAt = performance.now();
  const body = await call.body(embedSchema);
  const given = body.input ?? "";
  const inputs = typeof given === "string" ? (given === "" ? [] : [given]) : given;
  return await withSession(call, body.model, (session) => {
    const model = body.model || displayName(session.card.id);
    const loadMs = performance.now() - startedAt;
    const { promise: accepted, resolve: onAccepted } = Promise.withResolvers<void>();
    const json = embedAll(session, inputs, {
      onAccepted,
      overflow: body.truncate ?? true ? "truncate" : "error",
      normalize: EUCLIDEAN,
      ...dimensionsOption(body.dimensions, session.card),
    }, call.signal).then((embeddings) => encode(embeddings, model, loadMs, performance.now() - startedAt));
    return { kind: "late", accepted, json };
  }, keepAliveOf(body));
}

/** Handles `POST /api/embeddings`: one text, and its vector as the model gives it. */
export async function embeddings(call: Call): Promise<Reply> {
  const body = await call.body(embeddingsSchema);
  return await withSession(call, body.model, (session) => {
    const inputs = body.prompt ? [body.prompt] : [];
    const { promise: accepted, resolve: onAccepted } = Promise.withResolvers<void>();
    const json = embedAll(session, inputs, { overflow: "truncate", normalize: -1, onAccepted }, call.signal)
      .then(([first]) => `{"embedding":${first?.vectors[0] ? vectorJson(first.vectors[0]) : "[]"}}`);
    return { kind: "late", accepted, json };
  }, keepAliveOf(body));
}

async function embedAll(
  session: ModelSession,
  inputs: readonly string[],
  options: EmbedOptions,
  signal: AbortSignal,
): Promise<readonly Embedding[]> {
  if (session.embeddingFacts().pooling === "none") {
    throw new ServerError(
      "bad_request",
      "With pooling none a text has a vector for each token: see /embedding",
    );
  }
  return inputs.length === 0 ? [] : await session.embed(inputs, options, signal);
}

async function encode(
  embeddings: readonly Embedding[],
  model: string,
  loadMs: number,
  ms: number,
): Promise<string> {
  const vectors = await joinItems(embeddings, (item) => vectorJson(item.vectors[0] ?? new Float32Array()));
  const tokens = embeddings.reduce((sum, embedding) => sum + embedding.tokens, 0);
  return `{"model":${encodeJsonString(model)},"embeddings":[${vectors}],` +
    `"total_duration":${Math.round(ms * NANOSECONDS)},"load_duration":${
      Math.round(loadMs * NANOSECONDS)
    },"prompt_eval_count":${tokens}}`;
}
