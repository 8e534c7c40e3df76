/** Holds responses against the documentation of their endpoints: status, content type, and every JSON body, event and line. */

import { DIALECTS } from "../../src/http/dialects.ts";
import { documentedResponses, SERVER_ENDPOINTS } from "../../src/http/openapi.ts";
import type { Schema } from "../../src/protocols/endpoint.ts";

/** Statuses of the HTTP side that no endpoint documents: a wrong method, a client that went away. */
const UNDOCUMENTED = new Set([405, 499]);

const ENDPOINTS = [...SERVER_ENDPOINTS, ...DIALECTS.flatMap(({ endpoints }) => endpoints)].map((endpoint) => {
  const pattern = endpoint.path.replace(/:\w+\{\.\+\}/g, ".+").replace(/:\w+/g, "[^/]+").replaceAll(
    ".json",
    "\\.json",
  );
  return { ...endpoint, pattern: new RegExp(`^${pattern}$`) };
});

/**
 * Checks the head of a response now and its body when a test reads it.
 * @throws Error for what is not documented
 */
export function checkDocumented(
  input: RequestInfo | URL,
  init: RequestInit | undefined,
  response: Response,
): Response {
  const method = (init?.method ?? (input instanceof Request ? input.method : "GET")).toUpperCase();
  const url = input instanceof Request ? input.url : String(input);
  const { pathname } = new URL(url, "http://localhost");
  const sought = method === "HEAD" ? "GET" : method;
  const endpoint = ENDPOINTS.find((one) => one.method === sought && one.pattern.test(pathname));
  const { status } = response;
  if (endpoint === undefined || UNDOCUMENTED.has(status)) return response;
  const where = `${method} ${endpoint.path} -> ${status}`;
  const contents = documentedResponses(endpoint).get(status);
  if (contents === undefined) throw new Error(`${where}: /openapi.json does not tell of this status`);
  const type = response.headers.get("content-type")?.split(";")[0] ?? "";
  if (!Object.hasOwn(contents, type)) {
    throw new Error(`${where}: /openapi.json does not tell of the content type "${type}"`);
  }
  const schema = contents[type] as Schema<unknown> | undefined;
  if (schema !== undefined && method !== "HEAD") {
    checkWhenRead(response, (text) => checkBody(where, type, schema, text));
  }
  return response;
}

function checkWhenRead(response: Response, check: (text: string) => void): void {
  const read = response.text.bind(response);
  response.text = async () => {
    const text = await read();
    check(text);
    return text;
  };
  response.json = async () => JSON.parse(await response.text());
}

/** @throws Error for an item that its schema refuses */
export function checkBody(where: string, type: string, schema: Schema<unknown>, text: string): void {
  for (const item of itemsOf(type, text)) {
    const result = schema.safeParse(JSON.parse(item));
    if (!result.success) {
      throw new Error(
        `${where}: the answer is not as documented: ${
          JSON.stringify(result.error.issues).slice(0, 2000)
        }\n${item}`,
      );
    }
  }
}

function itemsOf(type: string, text: string): string[] {
  if (type === "application/x-ndjson") return text.split("\n").filter((line) => line !== "");
  if (type !== "text/event-stream") return [text];
  return text.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6))
    .filter((data) => data !== "[DONE]");
}
