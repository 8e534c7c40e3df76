/** What `doctor` looks at. Each check gives one finding in plain language and changes nothing that stays. */

import { existsSync, readdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { checkGguf } from "../models/gguf_check.ts";
import { loadModel } from "../models/loader.ts";
import { humanBytes } from "./banner.ts";
import type { CommandCall } from "./command.ts";
import { isServer } from "./connection.ts";
import { defaultLibDir, demoModelPath, llamaCppVersion } from "./installation.ts";
import { storeFolder } from "./local_models.ts";
import { serverAddress } from "./server_address.ts";

/** What a check found. A warning is no fault: the server starts. */
export interface Finding {
  grade: "ok" | "warn" | "fail";
  text: string;
}

/** A check with its heading. */
export interface Check {
  name: string;
  run(call: CommandCall): Finding | Promise<Finding>;
}

const ok = (text: string): Finding => ({ grade: "ok", text });
const warn = (text: string): Finding => ({ grade: "warn", text });
const fail = (text: string): Finding => ({ grade: "fail", text });

/** All checks, in their order. */
export const CHECKS: readonly Check[] = [
  { name: "Program", run: program },
  { name: "Permissions", run: permissions },
  { name: "Library", run: libraryFiles },
  { name: "Computing", run: computing },
  { name: "Model", run: modelFile },
  { name: "Memory", run: memory },
  { name: "Store", run: store },
  { name: "Port", run: port },
];

function program({ version }: CommandCall): Finding {
  const { os, arch } = Deno.build;
  return ok(
    `llamacpp-server ${version} for llama.cpp ${llamaCppVersion()}, Deno ${Deno.version.deno}, ${os} ${arch}`,
  );
}

function permissions(): Finding {
  const needed: Deno.PermissionDescriptor[] = [
    { name: "net" },
    { name: "read" },
    { name: "ffi" },
    {
      name: "sys",
    },
  ];
  const missing = needed.filter((each) => Deno.permissions.querySync(each).state !== "granted");
  if (missing.length > 0) {
    const flags = missing.map(({ name }) => `--allow-${name}`).join(" ");
    return fail(
      `Deno was started without ${flags}; "deno task serve" has what is needed`,
    );
  }
  if (Deno.permissions.querySync({ name: "write" }).state !== "granted") {
    return warn(
      "models cannot be pulled or created: Deno was started without --allow-write",
    );
  }
  return ok("everything that the server needs");
}

function libraryFiles({ options }: CommandCall): Finding {
  const folder = options.libDir ?? defaultLibDir();
  if (!existsSync(folder)) {
    return fail(
      `there is no folder "${folder}" with libllama; "make setup" builds it, --lib-dir names another`,
    );
  }
  const names = readdirSync(folder);
  if (!names.some((name) => /^(lib)?llama\.(so|dylib|dll)/.test(name))) {
    return fail(
      `there is no libllama in "${folder}"; "make setup" builds it, --lib-dir names another folder`,
    );
  }
  const variants = names.filter((name) => /ggml-cpu/.test(name)).length;
  return ok(
    `${folder}, ${variants} build${variants === 1 ? "" : "s"} for this family of processors`,
  );
}

/** Loads the embedded model: nothing else shows that the library works. */
async function computing({ options }: CommandCall): Promise<Finding> {
  try {
    const loaded = await loadModel({
      ...options,
      path: demoModelPath(),
      libDir: options.libDir ?? defaultLibDir(),
      alias: [],
      chatTemplate: undefined,
      adapters: [],
      ctxSize: 256,
      parallel: 1,
    }, () => {});
    loaded.backend[Symbol.dispose]();
    const features = processorFeatures(loaded.systemInfo);
    const shown = [features, ...loaded.devices].filter((each) => each !== "")
      .map((each) => `, ${each}`);
    return ok(
      `libllama ${loaded.llamaVersion} loads and computes, ${loaded.threads} threads${shown.join("")}`,
    );
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

/** From "CPU : SSE3 = 1 | AVX2 = 1 | REPACK = 1 | " the build that was chosen, by what it makes use of: "CPU with SSE3 AVX2". */
export function processorFeatures(systemInfo: string): string {
  const known = [...systemInfo.matchAll(/\b([A-Z][A-Z0-9_]+) = [1-9]/g)].map((
    [, name],
  ) => name ?? "");
  const features = known.filter((name) => !["OPENMP", "REPACK", "LLAMAFILE", "ACCELERATE"].includes(name));
  return features.length === 0 ? "" : `CPU with ${features.join(" ")}`;
}

function modelFile({ options }: CommandCall): Finding {
  const path = options.model ?? demoModelPath();
  try {
    const { totalSize, paths, tensors } = checkGguf(path);
    const parts = paths.length === 1 ? "" : ` in ${paths.length} files`;
    const whose = options.model === undefined ? "the embedded model; --model names yours" : path;
    return ok(
      `${whose}: ${tensors.length} tensors, ${humanBytes(totalSize)}${parts}, complete`,
    );
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function memory({ options }: CommandCall): Finding {
  const { available, total } = Deno.systemMemoryInfo();
  const free = `${humanBytes(available)} of ${humanBytes(total)} free`;
  try {
    const size = Deno.statSync(options.model ?? demoModelPath()).size;
    if (size > total) {
      return fail(
        `the model has ${humanBytes(size)}, this machine ${humanBytes(total)} of memory`,
      );
    }
    if (size > available) {
      return warn(
        `${free}, the model has ${humanBytes(size)}: it will be slow`,
      );
    }
  } catch {
    // The check of the model file has said so.
  }
  return ok(free);
}

function store({ options }: CommandCall): Finding {
  const folder = resolve(storeFolder(options));
  const exists = existsSync(folder);
  let place = folder;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  try {
    Deno.removeSync(
      Deno.makeTempFileSync({ dir: place, prefix: ".llamacpp-server-" }),
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return warn(`models cannot be stored in "${folder}": ${why}`);
  }
  return ok(
    exists ? `${folder} can be written` : `${folder} can be made when a model is stored`,
  );
}

async function port(call: CommandCall): Promise<Finding> {
  const { host, port } = call.options;
  try {
    Deno.listen({ hostname: host, port }).close();
    return ok(`${host}:${port} is free`);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) {
      return fail(
        `${host}:${port}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  const { url } = serverAddress(call);
  if (await isServer(url)) return ok(`a server answers at ${url}`);
  return fail(
    `another program listens on ${host}:${port}; --port chooses another port`,
  );
}
