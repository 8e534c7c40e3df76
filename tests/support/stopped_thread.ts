/**
 * Stops one thread of another process, so that what it computes hangs for real while the rest of the process runs on.
 * Linux only: ptrace(2), which the system may forbid for processes of others.
 */

const PTRACE_SEIZE = 0x4206n;
const PTRACE_INTERRUPT = 0x4207n;
const PTRACE_DETACH = 17n;
/** `WNOHANG | __WALL` of waitpid(2). */
const ANY_WITHOUT_WAITING = 0x40000001;

/** Milliseconds in which the busiest thread is found. */
const OBSERVE_MS = 1000;

function openLibc() {
  return Deno.dlopen("libc.so.6", {
    ptrace: { parameters: ["i64", "i64", "i64", "i64"], result: "i64" },
    waitpid: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  });
}

/** The thread runs on once this is disposed of. */
export class StoppedThread implements Disposable {
  readonly #libc = openLibc();
  readonly #reap: ReturnType<typeof setInterval>;
  readonly tid: number;

  private constructor(tid: number) {
    this.tid = tid;
    if (
      this.#ptrace(PTRACE_SEIZE) !== 0n || this.#ptrace(PTRACE_INTERRUPT) !== 0n
    ) {
      this.#libc.close();
      throw new Error(
        `Cannot stop thread ${tid}: the system does not allow it`,
      );
    }
    // Whoever traces a thread must take note of its end, or its process never ends.
    this.#reap = setInterval(
      () => this.#libc.symbols.waitpid(tid, null, ANY_WITHOUT_WAITING),
      20,
    );
  }

  /**
   * Stops a thread that computes: of those that are busy the one that began last. Threads of the runtime are older.
   * @throws when none is busy
   */
  static async computing(pid: number): Promise<StoppedThread> {
    const before = new Map(threads(pid).map(({ tid, ticks }) => [tid, ticks]));
    await new Promise((resolve) => setTimeout(resolve, OBSERVE_MS));
    const used = threads(pid)
      .map(({ tid, ticks, startedAt }) => ({
        tid,
        startedAt,
        ticks: ticks - (before.get(tid) ?? ticks),
      }))
      .filter(({ tid, ticks }) => tid !== pid && ticks > 0);
    const most = Math.max(...used.map(({ ticks }) => ticks));
    const [latest] = used.filter(({ ticks }) => ticks > most / 4).sort((a, b) => b.startedAt - a.startedAt);
    if (latest === undefined) {
      throw new Error(`Cannot stop a thread of process ${pid}: none computes`);
    }
    return new StoppedThread(latest.tid);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#reap);
    this.#ptrace(PTRACE_DETACH);
    this.#libc.close();
  }

  #ptrace(request: bigint): bigint {
    return this.#libc.symbols.ptrace(request, BigInt(this.tid), 0n, 0n);
  }
}

/** Whether threads may be stopped here: root may, others may not everywhere. */
export function mayStopThreads(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0;
}

/** Processor time that each thread has used, and when it began, in ticks. */
function threads(
  pid: number,
): { tid: number; ticks: number; startedAt: number }[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) => {
    try {
      // Fields 14, 15 and 22 of proc_pid_stat(5), counted from the one behind the name.
      const fields = Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`).split(") ")[1]
        ?.split(" ") ?? [];
      return [{
        tid: Number(name),
        ticks: Number(fields[11]) + Number(fields[12]),
        startedAt: Number(fields[19]),
      }];
    } catch {
      return []; // The thread has just ended.
    }
  });
}
