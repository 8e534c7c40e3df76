/** Ollama's embeddings. */

import { type Embedding, EUCLIDEAN } from "../../core/embedding.ts";
import { ServerError } from "../../core/server_error.ts";
import type { Call, Reply } from "../endpoint.ts";
import { encodeJsonString } from "../shared/json.ts";
import { resolveModel } from "../shared/model_name.ts";
import { joinItems, vectorJson } from "../shared/vectors.ts";
import { embeddingsSchema, embedSchema } from "./embed_schema.ts";
import { displayName } from "./models.ts";

/** Nanoseconds of a millisecond. */
const NANOSECONDS = 1e6;

/** Handles `POST /api/embed`. */
export async function embed(call: Call): Promise<Reply> {
  const startedAt = performance.now();
  const body = await call.body(embedSchema);
  const card = resolveModel(call.service, body.model);
  const model = body.model || displayName(card.id);
  const given = body.input ?? "";
  const inputs = typeof given === "string" ? (given === "" ? [] : [given]) : given;
  const json = embedAll(call, inputs, {
    overflow: body.truncate ?? true ? "truncate" : "error",
    normalize: EUCLIDEAN,
    ...(body.dimensions ? { dimensions: body.dimensions } : {}),
  }).then((embeddings) => encode(embeddings, model, performance.now() - startedAt));
  return { kind: "late", json };
}

/** Handles `POST /api/embeddings`: one text, and its vector as the model gives it. */
export async function embeddings(call: Call): Promise<Reply> {
  const body = await call.body(embeddingsSchema);
  resolveModel(call.service, body.model);
  const inputs = body.prompt ? [body.prompt] : [];
  const json = embedAll(call, inputs, { overflow: "truncate", normalize: -1 })
    .then(([first]) => `{"embedding":${first?.vectors[0] ? vectorJson(first.vectors[0]) : "[]"}}`);
  return { kind: "late", json };
}

async function embedAll(
  { service, signal }: Call,
  inputs: readonly string[],
  options: Parameters<Call["service"]["embed"]>[1],
): Promise<readonly Embedding[]> {
  if (service.embeddingFacts().pooling === "none") {
    throw new ServerError(
      "bad_request",
      "With pooling none a text has a vector for each token: see /embedding",
    );
  }
  return inputs.length === 0 ? [] : await service.embed(inputs, options, signal);
}

async function encode(embeddings: readonly Embedding[], model: string, ms: number): Promise<string> {
  const vectors = await joinItems(embeddings, (item) => vectorJson(item.vectors[0] ?? new Float32Array()));
  const tokens = embeddings.reduce((sum, embedding) => sum + embedding.tokens, 0);
  return `{"model":${encodeJsonString(model)},"embeddings":[${vectors}],` +
    `"total_duration":${Math.round(ms * NANOSECONDS)},"load_duration":0,"prompt_eval_count":${tokens}}`;
}
