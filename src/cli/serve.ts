/**
 * The `serve` command: listens at once, loads the model while `/health` says so, answers until told to stop.
 * Whatever ends it, running requests are ended with an error and the model is freed.
 */

import { createApp } from "../http/app.ts";
import { Embedder } from "../engine/embedder.ts";
import { Engine } from "../engine/engine.ts";
import { TurnLock } from "../engine/turn_lock.ts";
import { type LoadedModel, loadModel, type LoadOptions } from "../models/loader.ts";
import { InferencePipeline } from "../pipeline/inference_pipeline.ts";
import { bannerText } from "./banner.ts";
import { defaultLibDir, demoModelPath } from "./installation.ts";
import { openLocalModels } from "./local_models.ts";
import { createLogger, type Logger } from "./logger.ts";
import { ProgressBar } from "./progress_bar.ts";
import type { ServeOptions } from "./serve_options.ts";

/** Milliseconds that open connections get to end after a stop. */
const CLOSE_MS = 1000;

/**
 * Runs the server.
 * @param version of this program
 * @param stopped resolves when the server is to stop
 * @returns exit code: 0 after a stop that was asked for, 1 when it could not start
 */
export async function serve(options: ServeOptions, version: string, stopped: Promise<void>): Promise<number> {
  const logger = createLogger({
    level: options.verbose ? "debug" : "info",
    jsonl: options.logJsonl,
    color: Deno.stderr.isTerminal(),
  });
  try {
    await using pipeline = new InferencePipeline(options.ctxSize, options);
    const server = listen(options, version, pipeline, logger);
    const started = start(options, version, pipeline, server, logger);
    await Promise.race([stopped, started.then(() => stopped)]);
    await pipeline[Symbol.asyncDispose]();
    await Promise.race([server.shutdown(), new Promise((resolve) => setTimeout(resolve, CLOSE_MS))]);
    return 0;
  } catch (error) {
    logger.error(error instanceof Error ? error.message : String(error));
    if (options.verbose && error instanceof Error && error.stack) logger.debug(error.stack);
    return 1;
  }
}

/** @throws Error in words for people when the address cannot be listened on */
function listen(
  options: ServeOptions,
  version: string,
  pipeline: InferencePipeline,
  logger: Logger,
): Deno.HttpServer<Deno.NetAddr> {
  const { host: hostname, port } = options;
  const app = createApp(pipeline, {
    version,
    models: openLocalModels(options, (message) => logger.warn(message)),
    ...(options.slotSavePath === undefined ? {} : { slotSavePath: options.slotSavePath }),
    defaults: {
      overflow: options.overflow,
      maxTokens: options.predict,
      sampling: options.sampling,
      ...(options.keep === 0 ? {} : { nKeep: options.keep }),
    },
    logger: {
      error: (message, cause) => logger.error(message, { cause: cause === undefined ? "" : String(cause) }),
    },
  });
  try {
    return Deno.serve({ hostname, port, onListen() {} }, app.fetch);
  } catch (cause) {
    const why = cause instanceof Deno.errors.AddrInUse
      ? "another program listens there (--port chooses another port)"
      : cause instanceof Error
      ? cause.message
      : String(cause);
    throw new Error(`Cannot listen on ${hostname}:${port}: ${why}`, { cause });
  }
}

async function start(
  options: ServeOptions,
  version: string,
  pipeline: InferencePipeline,
  server: Deno.HttpServer<Deno.NetAddr>,
  logger: Logger,
): Promise<void> {
  const loaded = await load(options, pipeline, logger);
  const turns = new TurnLock();
  const engine = new Engine(loaded.backend, { ...options, turns });
  const embedder = new Embedder(loaded.embeds.source, {
    ...options,
    turns,
    generating: () => engine.status.running > 0,
  });
  if (options.embeddings || !loaded.card.capabilities.includes("completion")) await embedder.warmUp();
  pipeline.setRuntime({ ...loaded, engine, embedding: { ...loaded.embeds, embedder } });
  console.error(bannerText({
    version,
    llamaCppVersion: loaded.llamaVersion,
    card: loaded.card,
    demo: options.model === undefined,
    nCtx: engine.nCtx,
    parallel: options.parallel,
    threads: loaded.threads,
    host: options.host,
    port: server.addr.port,
  }));
}

async function load(
  options: ServeOptions,
  pipeline: InferencePipeline,
  logger: Logger,
): Promise<LoadedModel> {
  using bar = new ProgressBar("Loading", {
    terminal: Deno.stderr.isTerminal(),
    write: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
  });
  return await loadModel(await loadOptions(options, logger), (fraction) => {
    pipeline.setProgress(fraction);
    bar.update(fraction);
  });
}

async function loadOptions(options: ServeOptions, logger: Logger): Promise<LoadOptions> {
  return {
    ...options,
    path: options.model ?? demoModelPath(),
    libDir: options.libDir ?? defaultLibDir(),
    chatTemplate: await chatTemplate(options),
    adapters: adapters(options),
    ...(options.verbose ? { logger: (level, text) => logger.log(level, `libllama: ${text}`) } : {}),
  };
}

function adapters({ lora, loraScaled, loraInitWithoutApply }: ServeOptions) {
  const all = [...lora.map((path) => ({ path, scale: 1 })), ...loraScaled];
  return loraInitWithoutApply ? all.map(({ path }) => ({ path, scale: 0 })) : all;
}

async function chatTemplate({ chatTemplate, chatTemplateFile }: ServeOptions): Promise<string | undefined> {
  if (chatTemplate !== undefined || chatTemplateFile === undefined) return chatTemplate;
  try {
    return await Deno.readTextFile(chatTemplateFile);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot read the chat template "${chatTemplateFile}": ${why}`, { cause });
  }
}
