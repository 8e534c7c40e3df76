/** Requests of the soak that generate nothing: embeddings, slots on disk, unloading, bad requests, polls. */

import type { Random } from "../../support/random.ts";
import { seededText } from "../prompts.ts";
import { CHAT, COMPLETIONS, modelOf, OLLAMA } from "./generations.ts";
import type { SoakRequest, TrafficOptions } from "./request.ts";

/** Files that slots are saved to. */
const SLOT_FILES = 4;

function service(
  kind: string,
  path: string,
  body: unknown,
  status: readonly number[] = [200],
): SoakRequest {
  return { kind, path, body, form: "json", status, generations: 0, maxTokens: 0 };
}

/** Embeddings in three dialects, by a model that only embeds or by one that generates. */
export function embedding(random: Random, options: TrafficOptions): SoakRequest {
  const model = random.next() < 0.3 ? options.embedder : options.models[0];
  const texts = Array.from(
    { length: random.int(1, 8) },
    () => seededText("english", random.int(1, 40), random.int(0, 1e9)),
  );
  const [path, body] = random.pick<[string, object]>([
    ["/v1/embeddings", { input: texts, encoding_format: random.pick(["float", "base64"]) }],
    ["/api/embed", { input: texts }],
    ["/embedding", { content: texts[0] }],
  ]);
  return service("embeddings", path, { model, ...body });
}

/** Saves, restores or erases a slot. Whether it is free and holds something is a matter of luck, and the file of whom. */
export function slotAction(random: Random, options: TrafficOptions): SoakRequest {
  const action = random.pick(["save", "save", "restore", "restore", "erase"]);
  const filename = `slot-${random.int(1, SLOT_FILES)}.bin`;
  const path = `/slots/${random.int(0, 3)}?action=${action}&model=${options.models[0]}`;
  return service(`slot ${action}`, path, { filename }, [200, 400, 404, 422, 503]);
}

/** Removes a model from memory, in Ollama's way. */
export function unload(random: Random, options: TrafficOptions): SoakRequest {
  return service("unload", "/api/generate", {
    model: modelOf(random, options),
    keep_alive: 0,
    stream: false,
  });
}

/** Work on text alone. */
export function textService(random: Random, options: TrafficOptions): SoakRequest {
  const [model, text] = [
    modelOf(random, options),
    seededText("english", random.int(1, 200), random.int(0, 1e9)),
  ];
  const ask = [{ role: "user", content: text }];
  const [path, body] = random.pick<[string, object]>([
    ["/tokenize", { content: text, with_pieces: true }],
    ["/apply-template", { messages: ask }],
    ["/v1/messages/count_tokens", { messages: ask }],
  ]);
  return service("tokens, templates", path, { model, ...body });
}

/** Requests that must be refused, each with the one right status. */
export function bad(random: Random, options: TrafficOptions): SoakRequest {
  const ask = [{ role: "user", content: "Hello" }];
  const tooLong = seededText("english", 2 * options.ctxSize, 3);
  const model = options.models[0];
  const [path, status, body] = random.pick<[string, number, unknown]>([
    [CHAT, 400, '{"messages": [{'],
    [CHAT, 400, ""],
    [CHAT, 422, { messages: "Hello" }],
    [CHAT, 400, { messages: [] }],
    [CHAT, 422, { messages: ask, temperature: "hot" }],
    [CHAT, 422, { messages: ask, max_tokens: "many" }],
    [CHAT, 404, { messages: ask, model: "no-such-model" }],
    [CHAT, 400, { model, messages: [{ role: "user", content: tooLong }], overflow: "error" }],
    [COMPLETIONS, 422, { prompt: { text: 1 } }],
    [COMPLETIONS, 400, { model, prompt: tooLong, overflow: "error", stream: true }],
    [COMPLETIONS, 422, { model, prompt: [-5] }],
    [OLLAMA, 400, "not JSON"],
    [OLLAMA, 422, { messages: ask, options: { temperature: [] } }],
    [OLLAMA, 404, { messages: ask, model: "no-such-model" }],
    [OLLAMA, 400, { model, messages: ask, format: "yaml" }],
    ["/v1/no/such/path", 404, {}],
  ]);
  return service("bad request", path, body, [status]);
}

/** What monitors ask. */
export function poll(random: Random): SoakRequest {
  const path = random.pick(["/health", "/metrics", "/slots", "/api/ps", "/v1/models"]);
  const request = service(`GET ${path}`, path, undefined);
  return { ...request, form: path === "/metrics" ? "text" : "json" };
}
