/** Every model that can be named: those of the running server, and those on disk. */

import type { ModelCard } from "../../core/inference_service.ts";
import type { Call } from "../endpoint.ts";

/** The models, the running server's own first. */
export async function allModels({ service, models }: Pick<Call, "service" | "models">): Promise<ModelCard[]> {
  const own = service.models();
  const names = new Set(own.map(({ id }) => nameKey(id)));
  // A file of the server's may have another name on disk; stored models that say the same are still several.
  const digests = new Set(own.map(({ digest }) => digest));
  const others = (await models?.list() ?? []).filter(({ id, digest, stored }) =>
    !names.has(nameKey(id)) && (stored !== undefined || !digests.has(digest))
  );
  return [...own, ...others];
}

function nameKey(id: string): string {
  return id.toLowerCase().replace(/:latest$/, "");
}
