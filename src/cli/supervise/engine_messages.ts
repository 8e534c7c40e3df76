/**
 * What an engine process and its supervisor tell each other. The engine writes lines to its stdout, of which nothing else
 * makes use; the supervisor writes `GO` to the engine's stdin and closes it when the engine is to stop. So an engine whose
 * supervisor has died, however, stops as well.
 */

/** Tells `serve` that a supervisor holds the other ends of its stdin and stdout. */
export const SUPERVISED_ENV = "LLAMACPP_SUPERVISED";

/** Exit code of an engine process whose decode hangs and does not come back: `EX_TEMPFAIL` of sysexits.h. */
export const HUNG_EXIT_CODE = 75;

/** The supervisor listens no more: the engine may. */
export const GO = "go";

/** Milliseconds between two signs of life. */
export const BEAT_MS = 1000;

/** What an engine says. */
export type EngineMessage =
  /** Its event loop runs. */
  | { kind: "beat" }
  /** It wants the port; the answer is `GO`. */
  | { kind: "port" }
  /** The model is loaded. */
  | { kind: "ready" }
  /** A decode hangs; the process ends by itself, if it can. */
  | { kind: "hung"; reason: string };

const PREFIX = "@engine ";

/** The message as a line with its line break. */
export function encodeMessage(message: EngineMessage): string {
  return `${PREFIX}${JSON.stringify(message)}\n`;
}

/** The message of a line, or undefined for a line that is something else. */
export function parseMessage(line: string): EngineMessage | undefined {
  return line.startsWith(PREFIX) ? JSON.parse(line.slice(PREFIX.length)) as EngineMessage : undefined;
}
