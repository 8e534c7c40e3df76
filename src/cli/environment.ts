/** Environment variables, read without ever asking the user for permission on the terminal. */

/** An environment variable; one that may not be read counts as not set. */
export function allowedEnv(name: string): string | undefined {
  // Asked first: on a terminal Deno would stop to ask the user.
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) || undefined : undefined;
}

/** A variable of a flag. Ours must be readable: an API key that may not be read must not count as none. */
export function flagEnv(name: string): string | undefined {
  return name.startsWith("LLAMA") ? Deno.env.get(name) : allowedEnv(name);
}
