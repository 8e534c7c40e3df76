/**
 * Ollama's endpoints that manage models. Each works on `Call.models`; tags and show know the loaded model as well.
 */

import type { ModelCard } from "../../../core/inference_service.ts";
import type { ModelManager, ModelProgress } from "../../../core/model_manager.ts";
import { ServerError } from "../../../core/server_error.ts";
import type { Call, Endpoint, Reply } from "../../endpoint.ts";
import { encodeJson } from "../../shared/json.ts";
import { allModels } from "../../shared/model_list.ts";
import { resolveModel } from "../../shared/model_name.ts";
import { tagObject } from "../models.ts";
import { decodeCreate } from "./create.ts";
import { progressReply } from "./progress.ts";
import { copySchema, createSchema, deleteSchema, showSchema, transferSchema } from "./schema.ts";
import { showObject } from "./show.ts";
import { DOCS } from "../docs.ts";

/** The manager. @throws ServerError `not_supported` where there is none */
function manager({ models }: Call): ModelManager {
  if (models !== undefined) return models;
  throw new ServerError(
    "not_supported",
    "Cannot manage models: this server was started without a model store",
  );
}

/** The name in a body. @throws ServerError `bad_request` */
function nameOf(
  { model, name }: { model?: string | null | undefined; name?: string | null | undefined },
): string {
  const given = model || name;
  if (given) return given;
  throw new ServerError("bad_request", "model: expected the name of a model, received none", {
    field: "model",
  });
}

async function tags(call: Call): Promise<Reply> {
  const cards = (await allModels(call)).sort((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime());
  return { kind: "json", json: encodeJson({ models: cards.map(tagObject) }) };
}

async function show(call: Call): Promise<Reply> {
  const body = await call.body(showSchema);
  const card = await findModel(call, nameOf(body));
  const { models, service } = call;
  const [projector] = card.stored?.projectors ?? [];
  const details = body.verbose && models !== undefined ? await models.details(card) : undefined;
  const projectorInfo = projector === undefined ? undefined : await models?.projectorMetadata(projector);
  const json = encodeJson(showObject(card, {
    nCtx: service.nCtx,
    ...(details === undefined ? {} : { details }),
    ...(projectorInfo === undefined ? {} : { projectorInfo }),
  }));
  return { kind: "json", json };
}

/** The loaded model where it has the name, else one on disk. */
async function findModel({ service, models }: Call, name: string): Promise<ModelCard> {
  try {
    return await resolveModel(service, name);
  } catch (error) {
    const card = await models?.resolve(name);
    if (card !== undefined) return card;
    throw error;
  }
}

async function pull(call: Call): Promise<Reply> {
  const models = manager(call);
  const body = await call.body(transferSchema);
  const options = { insecure: body.insecure ?? false };
  const steps = models.pull(nameOf(body), options, call.signal);
  return await progressReply(refreshing(steps, call), body.stream);
}

async function push(call: Call): Promise<Reply> {
  const models = manager(call);
  const body = await call.body(transferSchema);
  const options = { insecure: body.insecure ?? false };
  return await progressReply(models.push(nameOf(body), options, call.signal), body.stream);
}

async function create(call: Call): Promise<Reply> {
  const models = manager(call);
  const body = await call.body(createSchema);
  const steps = models.create(decodeCreate(body, nameOf(body)), call.signal);
  return await progressReply(refreshing(steps, call), body.stream);
}

/** The same steps; then names may mean other models. */
async function* refreshing(
  steps: AsyncIterable<ModelProgress>,
  { service }: Call,
): AsyncGenerator<ModelProgress, void, undefined> {
  try {
    yield* steps;
  } finally {
    service.refresh();
  }
}

async function copy(call: Call): Promise<Reply> {
  const models = manager(call);
  const { source, destination } = await call.body(copySchema);
  await models.copy(source, destination);
  call.service.refresh();
  return empty(200);
}

async function remove(call: Call): Promise<Reply> {
  const models = manager(call);
  const name = nameOf(await call.body(deleteSchema));
  const card = await models.resolve(name);
  // Only what can be removed is unloaded; whoever uses it now keeps its file open until then.
  await models.remove(name);
  call.service.refresh();
  if (card !== undefined) await call.service.unload(card);
  return empty(200);
}

async function hasBlob(call: Call): Promise<Reply> {
  const digest = call.param("digest");
  if (await manager(call).blobs.has(digest)) return empty(200);
  throw new ServerError("not_found", `blob '${digest}' not found`);
}

async function putBlob(call: Call): Promise<Reply> {
  const created = await manager(call).blobs.put(call.param("digest"), call.bytes());
  return empty(created ? 201 : 200);
}

function empty(status: number): Reply {
  return { kind: "text", text: "", contentType: "text/plain; charset=utf-8", status };
}

/** See the module comment. GET answers HEAD too. */
export const manageEndpoints: readonly Endpoint[] = [
  { method: "GET", path: "/api/tags", handle: tags, doc: DOCS.tags },
  { method: "POST", path: "/api/show", handle: show, doc: DOCS.show },
  { method: "POST", path: "/api/pull", scope: "manage", handle: pull, doc: DOCS.pull },
  { method: "POST", path: "/api/push", scope: "manage", handle: push, doc: DOCS.push },
  { method: "POST", path: "/api/create", scope: "manage", handle: create, doc: DOCS.create },
  { method: "POST", path: "/api/copy", scope: "manage", handle: copy, doc: DOCS.copy },
  { method: "DELETE", path: "/api/delete", scope: "manage", handle: remove, doc: DOCS.remove },
  { method: "GET", path: "/api/blobs/:digest", scope: "manage", handle: hasBlob, doc: DOCS.hasBlob },
  { method: "POST", path: "/api/blobs/:digest", scope: "manage", handle: putBlob, doc: DOCS.putBlob },
];
