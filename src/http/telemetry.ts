/**
 * Spans and measurements of requests for OpenTelemetry, which Deno has built in (`OTEL_DENO=true`, exporter and target
 * by the usual `OTEL_*` variables). Deno itself makes a span of each HTTP request and takes `traceparent`; here is what
 * it cannot know: the model, tokens, times. Names: OpenTelemetry's semantic conventions for generative AI.
 *
 * Always holds: nothing of what was said becomes an attribute; while telemetry is off nothing here runs; a token
 * costs nothing, a span is filled when its request is over.
 */

import type { RequestRecord } from "./request_record.ts";

type Attributes = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** The parts of OpenTelemetry's API that are used here; Deno types its objects as unknown to it. */
interface Span {
  updateName(name: string): void;
  setAttribute(key: string, value: string | number | readonly string[]): void;
  setStatus(status: { code: number }): void;
  end(): void;
}
interface Tracer {
  startSpan(name: string, options: { kind: number }, context: unknown): Span;
}
interface Meter {
  createHistogram(
    name: string,
    options: { unit: string; description: string; advice: { explicitBucketBoundaries: readonly number[] } },
  ): { record(value: number, attributes: Attributes): void };
}
interface Providers {
  tracerProvider: { getTracer(name: string, version: string): Tracer };
  meterProvider: { getMeter(name: string, version: string): Meter };
  contextManager: { active(): unknown };
}

/** A request's span. */
export interface RequestSpan {
  /** The request is over. */
  end(record: RequestRecord): void;
}

const SCOPE = "llamacpp-server";

/** `SpanKind.INTERNAL`: inference inside of the process that answers. */
const INTERNAL = 0;

/** `SpanStatusCode.ERROR`. */
const ERROR = 2;

/** Bounds that the conventions advise. */
const SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_TOKEN_SECONDS = [
  0.001,
  0.005,
  0.01,
  0.02,
  0.04,
  0.06,
  0.08,
  0.1,
  0.25,
  0.5,
  0.75,
  1,
  2.5,
  5,
  7.5,
  10,
];
const PER_TOKEN_SECONDS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576];

/** Makes the spans and measures. */
export class Telemetry {
  readonly #tracer: Tracer;
  readonly #context: Providers["contextManager"];
  readonly #duration: ReturnType<Meter["createHistogram"]>;
  readonly #firstToken: ReturnType<Meter["createHistogram"]>;
  readonly #perToken: ReturnType<Meter["createHistogram"]>;
  readonly #tokens: ReturnType<Meter["createHistogram"]>;

