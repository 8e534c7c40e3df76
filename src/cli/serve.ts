/**
 * The `serve` command: listens at once, loads the model while `/health` says so, answers until told to stop.
 * Whatever ends it, running requests are ended with an error and the model is freed.
 */

import type { ModelManager } from "../core/model_manager.ts";
import type { StoredLayers } from "../core/stored_layers.ts";
import type { LoadOptions } from "../models/loader.ts";
import { InferencePipeline } from "../pipeline/inference_pipeline.ts";
import { bannerText } from "./banner.ts";
import { type HttpServer, startHttp } from "./http_server.ts";
import { defaultLibDir, demoModelPath } from "./installation.ts";
import { openLocalModels } from "./local_models.ts";
import { createLogger, fileWriter, type Logger } from "./logger.ts";
import { LocalSupply, type StartedModel, startModel } from "./model_supply.ts";
import { ProgressBar } from "./progress_bar.ts";
import type { ServeOptions } from "./serve_options.ts";
import type { SupervisorLink } from "./supervise/supervisor_link.ts";
import { Watchdog } from "./watchdog.ts";

/** Milliseconds that the engine gets to end its running step after a stop. */
const STOP_MS = 5000;

/** Milliseconds between two looks at the engine. */
const WATCH_MS = 1000;

/** Milliseconds between two attempts to listen on a supervisor's port, and how many there are. */
const TAKE_OVER_MS = 5;
const TAKE_OVER_ATTEMPTS = 200;

/** Another command that serves in its own process is told what the user of `serve` reads. */
export interface ServeObserver {
  /** The model is loaded; nothing is printed. */
  ready(port: number): void;
  /** The server could not start. */
  failed(message: string): void;
  /** What the model was stored with beside its weights. */
  stored?: StoredLayers;
}

/**
 * Runs the server.
 * @param version of this program
 * @param stopped resolves when the server is to stop
 * @param observer serves quietly
 * @param link to the supervisor of this process, if it has one
 * @returns exit code: 0 after a stop that was asked for, 1 when it could not start
 */
export async function serve(
  options: ServeOptions,
  version: string,
  stopped: Promise<void>,
  observer?: ServeObserver,
  link?: SupervisorLink,
): Promise<number> {
  let logger = loggerOf(options, observer);
  try {
    if (options.logFile !== undefined) {
      logger = loggerOf(options, observer, fileWriter(options.logFile));
    }
    const models = openLocalModels(options, (message) => logger.warn(message));
    using supply = new LocalSupply(
      models,
      options,
      () => loadOptions(options, logger),
      logger,
    );
    const pipeline = new InferencePipeline(options.ctxSize, {
      ...options,
      models: supply,
    });
    try {
      const begin = () => listen(options, version, pipeline, models, logger);
      const server = link === undefined ? begin() : await takeOver(link, begin);
      using _watch = watch(options, pipeline, server, logger, link);
      const started = start(
        options,
        version,
        pipeline,
        server,
        logger,
        observer,
      );
      await Promise.race([
        stopped,
        started.then(() => (link?.ready(), stopped)),
      ]);
      await server.drain();
      await dispose(pipeline, logger);
      await server.close();
    } finally {
      await dispose(pipeline, logger);
    }
    return 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (observer) observer.failed(message);
    else logger.error(message);
    if (options.verbose && error instanceof Error && error.stack) {
      logger.debug(error.stack);
    }
    return 1;
  }
}

function loggerOf(
  options: ServeOptions,
  observer?: ServeObserver,
  write?: (line: string) => void,
): Logger {
  return createLogger({
    level: options.verbose ? "debug" : observer ? "error" : "info",
    jsonl: options.logJsonl,
    color: write === undefined && Deno.stderr.isTerminal(),
    ...(write === undefined ? {} : { write }),
  });
}

