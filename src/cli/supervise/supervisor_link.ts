/**
 * The engine process's end of the line to its supervisor. Always holds: the supervisor hears of this process at least
 * once a second while its event loop runs, and `stopped` resolves when the supervisor says so or is gone.
 */

import { allowedEnv } from "../environment.ts";
import {
  BEAT_MS,
  encodeMessage,
  type EngineMessage,
  GO,
  HUNG_EXIT_CODE,
  SUPERVISED_ENV,
} from "./engine_messages.ts";

/** See the module comment. */
export interface SupervisorLink {
  /** The supervisor wants this process to stop, or has died. */
  readonly stopped: Promise<void>;
  /** Resolves when this process may listen on the port, which the supervisor has kept until now. */
  port(): Promise<void>;
  /** The model is loaded. */
  ready(): void;
  /** Says that a decode hangs, and ends this process. */
  hung(reason: string): never;
}

/** The streams of a process. */
interface Streams {
  stdin: ReadableStream<Uint8Array>;
  stdout: { write(bytes: Uint8Array): Promise<number>; writeSync(bytes: Uint8Array): number };
  exit(code: number): never;
}

/** The link of this process; undefined when nobody supervises it. */
export function supervisorLink(): SupervisorLink | undefined {
  if (allowedEnv(SUPERVISED_ENV) === undefined) return undefined;
  return openLink({ stdin: Deno.stdin.readable, stdout: Deno.stdout, exit: Deno.exit });
}

/** Opens a link on the streams of a process. */
export function openLink({ stdin, stdout, exit }: Streams): SupervisorLink {
  const stopped = Promise.withResolvers<void>();
  const allowed = Promise.withResolvers<void>();
  const encoder = new TextEncoder();
  const bytesOf = (message: EngineMessage) => encoder.encode(encodeMessage(message));
  // In order and never waited for: a supervisor that stands still must not hold up the engine.
  let written: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const send = (message: EngineMessage) => {
    waiting++;
    written = written.then(() => stdout.write(bytesOf(message))).catch(() => {}).finally(() => waiting--);
  };
  const beat = () => {
    if (waiting === 0) send({ kind: "beat" });
  };
  beat();
  const timer = setInterval(beat, BEAT_MS);
  Deno.unrefTimer(timer);
  listenTo(stdin, (line) => line === GO && allowed.resolve()).finally(() => {
    clearInterval(timer);
    allowed.resolve();
    stopped.resolve();
  });
  return {
    stopped: stopped.promise,
    port: () => {
      send({ kind: "port" });
      return allowed.promise;
    },
    ready: () => send({ kind: "ready" }),
    hung(reason) {
      try {
        stdout.writeSync(bytesOf({ kind: "hung", reason }));
      } catch {
        // Nobody listens; the exit code says it, too.
      }
      return exit(HUNG_EXIT_CODE);
    },
  };
}

async function listenTo(stdin: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  let rest = "";
  try {
    for await (const text of stdin.pipeThrough(new TextDecoderStream() as unknown as Decoder)) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(line);
    }
  } catch {
    // A broken pipe is an end like any other.
  }
}

/** The type library's decoder stream takes any buffer source; streams of bytes are narrower. */
type Decoder = ReadableWritablePair<string, Uint8Array>;
