/**
 * Pulls a model into a store and ends; for tests that kill it. Arguments: store, name. Prints "pulling" and
 * "success".
 */

import { LocalModels } from "../../src/models/manager.ts";
import { DOWNLOAD_OPTIONS } from "../../src/models/pull/blob_download.ts";

const [store = "", name = ""] = Deno.args;
const models = new LocalModels({
  store,
  libDir: "",
  download: { ...DOWNLOAD_OPTIONS, parts: { count: 4, min: 200_000, max: 1e9 }, checkpointBytes: 100_000 },
});
let said = false;
for await (const { status, digest } of models.pull(name, { insecure: true }, new AbortController().signal)) {
  if (digest !== undefined && !said) {
    said = true;
    console.log("pulling");
  }
  if (status === "success") console.log("success");
}
