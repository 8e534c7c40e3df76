/**
 * Owns the opening of libllama: files, version, layout, backends.
 * Always holds: nothing is opened before `openLibrary()` is called, and a library that is not the pinned version is
 * refused with a `LibraryError` before any struct is passed to it.
 */
import { Llama } from "./llama.ts";
import {
  FUNCTION_POINTERS,
  GGML_BASE_SYMBOLS,
  GGML_SYMBOLS,
  GgmlBackendDevType,
  GgmlType,
  LLAMA_CPP_VERSION,
  LLAMA_SYMBOLS,
} from "./llama.gen.ts";
import { cString, type LibcCallbacks, type Native, readCString } from "./native.ts";
import { type FieldName, type StructName, StructView } from "./struct_view.ts";

/** libllama cannot be opened or is not the one this program was built for. */
export class LibraryError extends Error {
  override readonly name = "LibraryError";
}

/** Options of `openLibrary()`. */
export interface OpenOptions {
  /** Version to insist on, `x.y.z`; default: the one that the bindings were generated from. */
  expectedVersion?: string;
}

/** Values that `llama_*_default_params()` returns at the pinned version: they prove the struct layouts. */
const MODEL_DEFAULTS = {
  n_gpu_layers: -1,
  split_mode: 1,
  load_mode: -1,
  lazy_mode: 1,
  main_gpu: 0,
  vocab_only: 0,
  use_extra_bufts: 1,
  no_alloc: 0,
  load_mtp: 0,
};
const CONTEXT_DEFAULTS = {
  n_ctx: 512,
  n_batch: 2048,
  n_ubatch: 512,
  n_seq_max: 1,
  n_outputs_max_per_seq: 1,
  flash_attn_type: -1,
  yarn_ext_factor: -1,
  type_k: GgmlType.GGML_TYPE_F16,
  type_v: GgmlType.GGML_TYPE_F16,
  embeddings: 0,
  offload_kqv: 1,
  op_offload: 1,
  swa_full: 1,
  kv_unified: 0,
  n_samplers: 0,
  ctx_other: 0,
};

/** Opened libraries by path, with the number of those who use them. */
const shared = new Map<string, { native: Native; users: number }>();

/**
 * Opens libllama in `dir`, its libggml siblings and the compute backends that lie there. Whoever opens it while it is
 * open shares it: the tables of functions take 0.7 MB that only a garbage collection gives back.
 * @throws LibraryError when a file or symbol is missing, the version or layout differs, or no CPU backend loads
 */
export function openLibrary(dir: string, options: OpenOptions = {}): Llama {
  const path = `${dir}/${libraryFile("llama")}`;
  const { expectedVersion = LLAMA_CPP_VERSION } = options;
  const native = expectedVersion === LLAMA_CPP_VERSION
    ? openShared(dir, path)
    : openAlone(dir, path, expectedVersion);
  return new Llama(native, readCString(native.llama.llama_version()) ?? "", path);
}

function openShared(dir: string, path: string): Native {
  const entry = shared.get(path) ?? { native: openAlone(dir, path, LLAMA_CPP_VERSION), users: 0 };
  shared.set(path, entry);
  entry.users++;
  let open = true;
  return {
    ...entry.native,
    close() {
      if (!open) return;
      open = false;
      if (--entry.users > 0) return;
      shared.delete(path);
      entry.native.close();
    },
  };
}

function openAlone(dir: string, path: string, expectedVersion: string): Native {
  const opened: { close(): void }[] = [];
  try {
    return openNative(dir, path, opened, expectedVersion);
  } catch (error) {
    for (const library of opened.reverse()) library.close();
    if (error instanceof LibraryError) throw error;
    throw new LibraryError(`Cannot open libllama "${path}": ${(error as Error).message}`, { cause: error });
  }
}

/** The platform's file name of a library. */
export function libraryFile(name: string): string {
  if (Deno.build.os === "windows") return `${name}.dll`;
  return Deno.build.os === "darwin" ? `lib${name}.dylib` : `lib${name}.so`;
}

function openNative(dir: string, path: string, opened: { close(): void }[], expectedVersion: string): Native {
  const open = <const S extends Deno.ForeignLibraryInterface>(
    file: string,
    symbols: S,
  ): Deno.DynamicLibrary<S> => {
    const library = Deno.dlopen(file, symbols);
    opened.push(library);
    return library;
  };
  // Siblings first: the loader then finds them by name, whatever run path libllama was linked with. A libllama that
  // contains ggml has no siblings and exports their symbols itself.
  const sibling = (name: string): string => {
    const file = `${dir}/${libraryFile(name)}`;
    try {
      open(file, {});
      return file;
    } catch {
      return path;
    }
  };
  const basePath = sibling("ggml-base");
  const ggmlPath = sibling("ggml");
  checkVersion(path, open, expectedVersion);
  const llama = open(path, LLAMA_SYMBOLS).symbols;
  checkLayout(path, llama);
  const native: Native = {
    llama,
    ggml: open(ggmlPath, GGML_SYMBOLS).symbols,
    base: open(basePath, GGML_BASE_SYMBOLS).symbols,
    libc: openLibc(path, open),
    threadPoolNew: null,
    threadPoolFree: null,
    close: () => opened.splice(0).reverse().forEach((library) => library.close()),
  };
  llama.llama_log_set(native.libc.silence, null);
  llama.llama_backend_init();
  loadBackends(native, dir, path);
  return native;
}

