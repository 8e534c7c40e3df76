/** Failed writes in words for people: a full disk and a missing permission are no defects of the server. */

import { ServerError } from "../../core/server_error.ts";

/** No space, quota used up, larger than the file system or `ulimit -f` allows. */
const FULL = /^(ENOSPC|EDQUOT|EFBIG)$/;
/** Deno gives some of these errors without a code: the numbers are Linux's and macOS's, 112 is Windows'. */
const FULL_NUMBER = /os error (27|28|69|112|122)\)/;

/**
 * What to throw for a failed write.
 * @param action what could not be done: `store the blob sha256:…`
 */
export function writeFailure(action: string, cause: unknown): ServerError {
  if (cause instanceof ServerError) return cause;
  const code = (cause as { code?: unknown } | null)?.code;
  if (FULL.test(String(code)) || FULL_NUMBER.test((cause as Error | null)?.message ?? "")) {
    return new ServerError("unavailable", `Cannot ${action}: the disk is full`, { cause });
  }
  if (cause instanceof Deno.errors.NotCapable) {
    return new ServerError(
      "forbidden",
      `Cannot ${action}: this server was started without permission to write there`,
      { cause },
    );
  }
  if (cause instanceof Deno.errors.PermissionDenied || code === "EROFS") {
    return new ServerError("forbidden", `Cannot ${action}: ${(cause as Error).message}`, { cause });
  }
  return ServerError.from(cause);
}
