/** Speaks to the inspector of a server that was started with `--inspect`: V8's own view of its heap. */

/** V8's heap, in bytes. */
export interface HeapUsage {
  /** Of objects and code, and of memory that array buffers hold outside. */
  used: number;
  /** Taken from the system for objects and code. */
  committed: number;
}

/**
 * Collects all garbage of the JavaScript heap, and tells what is left.
 * @param url the inspector's WebSocket, which the process names on stderr
 * @throws Error when the inspector is not there or refuses
 */
export async function collectGarbage(url: string): Promise<HeapUsage> {
  const socket = new WebSocket(url);
  try {
    await opened(socket, url);
    await call(socket, "HeapProfiler.collectGarbage");
    const { usedSize, totalSize, backingStorageSize = 0 } = await call(socket, "Runtime.getHeapUsage");
    return { used: usedSize! + backingStorageSize, committed: totalSize! };
  } finally {
    await closed(socket);
  }
}

/** Calls a method without parameters; one at a time. */
function call(socket: WebSocket, method: string): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    socket.onclose = () => reject(new Error(`${method}: the inspector has closed the connection`));
    socket.onmessage = ({ data }) => {
      const { id, error, result } = JSON.parse(data);
      if (id !== 1) return;
      if (error) reject(new Error(`${method}: ${error.message}`));
      else resolve(result);
    };
    socket.send(JSON.stringify({ id: 1, method }));
  });
}

function opened(socket: WebSocket, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`Cannot reach the inspector ${url}`));
  });
}

function closed(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return Promise.resolve();
  return new Promise((resolve) => {
    socket.onclose = () => resolve();
    socket.close();
  });
}
