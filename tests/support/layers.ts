/**
 * The layer rule: which room may import which. Reads the text of every source file, so type-only imports count too.
 * Run it with `deno task layers`; it prints one line a violation and ends with 1 when there is any.
 *
 * cli, http -> protocols -> pipeline -> chat, text, engine, models -> ffi; all may import core, core imports nothing.
 */

import * as path from "node:path";
import process from "node:process";

/** A room's height: files import their own room and lower ones. Rooms of one height must not form a circle. */
const HEIGHTS: Readonly<Record<string, number>> = {
  main: 6,
  cli: 5,
  http: 5,
  web: 4,
  protocols: 4,
  pipeline: 3,
  chat: 2,
  text: 2,
  engine: 2,
  models: 2,
  ffi: 1,
  core: 0,
};

/** The only files outside `ffi/` that may import it. */
const FFI_USERS = [
  "src/engine/llama_backend.ts",
  "src/engine/llama_embedder.ts",
  "src/engine/llama_sampler.ts",
  "src/engine/sampler_steps.ts",
  "src/models/loader.ts",
  "src/models/quantize.ts", // llama_model_quantize is a whole operation on files: no room but models needs it
  "src/text/tokenizer.ts",
];

/** Names of the C world that only `ffi/` may say. */
const NATIVE_NAMES =
  /\bDeno\s*\.\s*(dlopen|UnsafePointer|UnsafePointerView|UnsafeCallback|UnsafeFnPointer)\b/;

/** One breach of the rule. */
export interface Violation {
  /** File relative to the repository root, with forward slashes. */
  file: string;
  message: string;
}

/** One import or re-export. */
export interface Import {
  specifier: string;
  /** `import type` or `export type`: nothing of it is left at run time. */
  typeOnly: boolean;
}

