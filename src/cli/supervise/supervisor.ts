/**
 * Keeps one engine process running and its port answered. Always holds: while no engine listens the standby does, from
 * within milliseconds of the engine's end until the next one asks for the port; the two never listen at the same time.
 * No request passes through here while an engine runs.
 */

import type { Logger } from "../logger.ts";
import type { EngineOptions, ExplainedEnd } from "./engine_process.ts";
import { type Decision, RestartPolicy } from "./restart_policy.ts";

/** Answers every request with an error while no engine does. */
export interface Standby {
  readonly port: number;
  /** Gives another reason from now on. */
  explain(reason: string, retryAfter: number): void;
  /** Listens no more from now on; resolves when what was accepted has been answered. */
  close(): Promise<void>;
}

/** A running engine. */
export interface Engine {
  readonly ended: Promise<ExplainedEnd>;
  grantPort(): void;
  stop(): void;
  kill(): void;
}

/** What the supervisor works with. */
export interface SupervisorTools {
  /** Starts an engine that will listen on the port. */
  start(port: number, events: Pick<EngineOptions, "wantsPort" | "ready">): Engine;
  /**
   * Listens.
   * @param port 0 for any free one
   * @param reason why requests are refused, in words
   * @param retryAfter seconds
   */
  standby(port: number, reason: string, retryAfter: number): Standby;
  logger: Pick<Logger, "info" | "warn" | "error">;
}

/** Exit code after a stop in which the engine had to be killed. */
const KILLED = 1;

/** See the module comment. */
export class Supervisor {
  readonly #tools: SupervisorTools;
  readonly #policy = new RestartPolicy();
  readonly #stopped = Promise.withResolvers<void>();
  #port: number;
  #engine: Engine | undefined;
  #standby: Standby | undefined;
  #closing: Promise<unknown> = Promise.resolve();
  #stopping = false;

  /** @param port to be kept; 0 for any free one */
  constructor(tools: SupervisorTools, port: number) {
    this.#tools = tools;
    this.#port = port;
  }

  /**
   * Runs engines until one cannot be started, or `stop()`.
   * @returns exit code
   * @throws when the port cannot be listened on
   */
  async run(): Promise<number> {
    // Nobody else may have the port. The listener says so before a model is loaded for nothing.
    this.#standby = this.#tools.standby(this.#port, "The server is starting", 1);
    this.#port = this.#standby.port;
    try {
      while (!this.#stopping) {
        const end = await this.#runEngine();
        if (this.#stopping) return end.signal === null ? end.code : KILLED;
        const decision = this.#policy.ended(end);
        this.#answerFor(end, decision);
        if (!decision.restart) {
          this.#tools.logger.error(`The engine process ${end.reason}; it is not started again`);
          return decision.code;
        }
        this.#tools.logger.error(`The engine process ${end.reason} and is being restarted`, {
          delay_ms: decision.delayMs,
        });
        await this.#pause(decision.delayMs);
      }
      return 0;
    } finally {
      this.#release();
      await this.#closing;
    }
  }

  /** Lets the running requests end, then the engine. */
  stop(): void {
    this.#stopping = true;
    this.#engine?.stop();
    this.#stopped.resolve();
  }

  /** Ends the engine at once. */
  kill(): void {
    this.stop();
    this.#engine?.kill();
  }

  async #runEngine(): Promise<ExplainedEnd> {
    const engine = this.#tools.start(this.#port, {
      wantsPort: () => {
        this.#release();
        engine.grantPort();
      },
      ready: () => this.#tools.logger.info("The engine process is ready"),
    });
    this.#engine = engine;
    try {
      return await engine.ended;
    } finally {
      this.#engine = undefined;
    }
  }

  /** Takes the port of an engine that is gone. */
  #answerFor({ reason }: ExplainedEnd, decision: Decision): void {
    if (!decision.restart) return;
    const message = `The engine process ${reason} and is being restarted`;
    const retryAfter = Math.ceil(decision.delayMs / 1000) + 1;
    try {
      // It listens still when the engine never came to ask for the port.
      if (this.#standby === undefined) this.#standby = this.#tools.standby(this.#port, message, retryAfter);
      else this.#standby.explain(message, retryAfter);
    } catch (error) {
      this.#tools.logger.warn(error instanceof Error ? error.message : String(error));
    }
  }

  /** Frees the port at once. */
  #release(): void {
    const standby = this.#standby;
    this.#standby = undefined;
    if (standby !== undefined) this.#closing = Promise.allSettled([this.#closing, standby.close()]);
  }

  async #pause(ms: number): Promise<void> {
    if (ms === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const elapsed = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
    await Promise.race([elapsed, this.#stopped.promise]);
    clearTimeout(timer);
  }
}
