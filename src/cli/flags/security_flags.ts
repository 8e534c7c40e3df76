/** Flags of security: keys, names, origins, certificates. The rest of the group "Server" of `--help`. */

import { type ApiKey, parseApiKeyList } from "../../http/api_keys.ts";
import { type Flag, setting } from "./flag.ts";
import { type FlagValue, list, nonEmpty } from "./flag_value.ts";

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
