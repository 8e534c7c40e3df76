/**
 * GGUF files below a folder: models, with the projectors that lie beside them. Later parts of split models are no
 * models.
 */

import { basename, dirname, join } from "node:path";
import { SPLIT_NAME } from "../gguf_check.ts";

/** A model's file. */
export interface GgufFile {
  /** Absolute path; of a split model the first part. */
  path: string;
  /** File name without `.gguf` and without the number of the part. */
  stem: string;
  /** Paths of projectors that belong to it. */
  projectors: readonly string[];
}

/** Folders in folders that are looked into; caches go three deep. */
const DEEPEST = 6;

const QUANTIZATION =
  /(?:^|[-._])((?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|NVFP4|BF16|F16|F32))(?=$|[-.])/gi;

/** The quantization that a file's name tells, as Hugging Face's tags spell it; undefined when it tells none. */
export function quantizationOfName(stem: string): string | undefined {
  return [...stem.matchAll(QUANTIZATION)].pop()?.[1]?.toUpperCase();
}

/** Every model below a folder, in the order of their paths. */
export function findModels(folder: string): GgufFile[] {
  const models: GgufFile[] = [];
  visit(folder, folder, 0, models);
  return models.sort((a, b) => a.path < b.path ? -1 : 1);
}

function visit(root: string, folder: string, depth: number, models: GgufFile[]): void {
  const names: string[] = [];
  for (const entry of readFolder(folder)) {
    const path = join(folder, entry.name);
    // Links to folders are followed; the depth ends a circle.
    const isFolder = entry.isDirectory || entry.isSymlink && isDirectory(path);
    if (isFolder) {
      if (depth < DEEPEST && !entry.name.startsWith(".")) visit(root, path, depth + 1, models);
    } else if (/\.gguf$/i.test(entry.name)) {
      names.push(entry.name);
    }
  }
  const projectors = names.filter(isProjector);
  const firsts = names.filter((name) => !isProjector(name) && isFirstPart(name));
  for (const name of firsts) {
    const stem = stemOf(name);
    const own = projectors.filter((projector) => belongs(projector, stem, folder === root));
    models.push({ path: join(folder, name), stem, projectors: own.slice(0, 1).map((p) => join(folder, p)) });
  }
}

function isProjector(name: string): boolean {
  return /mmproj/i.test(name);
}

function isFirstPart(name: string): boolean {
  const part = SPLIT_NAME.exec(name)?.[2];
  return part === undefined || Number(part) === 1;
}

/** A file's name without extension and part number. */
export function stemOf(path: string): string {
  const name = basename(path);
  return SPLIT_NAME.exec(name)?.[1] ?? name.replace(/\.gguf$/i, "");
}

/**
 * Does a projector belong to a model beside it? Its name begins like the model's; in a folder that holds one
 * model's files only, as those of repositories do, a projector without a name of its own does as well.
 */
function belongs(projector: string, stem: string, shared: boolean): boolean {
  const core = stemOf(projector).toLowerCase().replace(/mmproj/, "").replace(/(?:bf16|f16|f32|q8_0)$/, "")
    .replace(/(^|[-_.])model($|[-_.])/, "$1$2").replace(/^[-_.]+|[-_.]+$/g, "");
  return core === "" ? !shared : stem.toLowerCase().startsWith(core);
}

function readFolder(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch {
    return []; // No such folder, or not ours to read.
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** A path below a folder with forward slashes. */
export function relativePath(folder: string, path: string): string {
  return path.slice(folder.length).replace(/^[/\\]+/, "").replaceAll("\\", "/");
}

/** The folder of a path, relative and with forward slashes; empty for the folder itself. */
export function relativeFolder(folder: string, path: string): string {
  return relativePath(folder, dirname(path));
}
