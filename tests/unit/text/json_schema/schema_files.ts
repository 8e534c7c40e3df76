/** The schemas of tests/data/schemas. */

import { join } from "node:path";

/** A schema with the name of its file and its own. */
export interface NamedSchema {
  name: string;
  file: string;
  schema: unknown;
}

const FOLDER = join(import.meta.dirname!, "../../../data/schemas");

/** All schemas, file by file. */
export function readSchemas(): NamedSchema[] {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) =>
    name.endsWith(".json")
  );
  return files.sort().flatMap((file) => {
    const schemas = JSON.parse(Deno.readTextFileSync(join(FOLDER, file))) as Record<string, unknown>;
    return Object.entries(schemas).map(([name, schema]) => ({ name: `${file} ${name}`, file, schema }));
  });
}
