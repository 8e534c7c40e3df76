/**
 * Clients on bare sockets that do not take what they asked for: one reads some bytes a second, the other stops after the
 * head. Always holds: they never throw and end when their time is over.
 */

import { noOutcome, type Outcome } from "./outcome.ts";
import type { SoakRequest } from "./request.ts";

/** Bytes that a slow reader takes at a time, and milliseconds in between. */
const SIP_BYTES = 256;
const SIP_MS = 200;

/**
 * Sends a request and reads too slowly, then goes away.
 * @param reads false: nothing beyond the first bytes
 * @param until resolves when the client is to go
 */
export async function sendSlowly(
  port: number,
  id: string,
  { path, body, kind }: SoakRequest,
  reads: boolean,
  until: Promise<unknown>,
): Promise<Outcome> {
  const outcome = noOutcome();
  let over = false;
  void until.then(() => over = true);
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    // What is in the way of a wait for bytes: the server's silence. It ends when the socket is closed.
    void until.then(() => close(connection));
    await sendHead(connection, path, id, JSON.stringify(body));
    const buffer = new Uint8Array(SIP_BYTES);
    const length = await connection.read(buffer) ?? 0;
    outcome.status = Number(
      /^HTTP\/1\.1 (\d+)/.exec(new TextDecoder().decode(buffer.subarray(0, length)))?.[1],
    );
    while (!over) {
      await Promise.race([until, new Promise((resolve) => setTimeout(resolve, SIP_MS))]);
      if (reads && !over && await connection.read(buffer) === null) break;
    }
    outcome.end = "left";
  } catch (error) {
    // The server closes a connection that takes nothing; reading then fails.
    if (outcome.status > 0 || over) outcome.end = "left";
    else outcome.problem = `${kind}: ${error}`;
  }
  if (!(outcome.status > 0)) outcome.status = 0;
  return outcome;
}

async function sendHead(connection: Deno.Conn, path: string, id: string, body: string): Promise<void> {
  const bytes = new TextEncoder().encode(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-request-id: ${id}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It has been closed already.
  }
}
