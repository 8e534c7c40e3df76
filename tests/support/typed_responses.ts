/**
 * Holds recorded JSON against TypeScript types of a package: each value becomes a literal that must satisfy its type,
 * and Deno checks the file. So every member has the right type, none that the type requires is missing, and none is
 * unknown but those that are named.
 */

import { fileURLToPath } from "node:url";

const PACKAGES = fileURLToPath(
  new URL("../e2e/node_modules", import.meta.url),
);

/** A recorded value. */
export interface TypedValue {
  /** What it is, for the failure. */
  name: string;
  /** An exported type: `resources/shared#ErrorObject`. */
  type: string;
  value: unknown;
}

/** A copy without members of these names, at any depth. */
export function withoutMembers(
  value: unknown,
  names: ReadonlySet<string>,
): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => withoutMembers(item, names));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => !names.has(key)).map((
      [key, member],
    ) => [key, withoutMembers(member, names)]),
  );
}

/**
 * What the type checker has against the values; empty when nothing.
 * @param packageName of tests/e2e/node_modules
 */
export async function typeFaults(
  packageName: string,
  values: readonly TypedValue[],
): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "typed-responses-" });
  try {
    const file = `${folder}/values.ts`;
    await Deno.writeTextFile(file, sourceOf(packageName, values));
    await Deno.symlink(PACKAGES, `${folder}/node_modules`);
    const dependencies = { [packageName]: "*" };
    await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify({ type: "module", dependencies }));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--node-modules-dir=manual", "--no-lock", "--quiet", file],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).output();
    return success ? "" : new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function sourceOf(packageName: string, values: readonly TypedValue[]): string {
  return values.map(({ name, type, value }, index) => {
    const [module = "", exported = ""] = type.split("#");
    return `import type { ${exported} as T${index} } from "${packageName}/${module}";\n` +
      `// ${name}\nexport const v${index} = ${JSON.stringify(value)} satisfies T${index};\n`;
  }).join("\n");
}
