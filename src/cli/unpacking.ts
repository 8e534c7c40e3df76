/**
 * Unpacks the files that an executable of `deno compile` carries: neither the system's loader nor libllama can open them
 * inside it. Always holds, as for the launcher of `make dist` (lib/launcher/unpacking.c): a folder appears in one step and
 * is named by what it holds; what another user could have written is not used, nor a file whose content is not the
 * index's. Contents are hashed once per boot; after that size, inode and times must be those of the seal.
 */

import { createHash } from "node:crypto";
import { dirname, isAbsolute, join, resolve } from "node:path";

/** The carried files cannot be unpacked; the message names each place that was tried. */
export class UnpackingError extends Error {
  override readonly name = "UnpackingError";
}

/** A carried file. */
interface IndexedFile {
  sha256: string;
  /** Bytes. */
  size: number;
  mode: number;
  /** Below the unpacked folder, with `/`. */
  path: string;
}

/** What there is to unpack, and for whom. */
interface Carried {
  source: string;
  files: readonly IndexedFile[];
  user: number | undefined;
}

/**
 * Where to unpack, the best place first.
 * @param env looks an environment variable up
 * @param user the user's number, undefined where users have none
 */
export function unpackingPlaces(
  env: (name: string) => string | undefined,
  user: number | undefined,
): string[] {
  const set = (name: string) => env(name) || undefined;
  const chosen = set("LLAMACPP_SERVER_CACHE_DIR");
  if (chosen !== undefined) return [resolve(chosen)];
  const places: string[] = [];
  const local = set("LOCALAPPDATA");
  const cache = set("XDG_CACHE_HOME");
  const home = set("HOME");
  if (cache !== undefined && isAbsolute(cache)) places.push(join(cache, "llamacpp-server"));
  else if (home !== undefined && isAbsolute(home)) places.push(join(home, ".cache", "llamacpp-server"));
  else if (local !== undefined) places.push(join(local, "llamacpp-server", "cache"));
  const temporary = set("TMPDIR") ?? set("TEMP") ?? "/tmp";
  return [...places, join(temporary, user === undefined ? "llamacpp-server" : `llamacpp-server-${user}`)];
}

/**
 * Makes sure that the files lie unpacked, and says where.
 * @param source the folder that holds them, with the index at `lib/index`: a line `SHA-256 SIZE MODE PATH` for each
 * @param places folders to unpack into, see `unpackingPlaces()`
 * @param user number of the user who may own them beside root
 * @returns the folder in which each file has the index's path
 * @throws UnpackingError when no place can be used
 */
export function unpackedFolder(source: string, places: readonly string[], user: number | undefined): string {
  const index = Deno.readTextFileSync(join(source, "lib", "index"));
  const files = parseIndex(index);
  const carried: Carried = { source, files, user };
  const id = createHash("sha256").update(index).digest("hex");
  const refusals: string[] = [];
  for (const place of places) {
    try {
      return provide(carried, place, join(place, id));
    } catch (error) {
      refusals.push(`\n  ${place}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const megabytes = Math.ceil(files.reduce((sum, { size }) => sum + size, 0) / 1e6);
  throw new UnpackingError(
    `Cannot unpack, there is no place for ${megabytes} MB of files:${refusals.join("")}\n` +
      "LLAMACPP_SERVER_CACHE_DIR names another folder",
  );
}

function parseIndex(text: string): IndexedFile[] {
  return text.trim().split("\n").map((line) => {
    const [sha256 = "", size, mode = "", ...path] = line.split(" ");
    return { sha256, size: Number(size), mode: parseInt(mode, 8), path: path.join(" ") };
  });
}

function provide(carried: Carried, place: string, folder: string): string {
  Deno.mkdirSync(place, { recursive: true, mode: 0o700 });
  if (!isPrivate(Deno.statSync(place), carried.user)) throw new Error("other users can write there");
  if (isSealed(carried, folder)) return folder;
  let lock: Deno.FsFile;
  try {
    lock = Deno.openSync(join(place, ".lock"), { read: true, write: true, create: true, mode: 0o600 });
  } catch (error) {
    // A place that can only be read may hold what is needed.
    if (hasRightContents(carried, folder)) return folder;
    throw error;
  }
  try {
    lock.lockSync(true);
    if (isSealed(carried, folder)) return folder;
    if (!hasRightContents(carried, folder)) unpack(carried, place, folder);
    writeSeal(carried, folder);
    return folder;
  } finally {
    lock.close();
  }
}

/** Writes everything beside the folder and puts it there in one step. */
function unpack({ source, files }: Carried, place: string, folder: string): void {
  for (const { name } of [...Deno.readDirSync(place)]) {
    // Starts that were killed left them behind; nobody else writes while the lock is held.
    if (name.startsWith(".part-")) Deno.removeSync(join(place, name), { recursive: true });
  }
  const part = join(place, ".part-new");
  const old = join(place, ".part-old");
  try {
    Deno.mkdirSync(part, { mode: 0o700 });
    for (const { path, mode, sha256 } of files) {
      const bytes = Deno.readFileSync(join(source, path));
      if (hashOf(bytes) !== sha256) throw new Error(`${path} in the executable is damaged: copy it again`);
      Deno.mkdirSync(dirname(join(part, path)), { recursive: true, mode: 0o700 });
      Deno.writeFileSync(join(part, path), bytes, { createNew: true });
      if (Deno.build.os !== "windows") Deno.chmodSync(join(part, path), mode);
    }
    if (exists(folder)) Deno.renameSync(folder, old);
    Deno.renameSync(part, folder);
  } finally {
    for (const rest of [part, old]) if (exists(rest)) Deno.removeSync(rest, { recursive: true });
  }
}

/** Nobody but this user and root can have written it. Where files have no owner, the folder's place decides. */
function isPrivate({ uid, mode }: Deno.FileInfo, user: number | undefined): boolean {
  const own = uid === null || uid === 0 || uid === user;
  return own && (mode === null || Deno.build.os === "windows" || (mode & 0o022) === 0);
}

/** A hash over the files as the file system describes them; undefined: one is missing or is not as unpacked. */
function sealOf({ files, user }: Carried, folder: string): string | undefined {
  const seal = createHash("sha256").update(textOf("/proc/sys/kernel/random/boot_id"));
  try {
    const root = Deno.lstatSync(folder);
    if (!root.isDirectory || !isPrivate(root, user)) return undefined;
    for (const { path, size } of files) {
      const info = Deno.lstatSync(join(folder, path));
      if (!info.isFile || info.size !== size || !isPrivate(info, user)) return undefined;
      seal.update(`${path} ${info.ino} ${info.mtime?.getTime()} ${info.ctime?.getTime()}\n`);
    }
  } catch {
    return undefined;
  }
  return seal.digest("hex");
}

function isSealed(carried: Carried, folder: string): boolean {
  const seal = sealOf(carried, folder);
  return seal !== undefined && seal === textOf(join(folder, ".seal"));
}

function writeSeal(carried: Carried, folder: string): void {
  try {
    Deno.writeTextFileSync(join(folder, ".seal.part"), sealOf(carried, folder) ?? "");
    Deno.renameSync(join(folder, ".seal.part"), join(folder, ".seal"));
  } catch {
    // Without a seal the next start hashes the contents again.
  }
}

function hasRightContents(carried: Carried, folder: string): boolean {
  if (sealOf(carried, folder) === undefined) return false;
  return carried.files.every(({ path, sha256 }) => hashOf(Deno.readFileSync(join(folder, path))) === sha256);
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
