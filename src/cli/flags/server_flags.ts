/** Flags of the listener and of what clients together may use up: the first part of the group "Server" of `--help`. */

import { type Flag, setting } from "./flag.ts";
import { nonEmpty, wholeNumber } from "./flag_value.ts";

/** A day. Longer waits are none. */
const SECONDS = 86_400;
const COUNT = 2 ** 31 - 1;

/** Where the server listens, and how it shares the engine. */
export const SERVER_FLAGS: readonly Flag[] = [
  setting(["--host"], "host", "ADDRESS", nonEmpty("an address"), {
    env: "LLAMA_ARG_HOST",
    group: "Server",
    help: "address to listen on; 0.0.0.0 serves the whole network",
  }),
  setting(["--port"], "port", "PORT", wholeNumber(0, 65535), {
    env: "LLAMA_ARG_PORT",
    group: "Server",
    help: "port to listen on, 0 any free one",
  }),
  setting(["--max-step-ms"], "maxStepMs", "N", wholeNumber(1, 60_000), {
    env: "LLAMACPP_MAX_STEP_MS",
    group: "Server",
    help: "milliseconds that reading a prompt may hold up an answer that is being generated",
  }),
  setting(["--slot-save-path"], "slotSavePath", "DIR", nonEmpty("a folder"), {
    group: "Server",
    help: "folder in which POST /slots/:id saves slots",
  }),
  setting(["--max-queue"], "maxQueue", "N", wholeNumber(0, 1_000_000), {
    env: "LLAMACPP_MAX_QUEUE",
    group: "Server",
    help: "requests that may wait for their turn; further ones are refused",
  }),
];

/** What one client, or all of them together, may use up. */
export const LIMIT_FLAGS: readonly Flag[] = [
  setting(["--max-tokens"], "maxTokens", "N", wholeNumber(-1, COUNT), {
    env: "LLAMACPP_MAX_TOKENS",
    group: "Server",
    help: "most tokens that a request may ask for, and get; -1 no limit",
  }),
  setting(
    ["--max-body-size"],
    "maxBodySize",
    "BYTES",
    wholeNumber(1024, COUNT),
    {
      env: "LLAMACPP_MAX_BODY_SIZE",
      group: "Server",
      help: "largest body of a request; uploaded model files are not limited",
    },
  ),
  setting(
    ["--max-connections"],
    "maxConnections",
    "N",
    wholeNumber(1, 65_536),
    {
      env: "LLAMACPP_MAX_CONNECTIONS",
      group: "Server",
      help: "connections that may be open; a further one replaces the one that has been idle longest",
    },
  ),
  setting(["--header-timeout"], "headerTimeout", "S", wholeNumber(1, SECONDS), {
    env: "LLAMACPP_HEADER_TIMEOUT",
    group: "Server",
    help: "seconds for the head of a connection's first request",
  }),
  setting(["--idle-timeout"], "idleTimeout", "S", wholeNumber(1, SECONDS), {
    env: "LLAMACPP_IDLE_TIMEOUT",
    group: "Server",
    help: "seconds that a connection may wait for a request, its body, or a reader of the answer",
  }),
  setting(
    ["--stream-buffer"],
    "streamBuffer",
    "BYTES",
    wholeNumber(1024, COUNT),
    {
      env: "LLAMACPP_STREAM_BUFFER",
      group: "Server",
      help:
        "bytes of a stream kept for a client that reads slowly; it is dropped when they stay full for 10 s",
    },
  ),
  setting(["--drain-timeout"], "drainTimeout", "S", wholeNumber(0, SECONDS), {
    env: "LLAMACPP_DRAIN_TIMEOUT",
    group: "Server",
    help: "seconds that running requests get to end after SIGTERM or Ctrl-C; a second one ends at once",
  }),
  setting(["--watchdog"], "watchdog", "S", wholeNumber(0, SECONDS), {
    env: "LLAMACPP_WATCHDOG",
    group: "Server",
    help: "seconds without a decode step, with work to do, after which the engine counts as hanging; 0 never",
  }),
];
