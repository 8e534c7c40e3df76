/** Runs named checks one after another and reports each as a line of JSON; see tests/support/client_tools.ts. */

export const BASE_URL = process.env.BASE_URL;

const checks = [];

/** Adds a check; it fails by throwing. */
export function check(name, fn) {
  checks.push({ name, fn });
}

/** Runs all checks and reports them. */
export async function report() {
  for (const { name, fn } of checks) {
    const result = { name };
    try {
      await fn();
    } catch (error) {
      result.error = String(error?.stack ?? error);
    }
    console.log(JSON.stringify(result));
  }
  console.log(JSON.stringify({ done: checks.length }));
}
