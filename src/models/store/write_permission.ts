/** What this process may write. Asked before writing: on a terminal Deno would stop everything to ask the user. */

import { ServerError } from "../../core/server_error.ts";

/** May this process write below a path? */
export function mayWrite(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state === "granted";
}

/** @throws ServerError `forbidden` unless this process may write below the path */
export function demandWrite(path: string): void {
  if (mayWrite(path)) return;
  throw new ServerError(
    "forbidden",
    `Cannot write to the model store "${path}": this server was started without permission (--allow-write)`,
  );
}
