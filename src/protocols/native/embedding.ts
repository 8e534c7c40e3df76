/** llama-server's own form of embeddings: an array, and for each input a list of vectors. */

import { type EmbedInput, EUCLIDEAN } from "../../core/embedding.ts";
import { ServerError } from "../../core/server_error.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import type { Call, Reply } from "../endpoint.ts";
import { withSession } from "../shared/model_session.ts";
import { joinItems, vectorJson } from "../shared/vectors.ts";
import { type EmbeddingBody, embeddingSchema } from "./embedding_schema.ts";
import { tokenizeMixed } from "./prompt.ts";

/** Handles `POST /embedding` and `/embeddings`. @throws ServerError `bad_request` for no or an empty input */
export async function embedding(call: Call): Promise<Reply> {
  const body = await call.body(embeddingSchema);
  const given = body.input ?? body.content;
  if (given === undefined || given === null) {
    throw new ServerError("bad_request", '"input" or "content" must be provided', { field: "content" });
  }
  return await withSession(call, body.model, async (session) => {
    const { promise: accepted, resolve: onAccepted } = Promise.withResolvers<
      void
    >();
    const json = session.embed(
      await decodeInputs(given, session),
      {
        overflow: "error",
        normalize: body.embd_normalize ?? EUCLIDEAN,
        onAccepted,
      },
      call.signal,
    ).then((embeddings) =>
      joinItems(
        embeddings,
        ({ vectors }, index) => `{"index":${index},"embedding":[${vectors.map(vectorJson).join(",")}]}`,
      )
    );
    return { kind: "late", accepted, json: json.then((items) => `[${items}]`) };
  });
}

/** An array that holds numbers is one input, any other is many. */
async function decodeInputs(
  given: NonNullable<EmbeddingBody["content"]>,
  session: ModelSession,
): Promise<readonly EmbedInput[]> {
  const one = async (
    item: string | readonly (string | number)[],
    field: string,
  ): Promise<EmbedInput> => {
    if (typeof item === "string") return item;
    return await tokenizeMixed(item, session, { addSpecial: true, field });
  };
  if (typeof given === "string") return [given];
  if (given.length === 0) {
    throw new ServerError("bad_request", "Input content cannot be empty", { field: "content" });
  }
  if (given.some((item) => typeof item === "number")) {
    return [await one(given as readonly (string | number)[], "content")];
  }
  return await Promise.all(
    given.map((item, i) => one(item as string | readonly (string | number)[], `content.${i}`)),
  );
}
