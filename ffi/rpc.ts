/**
 * Owns ggml's RPC backend: devices of other machines, and which of those machines models here are connected to.
 * Always holds: a server is registered once in the process, as ggml itself does, and stays so.
 *
 * What ggml sends and receives is neither encrypted nor authenticated. When a server cannot be reached, or ends while it
 * is needed, ggml ends this process: check a server before it is registered, and before a model is loaded on it.
 */
import { FUNCTION_POINTERS, GgmlBackendDevType } from "./llama.gen.ts";
import { cString, type Native, readCString } from "./native.ts";

/** Registering waits for the network. */
const ADD_SERVER = {
  ...FUNCTION_POINTERS.ggml_backend_rpc_add_server,
  nonblocking: true,
} as const;

/** Servers that models in memory are connected to, with the number of those models. */
const connected = new Map<string, number>();

/** A device that takes layers off the CPU. */
export interface OffloadDevice {
  /** As `--device` takes it, e.g. `CUDA0`, `RPC1`. */
  name: string;
  /** What it is; of a remote device the server, `host:port`. */
  description: string;
  /** The server that it belongs to, `host:port`. */
  rpcServer: string | undefined;
}

/** An `OffloadDevice` with its address. */
export interface DeviceHandle extends OffloadDevice {
  pointer: Deno.PointerObject;
}

/** The devices that libllama may put layers on, those of registered servers included. */
export function offloadDevices({ ggml, base }: Native): DeviceHandle[] {
  const {
    GGML_BACKEND_DEVICE_TYPE_GPU: GPU,
    GGML_BACKEND_DEVICE_TYPE_IGPU: INTEGRATED,
  } = GgmlBackendDevType;
  return Array.from(
    { length: Number(ggml.ggml_backend_dev_count()) },
    (_, i) => {
      const pointer = ggml.ggml_backend_dev_get(BigInt(i)) as Deno.PointerObject;
      const type: number = base.ggml_backend_dev_type(pointer);
      if (type !== GPU && type !== INTEGRATED) return [];
      const description = readCString(base.ggml_backend_dev_description(pointer)) ?? "";
      const registry = readCString(base.ggml_backend_reg_name(base.ggml_backend_dev_backend_reg(pointer)));
      return [{
        pointer,
        name: readCString(base.ggml_backend_dev_name(pointer)) ?? "",
        description,
        rpcServer: registry === "RPC" ? description : undefined,
      }];
    },
  ).flat();
}

/** True when the RPC backend was found among the libraries. */
export function supportsRpc(native: Native): boolean {
  return addServer(native) !== null;
}

/**
 * Registers the devices of a server. Does not block.
 * @param server `host:port`, IPv4 or a name; it must answer, see above
 * @throws Error when there is no RPC backend, or the server has no device
 */
export async function addRpcServer(native: Native, server: string): Promise<void> {
  const pointer = addServer(native);
  if (pointer === null) {
    throw new Error(`Cannot add the RPC server "${server}": there is no RPC backend`);
  }
  const add = new Deno.UnsafeFnPointer(pointer as Deno.PointerObject<typeof ADD_SERVER>, ADD_SERVER);
  const endpoint = cString(server);
  const registry = await add.call(endpoint);
  void endpoint.length; // referenced until here
  if (registry === null) {
    throw new Error(`Cannot add the RPC server "${server}": it has no device`);
  }
  native.ggml.ggml_backend_register(registry);
}

/** True while a model in memory uses this server, which serves one process at a time. */
export function usesRpcServer(server: string): boolean {
  return connected.has(server);
}

/** Notes that a model uses these devices. @returns takes it back */
export function holdRpcServers(devices: readonly OffloadDevice[]): () => void {
  const servers = [...new Set(devices.map(({ rpcServer }) => rpcServer))]
    .filter((each) => each !== undefined);
  for (const server of servers) {
    connected.set(server, (connected.get(server) ?? 0) + 1);
  }
  return () => {
    for (const server of servers.splice(0)) {
      const count = (connected.get(server) ?? 1) - 1;
      if (count > 0) connected.set(server, count);
      else connected.delete(server);
    }
  };
}

function addServer({ ggml, base }: Native): Deno.PointerValue {
  const registry = ggml.ggml_backend_reg_by_name(cString("RPC"));
  if (registry === null) return null;
  return base.ggml_backend_reg_get_proc_address(registry, cString("ggml_backend_rpc_add_server"));
}