/** Ends all requests and frees the model; gives up on a step that does not end. */
async function dispose(
  pipeline: InferencePipeline,
  logger: Logger,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const elapsed = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), STOP_MS));
  const ended = await Promise.race([pipeline[Symbol.asyncDispose](), elapsed]);
  clearTimeout(timer);
  if (ended === false) {
    logger.error(
      `Stopping: the engine has not ended its step in ${STOP_MS / 1000} s`,
    );
  }
}

/** Watches the engine until disposed of. */
function watch(
  { watchdog }: ServeOptions,
  pipeline: InferencePipeline,
  { life }: HttpServer,
  logger: Logger,
  link: SupervisorLink | undefined,
): Disposable {
  if (watchdog === 0) return { [Symbol.dispose]() {} };
  const dog = new Watchdog(pipeline, {
    unhealthy: (reason) => life.unhealthy = reason,
    log: (level, message) => logger.log(level, message),
    ...(link === undefined ? {} : { giveUp: (reason) => link.hung(reason) }),
  }, watchdog * 1000);
  const timer = setInterval(() => dog.check(performance.now()), WATCH_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Listens on a port that the supervisor has just given up: the system may need a moment to free it. */
async function takeOver(
  link: SupervisorLink,
  begin: () => HttpServer,
): Promise<HttpServer> {
  await link.port();
  for (let attempt = 1;; attempt++) {
    try {
      return begin();
    } catch (error) {
      const inUse = error instanceof Error &&
        error.cause instanceof Deno.errors.AddrInUse;
      if (!inUse || attempt === TAKE_OVER_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, TAKE_OVER_MS));
    }
  }
}

/** @throws Error in words for people when the address cannot, or may not, be listened on */
function listen(
  options: ServeOptions,
  version: string,
  pipeline: InferencePipeline,
  models: ModelManager,
  logger: Logger,
): HttpServer {
  return startHttp(pipeline, options, {
    version,
    models,
    ...(options.slotSavePath === undefined ? {} : { slotSavePath: options.slotSavePath }),
    defaults: {
      overflow: options.overflow,
      maxTokens: options.predict,
      sampling: options.sampling,
      ...(options.keep === 0 ? {} : { nKeep: options.keep }),
    },
  }, logger);
}

async function start(
  options: ServeOptions,
  version: string,
  pipeline: InferencePipeline,
  server: HttpServer,
  logger: Logger,
  observer: ServeObserver | undefined,
): Promise<void> {
  const startedAt = performance.now();
  const { loaded, runtime } = await load(options, pipeline, logger);
  const stored = observer?.stored;
  const card = stored === undefined ? runtime.card : { ...runtime.card, stored };
  pipeline.setRuntime(
    { ...runtime, card },
    undefined,
    performance.now() - startedAt,
  );
  if (observer) return observer.ready(server.port);
  console.error(bannerText({
    version,
    llamaCppVersion: loaded.llamaVersion,
    card: loaded.card,
    demo: options.model === undefined,
    nCtx: runtime.engine.nCtx,
    parallel: options.parallel,
    threads: loaded.threads,
    devices: loaded.devices,
    host: options.host,
    port: server.port,
    tls: server.tls,
  }));
}

async function load(
  options: ServeOptions,
  pipeline: InferencePipeline,
  logger: Logger,
): Promise<StartedModel> {
  using bar = new ProgressBar("Loading", {
    terminal: Deno.stderr.isTerminal(),
    write: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
  });
  return await startModel(
    await loadOptions(options, logger),
    { ...options, metrics: pipeline.metrics },
    (fraction) => {
      pipeline.setProgress(fraction);
      bar.update(fraction);
    },
  );
}

async function loadOptions(
  options: ServeOptions,
  logger: Logger,
): Promise<LoadOptions> {
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

async function chatTemplate(
  { chatTemplate, chatTemplateFile }: ServeOptions,
): Promise<string | undefined> {
  if (chatTemplate !== undefined || chatTemplateFile === undefined) {
    return chatTemplate;
  }
  try {
    return await Deno.readTextFile(chatTemplateFile);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot read the chat template "${chatTemplateFile}": ${why}`,
      { cause },
    );
  }
}
