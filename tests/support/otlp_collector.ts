/** Takes what a process exports by OTLP over HTTP as JSON, on loopback. Format: https://opentelemetry.io/docs/specs/otlp */

/** A span, flattened. */
export interface CollectedSpan {
  scope: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  attributes: Record<string, unknown>;
}

interface Value {
  stringValue?: string;
  intValue?: string | number;
  doubleValue?: number;
  boolValue?: boolean;
  arrayValue?: { values: Value[] };
}
interface Scoped {
  scope: { name: string };
  spans?: (Omit<CollectedSpan, "scope" | "attributes"> & {
    attributes: { key: string; value: Value }[];
  })[];
  metrics?: { name: string }[];
}

const GIVE_UP_MS = 30_000;

/** See the module comment. */
export class OtlpCollector implements AsyncDisposable {
  readonly spans: CollectedSpan[] = [];
  /** Names of what was measured. */
  readonly metrics = new Set<string>();
  /** Everything that came, as text. */
  raw = "";
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const text = await request.text();
        this.raw += text;
        const body = JSON.parse(text) as Record<
          string,
          Record<string, Scoped[]>[]
        >;
        for (
          const resource of [
            ...body["resourceSpans"] ?? [],
            ...body["resourceMetrics"] ?? [],
          ]
        ) {
          for (
            const scoped of [
              ...resource["scopeSpans"] ?? [],
              ...resource["scopeMetrics"] ?? [],
            ]
          ) {
            this.#take(scoped);
          }
        }
        return Response.json({});
      },
    );
  }

  /** Variables that make a process export to here. */
  get env(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_METRIC_EXPORT_INTERVAL: "500",
      OTEL_BSP_SCHEDULE_DELAY: "200",
    };
  }

  /** Waits for something among what came. @throws Error when it does not come */
  async waitFor<T>(
    look: (collector: OtlpCollector) => T | undefined,
  ): Promise<T> {
    const deadline = performance.now() + GIVE_UP_MS;
    for (;;) {
      const found = look(this);
      if (found !== undefined) return found;
      if (performance.now() > deadline) {
        throw new Error(
          `Not exported in ${GIVE_UP_MS} ms; came: ${JSON.stringify(this.spans).slice(0, 4000)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #take({ scope, spans = [], metrics = [] }: Scoped): void {
    for (const { attributes, ...span } of spans) {
      const values = attributes.map(({ key, value }) => [key, plain(value)]);
      this.spans.push({
        ...span,
        scope: scope.name,
        attributes: Object.fromEntries(values),
      });
    }
    for (const { name } of metrics) this.metrics.add(name);
  }
}

function plain(value: Value): unknown {
  if (value.arrayValue) return value.arrayValue.values.map(plain);
  return value.stringValue ?? value.intValue ?? value.doubleValue ??
    value.boolValue;
}
