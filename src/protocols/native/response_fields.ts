/** `response_fields`: the part of an answer that the client wants. */

/**
 * Picks members by path; `timings/prompt_n` becomes a member of that very name. What is not there is left out.
 * @param fields paths with slashes; empty keeps everything
 */
export function selectFields(
  answer: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): Readonly<Record<string, unknown>> {
  if (fields.length === 0) return answer;
  const selected: Record<string, unknown> = {};
  for (const path of fields) {
    let value: unknown = answer;
    for (const key of path.split("/")) {
      value = typeof value === "object" && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined;
    }
    if (value !== undefined) selected[path] = value;
  }
  return selected;
}
