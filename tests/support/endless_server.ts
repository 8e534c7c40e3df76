/** A server for the chat that computes nothing. */

/** A server whose answers never end by themselves. */
export function endlessServer(): {
  server: Deno.HttpServer<Deno.NetAddr>;
  stopped: Promise<void>;
  asked: number;
} {
  const { promise, resolve } = Promise.withResolvers<void>();
  const encoder = new TextEncoder();
  const result = {
    stopped: promise,
    asked: 0,
    server: Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => {
        if (!request.url.endsWith("/api/chat")) {
          return Response.json({
            version: "0.0.1",
            capabilities: ["completion"],
          });
        }
        result.asked++;
        let timer: ReturnType<typeof setInterval> | undefined;
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            const line = JSON.stringify({
              message: { role: "assistant", content: "tick " },
              done: false,
            }) + "\n";
            timer = setInterval(
              () => controller.enqueue(encoder.encode(line)),
              20,
            );
          },
          cancel() {
            clearInterval(timer);
            resolve();
          },
        });
        return new Response(body);
      },
    ),
  };
  return result;
}
