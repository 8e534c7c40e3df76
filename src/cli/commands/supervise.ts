/**
 * `supervise`: runs the server in a process of its own, starts it again when it crashes or hangs, and answers 503 on its
 * port meanwhile.
 */

import type { Command, CommandCall } from "../command.ts";
import { allowedEnv } from "../environment.ts";
import { storeFolder } from "../local_models.ts";
import { createLogger, fileWriter, type Logger } from "../logger.ts";
import type { ServeOptions } from "../serve_options.ts";
import { type EngineCommand, EngineProcess } from "../supervise/engine_process.ts";
import { EXECUTABLE_ENV, programCommand, writtenBy } from "../supervise/program.ts";
import { openStandby } from "../supervise/standby.ts";
import { Supervisor } from "../supervise/supervisor.ts";

/** Milliseconds that the engine gets beyond `--drain-timeout`: to end its step and to close connections. */
const STOP_MS = 10_000;

/** Exit code after a second signal. */
const INTERRUPTED = 130;

export const supervise: Command = {
  usage: "supervise [flags of serve]",
  operands: [0, 0],
  flags: [],
  notes: [
    "A server that crashes, or is silent for --watchdog seconds, is started again; its port answers 503 meanwhile.",
    "SIGTERM and Ctrl-C let running requests end, as with serve.",
  ],
  async run(call) {
    const { options, version } = call;
    const logger = loggerOf(options);
    const supervisor = new Supervisor({
      logger,
      start: (port, events) =>
        new EngineProcess(engineCommand(call, port), {
          ...events,
          silenceMs: options.watchdog * 1000,
          stopMs: options.drainTimeout * 1000 + STOP_MS,
          log: (message) => logger.error(message),
        }),
      standby: (port, reason, retryAfter) =>
        openStandby({ ...options, port }, version, logger, reason, retryAfter),
    }, options.port);
    let asked = false;
    const stop = () => {
      if (asked) {
        supervisor.kill();
        Deno.exit(INTERRUPTED);
      }
      asked = true;
      supervisor.stop();
    };
    const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
    for (const signal of signals) Deno.addSignalListener(signal, stop);
    return await supervisor.run();
  },
};

/** The last `--port` wins. @throws Error in words for people when the program may not be run */
function engineCommand({ options, argv }: CommandCall, port: number): EngineCommand {
  const command = programCommand(
    {
      executable: allowedEnv(EXECUTABLE_ENV),
      execPath: Deno.execPath(),
      standalone: Deno.build.standalone,
    },
    "serve",
    [...argv, "--port", String(port)],
    writtenBy(options, storeFolder(options)),
  );
  if (Deno.permissions.querySync({ name: "run", command: command.file }).state !== "granted") {
    throw new Error(`Cannot start the engine process: Deno may not run "${command.file}" (--allow-run)`);
  }
  return command;
}

/** Where the engine logs, too. */
function loggerOf({ logJsonl, logFile, verbose }: ServeOptions): Logger {
  const mayWrite = logFile !== undefined &&
    Deno.permissions.querySync({ name: "write", path: logFile }).state === "granted";
  return createLogger({
    level: verbose ? "debug" : "info",
    jsonl: logJsonl,
    color: !mayWrite && Deno.stderr.isTerminal(),
    ...(mayWrite ? { write: fileWriter(logFile) } : {}),
  });
}
