/**
 * Generates `llama.gen.ts` and `probe.gen.c` from the headers of the pinned llama.cpp source.
 *
 *     deno run -A ffi/generate.ts [--check] [SOURCE]
 *
 * SOURCE is the llama.cpp checkout; default: $LLAMA_CPP_SRC, else `.tools/llama.cpp`. `--check` writes nothing and
 * exits with 1 when a generated file differs from what the headers give. Needs a C preprocessor (`cc`, or $CC).
 */
import { parseArgs } from "node:util";
import { type Declarations, parseDeclarations } from "./gen/c_declarations.ts";
import { emitProbe, emitTypeScript, type Selection } from "./gen/emit.ts";

/** Exported by libggml. */
const GGML = [
  "ggml_backend_load",
  "ggml_backend_load_all_from_path",
  "ggml_backend_unload",
  "ggml_backend_register",
  "ggml_backend_reg_count",
  "ggml_backend_reg_get",
  "ggml_backend_reg_by_name",
  "ggml_backend_dev_count",
  "ggml_backend_dev_get",
  "ggml_backend_dev_by_name",
  "ggml_backend_dev_by_type",
];

/** Exported by libggml-base. */
const GGML_BASE = [
  "ggml_version",
  "ggml_commit",
  "ggml_log_set",
  "ggml_type_name",
  "ggml_backend_reg_name",
  "ggml_backend_reg_dev_count",
  "ggml_backend_reg_dev_get",
  "ggml_backend_reg_get_proc_address",
  "ggml_backend_dev_name",
  "ggml_backend_dev_description",
  "ggml_backend_dev_memory",
  "ggml_backend_dev_type",
  "ggml_backend_dev_get_props",
  "ggml_backend_dev_backend_reg",
  "ggml_threadpool_params_init",
];

/** Found through `ggml_backend_reg_get_proc_address` of the CPU backend. */
const CPU_BACKEND = ["ggml_threadpool_new", "ggml_threadpool_free"];

/** The same of the RPC backend. */
const RPC_BACKEND = ["ggml_backend_rpc_add_server"];

const NONBLOCKING = new Set([
  "llama_model_load_from_file",
  "llama_model_load_from_splits",
  "llama_decode",
  "llama_encode",
  "llama_model_quantize",
  "llama_synchronize",
  "llama_tokenize",
]);

/** Not needed to serve: a library without them opens all the same. */
const OPTIONAL = /^llama_(opt_|model_quantize|model_save|model_init_from_user|chat_|split_)|_file_ptr$/;

const STRUCTS = [
  "llama_model_params",
  "llama_context_params",
  "llama_batch",
  "llama_token_data",
  "llama_token_data_array",
  "llama_logit_bias",
  "llama_sampler_chain_params",
  "llama_sampler_seq_config",
  "llama_model_quantize_params",
  "llama_model_kv_override",
  "llama_model_tensor_buft_override",
  "llama_chat_message",
  "llama_perf_context_data",
  "llama_perf_sampler_data",
  "ggml_backend_dev_caps",
  "ggml_backend_dev_props",
  "ggml_threadpool_params",
];

const GGML_ENUMS = [
  "ggml_type",
  "ggml_log_level",
  "ggml_backend_dev_type",
  "ggml_sched_priority",
  "ggml_numa_strategy",
];

/** Runs the C preprocessor over llama.h (which includes the ggml headers that everybody needs) and ggml-rpc.h. */
export async function preprocess(source: string): Promise<string> {
  await Deno.stat(`${source}/include/llama.h`).catch((cause) => {
    throw new Error(`Cannot read "${source}/include/llama.h": give the llama.cpp source as $LLAMA_CPP_SRC`, {
      cause,
    });
  });
  const command = new Deno.Command(Deno.env.get("CC") ?? "cc", {
    args: [
      "-E",
      "-P",
      "-x",
      "c",
      "-I",
      `${source}/include`,
      "-I",
      `${source}/ggml/include`,
      "-include",
      `${source}/ggml/include/ggml-rpc.h`,
      `${source}/include/llama.h`,
    ],
  });
  const { code, stdout, stderr } = await command.output();
  if (code !== 0) {
    throw new Error(`Cannot preprocess "${source}/include/llama.h": ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

/** Reads the version, `x.y.z`, from the source's CMakeLists.txt. */
export async function sourceVersion(source: string): Promise<string> {
  const cmake = await Deno.readTextFile(`${source}/CMakeLists.txt`);
  const parts = ["MAJOR", "MINOR", "PATCH"].map((part) =>
    new RegExp(`set\\(LLAMA_VERSION_${part}\\s+(\\d+)\\)`).exec(cmake)?.[1]
  );
  if (parts.includes(undefined)) {
    throw new Error(`Cannot read the version of llama.cpp from "${source}/CMakeLists.txt"`);
  }
  return parts.join(".");
}

function select(declarations: Declarations, version: string): Selection {
  const llama = [...declarations.functions.values()].filter((f) =>
    f.name.startsWith("llama_") && !f.deprecated
  );
  return {
    version,
    tables: [
      { name: "LLAMA_SYMBOLS", doc: "Exported by libllama.", functions: llama.map((f) => f.name) },
      {
        name: "GGML_SYMBOLS",
        doc: "Exported by libggml: registry and loading of backends.",
        functions: GGML,
      },
      { name: "GGML_BASE_SYMBOLS", doc: "Exported by libggml-base.", functions: GGML_BASE },
    ],
    functionPointers: [...CPU_BACKEND, ...RPC_BACKEND],
    nonblocking: NONBLOCKING,
    optional: (name) => OPTIONAL.test(name),
    structs: STRUCTS,
    enums: [...declarations.enums.keys()].filter((name) => name.startsWith("llama_")).concat(GGML_ENUMS),
  };
}

/** The generated files by name, for the headers of `source`. */
export async function generate(source: string): Promise<Map<string, string>> {
  const declarations = parseDeclarations(await preprocess(source));
  return new Map([
    ["llama.gen.ts", emitTypeScript(declarations, select(declarations, await sourceVersion(source)))],
    ["probe.gen.c", emitProbe(declarations, STRUCTS)],
  ]);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { check: { type: "boolean" } },
    allowPositionals: true,
  });
  const source = positionals[0] ?? Deno.env.get("LLAMA_CPP_SRC") ??
    new URL("../.tools/llama.cpp", import.meta.url).pathname;
  let stale = 0;
  for (const [name, text] of await generate(source)) {
    const url = new URL(name, import.meta.url);
    const present = await Deno.readTextFile(url).catch(() => "");
    if (present === text) continue;
    stale++;
    if (values.check) console.error(`ffi/${name} is stale: run deno task gen`);
    else await Deno.writeTextFile(url, text);
  }
  return values.check && stale > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
