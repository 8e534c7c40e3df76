/** What `serve` prints once it is ready: what was loaded, where it listens, and a command to try. Pure text. */

import type { ModelCard } from "../core/inference_service.ts";

/** The facts that the banner tells. */
export interface BannerFacts {
  /** Our version. */
  version: string;
  /** As `llama_version()` says. */
  llamaCppVersion: string;
  card: Pick<
    ModelCard,
    "id" | "path" | "size" | "architecture" | "parameterCount" | "quantization"
  >;
  /** The embedded model was taken because none was named. */
  demo: boolean;
  /** Tokens of context. */
  nCtx: number;
  /** Requests answered at the same time. */
  parallel: number;
  threads: number;
  /** Devices besides the CPU, as `name (description)`. */
  devices?: readonly string[];
  /** Address and port that the server really listens on. */
  host: string;
  port: number;
  /** HTTPS is spoken. */
  tls?: boolean;
}

/** URL at which this machine reaches the server: an address that means "all" is no address to connect to. */
export function baseUrl(host: string, port: number, tls = false): string {
  const scheme = tls ? "https" : "http";
  if (["0.0.0.0", "::", "127.0.0.1", "::1", "localhost"].includes(host)) {
    return `${scheme}://localhost:${port}`;
  }
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** A size in bytes for people: `9.8 MB`. Decimal units, as file managers show them. */
export function humanBytes(bytes: number): string {
  return scaled(bytes, ["B", "kB", "MB", "GB", "TB"]);
}

/** A count for people: `494 M`. */
export function humanCount(count: number): string {
  return scaled(count, ["", "k", "M", "B", "T"]).trimEnd();
}

/** The banner, ending with a line break. */
export function bannerText(facts: BannerFacts): string {
  const { card, devices = [] } = facts;
  const url = baseUrl(facts.host, facts.port, facts.tls);
  const together = facts.parallel === 1 ? "one request at a time" : `${facts.parallel} requests at a time`;
  const lines = [
    `llamacpp-server ${facts.version}, llama.cpp ${facts.llamaCppVersion}`,
    "",
    `Model      ${card.id} (${card.architecture}, ${humanCount(card.parameterCount)} parameters, ` +
    `${card.quantization}, ${humanBytes(card.size)})`,
  ];
  if (facts.demo) {
    lines.push(
      "           embedded, a demonstration only; use your own with --model FILE.gguf",
    );
  } else lines.push(`           ${card.path}`);
  lines.push(
    `Context    ${facts.nCtx} tokens, ${together}, ${facts.threads} thread${facts.threads === 1 ? "" : "s"}`,
    ...devices.length === 0 ? [] : [`Devices    ${devices.join(", ")}`],
    `Listening  ${url}  (OpenAI API: ${url}/v1, Ollama API: ${url})`,
    "",
    "Try it:",
    `  curl ${url}/v1/chat/completions -H "Content-Type: application/json" \\`,
    `    -d '{"model":"llama","messages":[{"role":"user","content":"Hello!"}]}'`,
    "",
  );
  return lines.join("\n") + "\n";
}

/** Three significant digits at most, in the largest unit that leaves at least 1. */
function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  let rest = value;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = rest < 9.95 && unit > 0 ? 1 : 0;
  return `${rest.toFixed(digits)} ${units[unit]}`;
}
