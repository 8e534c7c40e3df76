/** Flags of limits, security and logging: how much, who may call, and what is written of it. */

import { type ApiKey, parseApiKeyList } from "../http/api_keys.ts";
import { type Flag, setting } from "./flag.ts";
import { type FlagValue, list, nonEmpty, oneOf, wholeNumber } from "./flag_value.ts";

/** A day. Longer waits are none. */
const SECONDS = 86_400;
const COUNT = 2 ** 31 - 1;

const apiKeyList: FlagValue<readonly ApiKey[]> = {
  expected:
    "keys without blanks and with commas between them, each alone or with a colon and some of the scopes " +
    "infer, manage, metrics",
  parse(text) {
    try {
      const keys = parseApiKeyList(text);
      return keys.length === 0 ? undefined : keys;
    } catch {
      return undefined;
    }
  },
};

const logFormat: FlagValue<boolean> = {
  expected: "pretty or json",
  parse: (text) => {
    const format = oneOf(["pretty", "json"]).parse(text);
    return format === undefined ? undefined : format === "json";
  },
};

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

/** Who may call. */
export const SECURITY_FLAGS: readonly Flag[] = [
  setting(["--api-key"], "apiKeys", "KEY[:SCOPE,...],...", apiKeyList, {
    env: "LLAMA_API_KEY",
    group: "Server",
    help: "keys of which clients must send one, each with scopes (infer, manage, metrics) or for everything",
    shown: "none",
    joins: true,
  }),
  setting(["--api-key-file"], "apiKeyFile", "FILE", nonEmpty("a file name"), {
    env: "LLAMACPP_API_KEY_FILE",
    group: "Server",
    help: "file of further keys, one a line, # begins a comment",
  }),
  {
    kind: "switch",
    names: ["--allow-anonymous"],
    env: "LLAMACPP_ALLOW_ANONYMOUS",
    key: "allowAnonymous",
    constant: true,
    otherwise: false,
    group: "Server",
    help: "serve other machines without any API key",
  },
  setting(
    ["--allowed-hosts"],
    "allowedHosts",
    "NAME,...",
    list("one or more names with commas between them", ","),
    {
      env: "LLAMACPP_ALLOWED_HOSTS",
      group: "Server",
      help: "names besides local ones that Host may have; .example.com stands for all below it, * for all",
      shown: "none",
    },
  ),
  setting(
    ["--cors-origins"],
    "corsOrigins",
    "ORIGIN,...",
    list("one or more origins with commas between them", ","),
    {
      env: "LLAMA_ARG_CORS_ORIGINS",
      group: "Server",
      help: "origins besides local ones whose web pages may call, * for all; OLLAMA_ORIGINS counts, too",
      shown: "none",
    },
  ),
  setting(["--ssl-key-file"], "sslKeyFile", "FILE", nonEmpty("a file name"), {
    env: "LLAMA_ARG_SSL_KEY_FILE",
    group: "Server",
    help: "private key in PEM, for HTTPS",
  }),
  setting(["--ssl-cert-file"], "sslCertFile", "FILE", nonEmpty("a file name"), {
    env: "LLAMA_ARG_SSL_CERT_FILE",
    group: "Server",
    help: "certificate chain in PEM, for HTTPS",
  }),
];

/** What is logged, and how. */
export const LOG_FLAGS: readonly Flag[] = [
  setting(["--log-format"], "logJsonl", "pretty|json", logFormat, {
    env: "LLAMACPP_LOG_FORMAT",
    group: "Other",
    help: "log lines for people or as JSON objects",
    shown: "pretty",
  }),
  {
    kind: "switch",
    names: ["--log-jsonl"],
    env: "LLAMA_ARG_LOG_JSONL",
    key: "logJsonl",
    constant: true,
    otherwise: false,
    group: "Other",
    help: "the same as --log-format json",
  },
  setting(["--log-file"], "logFile", "FILE", nonEmpty("a file name"), {
    env: "LLAMA_ARG_LOG_FILE",
    group: "Other",
    help: "add log lines to a file instead of writing them to stderr",
  }),
  {
    kind: "switch",
    names: ["--no-log-requests"],
    env: "LLAMACPP_NO_LOG_REQUESTS",
    key: "logRequests",
    constant: false,
    otherwise: true,
    group: "Other",
    help: "no log line for each request",
  },
];
