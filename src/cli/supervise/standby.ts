/**
 * Answers every request 503 in the words of its dialect while no engine process does, with the same guards, limits and
 * certificates. Owns the port meanwhile.
 */

import { InferencePipeline } from "../../pipeline/inference_pipeline.ts";
import { startHttp } from "../http_server.ts";
import type { Logger } from "../logger.ts";
import type { ServeOptions } from "../serve_options.ts";
import type { Standby } from "./supervisor.ts";

/**
 * Begins to listen.
 * @param options where, with what certificates
 * @param reason why requests are refused, in words
 * @param retryAfter seconds
 * @throws Error in words for people when that cannot be, or may not be
 */
export function openStandby(
  options: ServeOptions,
  version: string,
  logger: Logger,
  reason: string,
  retryAfter: number,
): Standby {
  const defaults = { overflow: options.overflow, maxTokens: options.predict, sampling: options.sampling };
  const server = startHttp(new InferencePipeline(options.ctxSize), options, { version, defaults }, logger);
  const explain = (reason: string, retryAfter: number) => server.life.down = { reason, retryAfter };
  explain(reason, retryAfter);
  return { port: server.port, explain, close: () => server.close() };
}