/** Imports and re-exports of a module, static and dynamic ones with a literal specifier. */
export function importsOf(source: string): Import[] {
  const code = withoutComments(source);
  const found: Import[] = [];
  const fixed = /(?:^|[;}\n])\s*(?:import|export)(\s+type)?\b(?:[^;"'`]*?\bfrom)?\s*(["'])([^"'\n]+)\2/g;
  for (const match of code.matchAll(fixed)) {
    found.push({ specifier: match[3] ?? "", typeOnly: match[1] !== undefined });
  }
  for (const match of code.matchAll(/\bimport\s*\(\s*(["'`])([^"'`\n]+)\1/g)) {
    found.push({ specifier: match[2] ?? "", typeOnly: false });
  }
  return found;
}

/** Replaces comments by nothing and leaves strings as they are. */
function withoutComments(source: string): string {
  const strings = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/;
  const comments = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/;
  const both = new RegExp(`(${strings.source})|${comments.source}`, "g");
  return source.replace(both, (_all, text: string | undefined) => text ?? "");
}

/** The room of a file, or undefined for files that the rule does not cover. */
function roomOf(file: string): string | undefined {
  if (file === "main.ts") return "main";
  if (file.startsWith("ffi/")) return "ffi";
  const room = /^src\/([^/]+)\//.exec(file)?.[1];
  return room;
}

/** The dialect of a file below `src/protocols/`; `shared` is none. */
function dialectOf(file: string): string | undefined {
  const folder = /^src\/protocols\/([^/]+)\//.exec(file)?.[1];
  return folder === "shared" ? undefined : folder;
}

/** Checks a whole tree at once, given as file names relative to the root and their sources. */
export function checkLayers(files: ReadonlyMap<string, string>): Violation[] {
  const violations: Violation[] = [];
  const roomImports = new Map<string, Map<string, string>>();
  for (const [file, source] of files) {
    const room = roomOf(file);
    if (room === undefined) continue;
    const complain = (message: string) => violations.push({ file, message });
    if (HEIGHTS[room] === undefined) {
      complain(`lies in the unknown room "${room}"; give it a height in tests/support/layers.ts`);
      continue;
    }
    if (room !== "ffi" && NATIVE_NAMES.test(withoutComments(source))) {
      complain(`uses ${NATIVE_NAMES.exec(withoutComments(source))?.[0]}; pointers stay in ffi/`);
    }
    for (const imported of importsOf(source)) {
      const target = resolve(file, imported.specifier);
      const problem = target === undefined
        ? packageProblem(file, room, imported)
        : fileProblem(file, room, target);
      if (problem !== undefined) complain(problem);
      const targetRoom = target === undefined ? undefined : roomOf(target);
      if (targetRoom !== undefined && targetRoom !== room && HEIGHTS[targetRoom] === HEIGHTS[room]) {
        const edges = roomImports.get(room) ?? new Map<string, string>();
        edges.set(targetRoom, file);
        roomImports.set(room, edges);
      }
    }
  }
  return [...violations, ...circles(roomImports)];
}

/** The imported file relative to the root, or undefined for a package. */
function resolve(file: string, specifier: string): string | undefined {
  return specifier.startsWith(".") ? path.posix.join(path.posix.dirname(file), specifier) : undefined;
}

function packageProblem(file: string, room: string, imported: Import): string | undefined {
  const { specifier } = imported;
  if (specifier.startsWith("jsr:") || /^https?:/.test(specifier)) {
    return `imports "${specifier}"; packages come from npm`;
  }
  if (room === "core") return `imports "${specifier}"; core imports nothing`;
  const isZod = specifier === "zod" || specifier.startsWith("zod/");
  if (isZod && !imported.typeOnly && !/(^|_)schema\.ts$/.test(path.posix.basename(file))) {
    return `imports "${specifier}"; only schema.ts and *_schema.ts files do`;
  }
  return undefined;
}

function fileProblem(file: string, room: string, target: string): string | undefined {
  const targetRoom = roomOf(target);
  if (targetRoom === undefined) {
    if (target.startsWith("tests/")) return `imports ${target}; tests are not for the server`;
    return room === "core" ? `imports ${target}; core imports nothing` : undefined;
  }
  if (targetRoom === "ffi" && room !== "ffi" && !FFI_USERS.includes(file)) {
    return `imports ${target}; of ffi/ only ${FFI_USERS.join(", ")} may know`;
  }
  const from = dialectOf(file);
  const to = dialectOf(target);
  if (room === "protocols" && targetRoom === "protocols" && to !== undefined && from !== to) {
    return `imports ${target}; no protocol knows another`;
  }
  if (targetRoom !== room && (HEIGHTS[targetRoom] ?? 0) > (HEIGHTS[room] ?? 0)) {
    return `imports ${target}; ${room} lies below ${targetRoom}`;
  }
  return undefined;
}

/** Circles among rooms of one height: `chat` and `text` may import each other in one direction only. */
function circles(edges: ReadonlyMap<string, ReadonlyMap<string, string>>): Violation[] {
  const violations: Violation[] = [];
  for (const [room, targets] of edges) {
    for (const [target, file] of targets) {
      if (reaches(edges, target, room)) {
        violations.push({
          file,
          message: `imports ${target}, which imports ${room} again, directly or through others`,
        });
      }
    }
  }
  return violations;
}

function reaches(edges: ReadonlyMap<string, ReadonlyMap<string, string>>, from: string, to: string): boolean {
  const seen = new Set<string>();
  const open = [from];
  for (let room = open.pop(); room !== undefined; room = open.pop()) {
    if (room === to) return true;
    if (seen.has(room)) continue;
    seen.add(room);
    open.push(...(edges.get(room)?.keys() ?? []));
  }
  return false;
}

/** The server's sources below a repository root. */
export function readSources(root: string): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(path.join(root, folder))) {
      const name = path.posix.join(folder, entry.name);
      if (entry.isDirectory) visit(name);
      else if (/\.tsx?$/.test(entry.name)) files.set(name, Deno.readTextFileSync(path.join(root, name)));
    }
  };
  visit("src");
  visit("ffi");
  try {
    files.set("main.ts", Deno.readTextFileSync(path.join(root, "main.ts")));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files;
}

if (import.meta.main) {
  const files = readSources(".");
  const violations = checkLayers(files);
  for (const { file, message } of violations) console.error(`${file}: ${message}`);
  console.error(
    violations.length === 0 ? `Layer rule holds in ${files.size} files` : `${violations.length} violations`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}