  private constructor(providers: Providers, version: string) {
    this.#tracer = providers.tracerProvider.getTracer(SCOPE, version);
    this.#context = providers.contextManager;
    const meter = providers.meterProvider.getMeter(SCOPE, version);
    const histogram = (name: string, unit: string, description: string, bounds: readonly number[]) =>
      meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: bounds } });
    this.#duration = histogram(
      "gen_ai.server.request.duration",
      "s",
      "Arrival to end of the answer.",
      SECONDS,
    );
    this.#firstToken = histogram(
      "gen_ai.server.time_to_first_token",
      "s",
      "Arrival to first token.",
      FIRST_TOKEN_SECONDS,
    );
    this.#perToken = histogram(
      "gen_ai.server.time_per_output_token",
      "s",
      "Per token after the first one.",
      PER_TOKEN_SECONDS,
    );
    this.#tokens = histogram("gen_ai.client.token.usage", "{token}", "Tokens of prompt and answer.", TOKENS);
  }

  /** Undefined when telemetry is off. */
  static open(version: string): Telemetry | undefined {
    const { telemetry } = Deno as unknown as { telemetry?: Providers };
    if (telemetry === undefined) return undefined;
    try {
      // Refuses to when it is off; a span that does not end is never sent.
      telemetry.tracerProvider.getTracer(SCOPE, version).startSpan(
        "probe",
        { kind: INTERNAL },
        telemetry.contextManager.active(),
      );
      return new Telemetry(telemetry, version);
    } catch {
      return undefined;
    }
  }

  /** A request begins; called where Deno's span of it is the active one. */
  begin({ method, path }: RequestRecord): RequestSpan {
    const span = this.#tracer.startSpan(`${method} ${path}`, { kind: INTERNAL }, this.#context.active());
    return { end: (record) => this.#end(span, record) };
  }

  #end(span: Span, record: RequestRecord): void {
    const operation = operationOf(record);
    if (operation !== undefined && record.model !== undefined) {
      span.updateName(`${operation} ${record.model}`);
    }
    for (const [key, value] of Object.entries(spanAttributes(record, operation))) {
      if (value !== undefined) span.setAttribute(key, value);
    }
    if (errorTypeOf(record) !== undefined) span.setStatus({ code: ERROR });
    span.end();
    if (operation !== undefined) this.#measure(record, operation);
  }

  #measure(record: RequestRecord, operation: string): void {
    const common = known({
      "gen_ai.operation.name": operation,
      "gen_ai.provider.name": SCOPE,
      "gen_ai.request.model": record.model,
      "gen_ai.response.model": record.model,
    });
    this.#duration.record(record.seconds, known({ ...common, "error.type": errorTypeOf(record) }));
    const { firstTokenSeconds, perTokenSeconds } = record;
    if (firstTokenSeconds !== undefined) this.#firstToken.record(firstTokenSeconds, common);
    if (perTokenSeconds !== undefined) this.#perToken.record(perTokenSeconds, common);
    if (record.promptTokens > 0) {
      this.#tokens.record(record.promptTokens, { ...common, "gen_ai.token.type": "input" });
    }
    if (record.generatedTokens > 0) {
      this.#tokens.record(record.generatedTokens, { ...common, "gen_ai.token.type": "output" });
    }
  }
}

/** What the request asked of a model; undefined when it asked for nothing. */
export function operationOf({ path, model, usesModel }: RequestRecord): string | undefined {
  if (model === undefined && !usesModel) return undefined;
  if (/embed/.test(path)) return "embeddings";
  if (/rerank/.test(path)) return "rerank";
  if (/chat|messages|responses/.test(path)) return "chat";
  return /complet|generate|infill/.test(path) ? "text_completion" : undefined;
}

/** Why the request failed, in few words; undefined when it did not, or when the client was at fault. */
function errorTypeOf({ status, outcome }: RequestRecord): string | undefined {
  return outcome ?? (status >= 500 ? String(status) : undefined);
}

/** All that a span says of a request. */
export function spanAttributes(record: RequestRecord, operation: string | undefined): Attributes {
  const { requestedModel, model, settings, firstTokenSeconds } = record;
  const generated = record.generations > 0;
  return {
    "llamacpp.request.id": record.id,
    "llamacpp.dialect": record.dialect,
    "http.response.status_code": record.status,
    "error.type": errorTypeOf(record),
    ...(operation === undefined ? {} : {
      "gen_ai.operation.name": operation,
      "gen_ai.provider.name": SCOPE,
      "gen_ai.request.model": requestedModel || model,
      "gen_ai.response.model": model,
      "gen_ai.request.max_tokens": settings?.maxTokens,
      "gen_ai.request.temperature": settings?.temperature,
      "gen_ai.request.top_p": settings?.topP,
      "gen_ai.request.top_k": settings?.topK,
      "gen_ai.usage.input_tokens": generated || record.promptTokens > 0 ? record.promptTokens : undefined,
      "gen_ai.usage.output_tokens": generated ? record.generatedTokens : undefined,
      "gen_ai.usage.cache_read.input_tokens": generated ? record.cachedTokens : undefined,
      "gen_ai.response.finish_reasons": record.finishReasons.length > 0 ? record.finishReasons : undefined,
      // Names that vLLM has made usual; in seconds.
      "gen_ai.latency.time_to_first_token": firstTokenSeconds,
      "gen_ai.latency.time_in_queue": generated ? record.queueSeconds : undefined,
      "gen_ai.latency.e2e": record.seconds,
    }),
  };
}

function known(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
