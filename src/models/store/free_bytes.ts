/** Room on a disk. */

import { statfs } from "node:fs/promises";

/** Free space in a folder's file system in bytes; undefined where it cannot be found out. */
export async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return Number(bavail) * Number(bsize);
  } catch {
    return undefined;
  }
}
