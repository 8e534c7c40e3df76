/** `deno task parity NAME [flag ...]`: compares this server with llama-server in one respect. */

import { compareEmbeddings } from "./embeddings.ts";
import { compareLogprobs } from "./logprobs.ts";
import { compareNative } from "./native.ts";
import { compareTemplates } from "./templates.ts";
import { compareTools } from "./tool_formats.ts";

const COMPARISONS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  embeddings: compareEmbeddings,
  logprobs: compareLogprobs,
  native: compareNative,
  templates: compareTemplates,
  tools: compareTools,
};

const [name = "", ...args] = Deno.args;
const comparison = Object.hasOwn(COMPARISONS, name) ? COMPARISONS[name] : undefined;
if (comparison === undefined) {
  console.error(`Cannot compare "${name}": know ${Object.keys(COMPARISONS).join(", ")}`);
  Deno.exit(2);
}
Deno.exit(await comparison(args));
