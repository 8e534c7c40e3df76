/** The dialects that we speak, and whose words to use for an error on a path that has no endpoint. */

import { ANTHROPIC } from "../protocols/anthropic/routes.ts";
import type { Dialect } from "../protocols/endpoint.ts";
import { NATIVE } from "../protocols/native/routes.ts";
import { OLLAMA } from "../protocols/ollama/routes.ts";
import { RESPONSES } from "../protocols/openai/responses/routes.ts";
import { OPENAI } from "../protocols/openai/routes.ts";

/** Every dialect; a new one is added here. */
export const DIALECTS: readonly Dialect[] = [OPENAI, RESPONSES, ANTHROPIC, OLLAMA, NATIVE];

/** The dialect of each path that has an endpoint. */
const BY_PATH: ReadonlyMap<string, Dialect> = new Map(
  DIALECTS.flatMap((dialect) => dialect.endpoints.map(({ path }) => [path, dialect] as const)),
);

/** The dialect of a path: that of its endpoint, else of its prefix, else llama-server's. */
export function dialectOf(path: string): Dialect {
  const exact = BY_PATH.get(path);
  if (exact !== undefined) return exact;
  if (path === "/api" || path.startsWith("/api/")) return OLLAMA;
  if (path.startsWith("/v1/messages/")) return ANTHROPIC;
  if (path === "/v1" || path.startsWith("/v1/")) return OPENAI;
  return NATIVE;
}
