/** Whether programs are here. */

/** True when the program is there and ends well; what it writes is nobody's. */
export function runs(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): boolean {
  try {
    const silent = { stdin: "null", stdout: "null", stderr: "null" } as const;
    return new Deno.Command(command, { args: [...args], ...silent, ...options }).outputSync().success;
  } catch {
    return false; // There is no such program.
  }
}
