/** `response_format` of OpenAI and `json_schema` of llama-server -> the core's ResponseFormat. */

import type { ResponseFormat } from "../../core/generate_request.ts";
import { ServerError } from "../../core/server_error.ts";
import type { ResponseFormatField } from "./schema.ts";

/** The fields of a body that constrain the answer's text. */
export interface FormatFields {
  response_format?: ResponseFormatField | null | undefined;
  /** JSON Schema of the answer. */
  json_schema?: unknown;
  /** GBNF. */
  grammar?: string | null | undefined;
}

/**
 * Decodes what the text of an answer must be.
 * @throws ServerError `bad_request` for an unknown type, a missing schema, or more than one constraint
 */
export function decodeResponseFormat(fields: FormatFields): ResponseFormat | undefined {
  const format = fields.response_format ? fromResponseFormat(fields.response_format) : undefined;
  const hasSchema = fields.json_schema !== undefined && fields.json_schema !== null;
  if (fields.grammar && (hasSchema || format)) {
    throw refusal("grammar", `does not go together with ${hasSchema ? "json_schema" : "response_format"}`);
  }
  // As in llama-server: a schema of response_format wins, and `json_object` takes the schema beside it.
  if (!hasSchema || format?.kind === "json_schema") return format;
  return { kind: "json_schema", schema: fields.json_schema, field: "json_schema" };
}

function fromResponseFormat(format: ResponseFormatField): ResponseFormat | undefined {
  switch (format.type) {
    case "text":
      return undefined;
    case "json_object":
      return format.schema === undefined || format.schema === null
        ? { kind: "json_object" }
        : { kind: "json_schema", schema: format.schema, field: "response_format.schema" };
    case "json_schema": {
      const field = "response_format.json_schema.schema";
      const schema = format.json_schema?.schema;
      if (schema !== undefined && schema !== null) return { kind: "json_schema", schema, field };
      throw refusal(field, "expected a JSON schema, received none");
    }
    default:
      throw refusal(
        "response_format.type",
        `expected "text"|"json_object"|"json_schema", received ${JSON.stringify(format.type)}`,
      );
  }
}

function refusal(field: string, message: string): ServerError {
  return new ServerError("bad_request", `${field}: ${message}`, { field });
}
