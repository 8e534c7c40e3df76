/** OpenAI's embeddings. */

import { type Embedding, type EmbedInput, EUCLIDEAN } from "../../core/embedding.ts";
import { ServerError } from "../../core/server_error.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import type { Call, Reply } from "../endpoint.ts";
import { dimensionsOption } from "../shared/dimensions.ts";
import { encodeJsonString } from "../shared/json.ts";
import { withSession } from "../shared/model_session.ts";
import { joinItems, vectorBase64, vectorJson } from "../shared/vectors.ts";
import { type EmbeddingsBody, embeddingsSchema } from "./embeddings_schema.ts";

/** Handles `POST /v1/embeddings`. @throws ServerError `bad_request` for an empty input or a model without pooling */
export async function embeddings(call: Call): Promise<Reply> {
  const body = await call.body(embeddingsSchema);
  const inputs = decodeInputs(body.input);
  return await withSession(call, body.model, (session) => embedInputs(call, session, body, inputs));
}

function embedInputs(
  call: Call,
  session: ModelSession,
  body: EmbeddingsBody,
  inputs: readonly EmbedInput[],
): Reply {
  if (session.embeddingFacts().pooling === "none") {
    throw new ServerError(
      "bad_request",
      "With pooling none a text has a vector for each token, not one embedding: see /embedding, or choose another " +
        "--pooling",
    );
  }
  const { promise: accepted, resolve: onAccepted } = Promise.withResolvers<
    void
  >();
  const json = session.embed(inputs, {
    onAccepted,
    overflow: "error",
    normalize: body.embd_normalize ?? EUCLIDEAN,
    ...dimensionsOption(body.dimensions, session.card),
  }, call.signal).then((embeddings) =>
    encode(embeddings, body.model || session.card.id, body.encoding_format ?? "float")
  );
  return { kind: "late", accepted, json };
}

function decodeInputs(input: EmbeddingsBody["input"]): readonly EmbedInput[] {
  const inputs: readonly EmbedInput[] = typeof input === "string"
    ? [input]
    : typeof input[0] === "number"
    ? [input as number[]]
    : input as string[] | number[][];
  const empty = inputs.findIndex(({ length }) => length === 0);
  if (inputs.length > 0 && empty < 0) return inputs;
  const field = empty < 0 || typeof input === "string" ? "input" : `input.${empty}`;
  throw new ServerError("bad_request", `${field}: expected text or token ids, received nothing`, { field });
}

async function encode(
  embeddings: readonly Embedding[],
  model: string,
  format: "float" | "base64",
): Promise<string> {
  const data = await joinItems(embeddings, ({ vectors }, index) => {
    const vector = vectors[0] ?? new Float32Array();
    const value = format === "base64" ? `"${vectorBase64(vector)}"` : vectorJson(vector);
    return `{"object":"embedding","index":${index},"embedding":${value}}`;
  });
  const tokens = embeddings.reduce((sum, embedding) => sum + embedding.tokens, 0);
  return `{"object":"list","data":[${data}],"model":${encodeJsonString(model)},` +
    `"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}`;
}
