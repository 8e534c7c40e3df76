/** Bodies of the requests that manage models. `name` is an older word for `model` everywhere. */

import { z } from "zod";
import { list, table } from "../../shared/schema.ts";

const names = { model: z.string().nullish(), name: z.string().nullish() };

/** `POST /api/show`. */
export const showSchema = z.object({ ...names, verbose: z.boolean().nullish() });

/** `POST /api/pull` and `/api/push`. */
export const transferSchema = z.object({
  ...names,
  /** Plain HTTP is allowed where HTTPS cannot be had. Open WebUI always sets it. */
  insecure: z.boolean().nullish(),
  /** Default true. */
  stream: z.boolean().nullish(),
});

/** `POST /api/copy`. */
export const copySchema = z.object({ source: z.string().min(1), destination: z.string().min(1) });

/** `DELETE /api/delete`. */
export const deleteSchema = z.object(names);

const parameter = z.union([z.number(), z.boolean(), z.string(), list(z.string(), 1024)]);
const message = z.object({
  role: z.enum(["system", "user", "assistant", "tool"]),
  content: z.string().nullish(),
});

/** `POST /api/create`. Either `from` or `files` is needed; create itself says so. */
export const createSchema = z.object({
  ...names,
  from: z.string().nullish(),
  /** File name -> digest of a blob. */
  files: table(z.string()).nullish(),
  adapters: table(z.string()).nullish(),
  template: z.string().nullish(),
  license: z.union([z.string(), list(z.string(), 256)]).nullish(),
  system: z.string().nullish(),
  /** Ollama's options; null takes the default. */
  parameters: table(parameter.nullable()).nullish(),
  messages: list(message, 4096).nullish(),
  /** Such as "Q4_K_M". `quantization` is the older word. */
  quantize: z.string().nullish(),
  quantization: z.string().nullish(),
  /** A Modelfile's text: what Ollama took before 0.5.5. */
  modelfile: z.string().nullish(),
  stream: z.boolean().nullish(),
});
export type CreateBody = z.infer<typeof createSchema>;
