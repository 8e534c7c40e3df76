/** A file system of a few MiB, for tests of full disks. Only root may mount one. */

import { runs } from "./runs.ts";

/** Mounts it on a new folder. @returns undefined where that is not allowed */
export function mountSmallDisk(
  path: string,
  mib: number,
): Disposable | undefined {
  Deno.mkdirSync(path);
  if (!runs("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", path])) {
    return undefined;
  }
  return {
    [Symbol.dispose]() {
      // Whoever still has a file open there does not keep it from view.
      if (!runs("umount", ["-l", path])) {
        throw new Error(`Cannot unmount "${path}"`);
      }
    },
  };
}

/** Whether small disks can be had here. */
export function canMountSmallDisk(): boolean {
  const path = Deno.makeTempDirSync({ prefix: "llamacpp-server-test-" });
  try {
    using disk = mountSmallDisk(`${path}/disk`, 1);
    return disk !== undefined;
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}
