/** Lines of JSON (NDJSON) out of a stream of bytes. Pure. */

/**
 * Yields each line's value. Empty lines are skipped; a last line without a line break counts.
 * @throws Error when a line is no JSON
 */
export async function* jsonLines(
  bytes: ReadableStream<Uint8Array>,
): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of bytes) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield parse(line);
  }
  rest += decoder.decode();
  if (rest.trim() !== "") yield parse(rest);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    const shown = line.length > 80 ? `${line.slice(0, 80)}...` : line;
    throw new Error(
      `Cannot read the server's answer: ${JSON.stringify(shown)} is no JSON`,
      { cause },
    );
  }
}
