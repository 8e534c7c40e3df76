/** `/api/create`: body -> request. */

import type { CreateModelRequest } from "../../../core/model_manager.ts";
import { ServerError } from "../../../core/server_error.ts";
import type { CreateBody } from "./schema.ts";

/**
 * Translates a body.
 * @param name as `nameOf()` found it
 * @throws ServerError `bad_request` for a Modelfile's text, which Ollama does not take any more either
 */
export function decodeCreate(body: CreateBody, name: string): CreateModelRequest {
  if (body.modelfile && !body.from && !body.files) {
    throw new ServerError(
      "bad_request",
      "modelfile: Modelfiles are read by the client; send from, files, template, system, parameters instead",
      { field: "modelfile" },
    );
  }
  const { from, files, adapters, template, system, license, messages } = body;
  const quantize = body.quantize || body.quantization;
  const licenses = typeof license === "string" ? [license] : license ?? [];
  return {
    name,
    ...(from ? { from } : {}),
    ...(files ? { files } : {}),
    ...(adapters ? { adapters } : {}),
    ...(template ? { template } : {}),
    ...(system ? { system } : {}),
    ...(licenses.length > 0 ? { licenses } : {}),
    ...(messages
      ? { messages: messages.map(({ role, content }) => ({ role, content: content ?? "" })) }
      : {}),
    ...(body.parameters ? { parameters: decodeParameters(body.parameters) } : {}),
    ...(quantize ? { quantize } : {}),
  };
}

/** Null is absent, `stop` always a list. */
function decodeParameters(parameters: NonNullable<CreateBody["parameters"]>): Record<string, unknown> {
  const present = Object.entries(parameters).filter(([, value]) => value !== null);
  return Object.fromEntries(
    present.map(([key, value]) => [key, key === "stop" && typeof value === "string" ? [value] : value]),
  );
}