type Open = <const S extends Deno.ForeignLibraryInterface>(
  file: string,
  symbols: S,
) => Deno.DynamicLibrary<S>;

function checkVersion(path: string, open: Open, expected: string): void {
  const { llama_version } = open(path, {
    llama_version: { parameters: [], result: "pointer", optional: true },
  }).symbols;
  if (llama_version === null) {
    throw new LibraryError(
      `Cannot open libllama "${path}": it is not libllama ${expected}, symbol llama_version is missing`,
    );
  }
  const version = readCString(llama_version()) ?? "";
  if (version === expected || version.startsWith(`${expected}-`) || version.startsWith(`${expected}+`)) {
    return;
  }
  throw new LibraryError(
    `Cannot open libllama "${path}": its version is "${version}", expected "${expected}"`,
  );
}

function checkLayout(path: string, llama: Native["llama"]): void {
  checkDefaults(path, "llama_model_params", llama.llama_model_default_params(), MODEL_DEFAULTS);
  checkDefaults(path, "llama_context_params", llama.llama_context_default_params(), CONTEXT_DEFAULTS);
}

function checkDefaults<S extends StructName>(
  path: string,
  name: S,
  bytes: Uint8Array<ArrayBuffer>,
  defaults: Partial<Record<FieldName<S>, number>>,
): void {
  const view = new StructView(name, bytes);
  for (const [field, expected] of Object.entries(defaults)) {
    const found = view.get(field as FieldName<S>);
    if (found !== expected) {
      throw new LibraryError(
        `Cannot open libllama "${path}": the layout of struct ${name} differs, ` +
          `default ${field} reads ${found}, expected ${expected}`,
      );
    }
  }
}

/**
 * For glibc's malloc. Left alone it learns to take caches of a context from the heap, where freed ones are not found
 * again (its aligned blocks, before 2.38) and not given back to the system: every model that comes and goes would leave
 * its cache behind. With a fixed threshold large blocks are mapped, and unmapped when they are freed.
 */
const MALLOC_OPTIONS = [
  [-3, 4 * 1024 * 1024], // M_MMAP_THRESHOLD, bytes
  [-1, 8 * 1024 * 1024], // M_TRIM_THRESHOLD, bytes: what it would have learned
] as const;

/** Finds C functions that serve as callbacks without JavaScript; see `LibcCallbacks`. */
function openLibc(path: string, open: Open): LibcCallbacks {
  const files = { linux: "libc.so.6", darwin: "/usr/lib/libSystem.B.dylib", windows: "ucrtbase.dll" };
  const file = files[Deno.build.os as keyof typeof files];
  if (file !== undefined) {
    try {
      const { abs, strlen, mallopt, malloc_trim } = open(file, {
        abs: { type: "pointer" },
        strlen: { type: "pointer" },
        mallopt: {
          parameters: ["i32", /* int param */ "i32" /* int value */],
          result: "i32",
          optional: true,
        },
        malloc_trim: {
          parameters: ["usize" /* size_t pad */],
          result: "i32",
          optional: true,
        },
      }).symbols;
      const trim = malloc_trim === null ? null : () => void malloc_trim(0n);
      for (const [param, value] of MALLOC_OPTIONS) mallopt?.(param, value);
      if (abs !== null) return { silence: abs, flag: strlen, trim };
    } catch {
      // No such libc here, or no permission to open it: do without the abort callback.
    }
  }
  const { llama_max_devices } = open(path, { llama_max_devices: { type: "pointer" } }).symbols;
  return { silence: llama_max_devices as Deno.PointerObject, flag: null, trim: null };
}

/** Loads the best backend of each kind in `dir`, unless the process has them already. */
function loadBackends(native: Native, dir: string, path: string): void {
  const { ggml, base } = native;
  const CPU = GgmlBackendDevType.GGML_BACKEND_DEVICE_TYPE_CPU;
  if (ggml.ggml_backend_dev_by_type(CPU) === null) ggml.ggml_backend_load_all_from_path(cString(dir));
  const device = ggml.ggml_backend_dev_by_type(CPU);
  if (device === null) {
    throw new LibraryError(`Cannot open libllama "${path}": no CPU backend loads from "${dir}"`);
  }
  const registry = base.ggml_backend_dev_backend_reg(device);
  const find = (name: string) => base.ggml_backend_reg_get_proc_address(registry, cString(name));
  const create = find("ggml_threadpool_new");
  const free = find("ggml_threadpool_free");
  if (create === null || free === null) return;
  type Typed<F extends Deno.ForeignFunction> = Deno.PointerObject<F>;
  const { ggml_threadpool_new: newSignature, ggml_threadpool_free: freeSignature } = FUNCTION_POINTERS;
  native.threadPoolNew = new Deno.UnsafeFnPointer(create as Typed<typeof newSignature>, newSignature);
  native.threadPoolFree = new Deno.UnsafeFnPointer(free as Typed<typeof freeSignature>, freeSignature);
}
