/**
 * Which model is in memory. Owns the one that is: many may use it at once, and it is exchanged only while nobody does.
 *
 * Always true: there is at most one model. Who waits for a model enters together with all others who wait for it when it
 * is there, and before the next exchange. Everybody's waiting ends: by entering, with an error, or by leaving.
 */

import type { ModelCard } from "../core/inference_service.ts";
import { ServerError } from "../core/server_error.ts";
import { decideSwap, SWAP_TIMES, type SwapTimes } from "./swap_policy.ts";

/** How models come into memory, and how long they stay. */
export interface HostOptions<M> {
  /** Names what must be in memory for a card; cards of one key share it. */
  keyOf(card: ModelCard): string;
  /** Loads a model; nothing else is in memory then. */
  load(card: ModelCard): Promise<M>;
  /**
   * Refuses a model before the present one is given up for it.
   * @throws ServerError
   */
  check?(card: ModelCard, loaded: M | undefined): Promise<void>;
  /** Requests that may wait for a model. */
  maxQueue: number;
  /** Milliseconds that an idle model stays where a request does not say; `Infinity` for ever. */
  keepAlive: number;
  times?: SwapTimes;
}

/** A model in use. It stays as it is until this is disposed of. */
export interface HostLease<M> extends Disposable {
  readonly model: M;
}

/** What is in memory. */
export interface HostedModel<M> {
  readonly card: ModelCard;
  readonly model: M;
  readonly loadedAt: Date;
  /** undefined: never. */
  readonly expiresAt: Date | undefined;
}

/** Totals since the start. */
export interface HostCounters {
  /** Models loaded on demand. */
  swaps: number;
  /** Requests that entered at the end of a swap, in all. */
  batched: number;
}

interface Loaded<M> {
  key: string;
  card: ModelCard;
  model: M;
  users: number;
  /** `performance.now()` of these moments. */
  loadedAt: number;
  idleSince: number;
  /** Milliseconds. */
  keepAlive: number;
}

interface Waiter<M> {
  key: string;
  card: ModelCard;
  keepAlive: number | undefined;
  since: number;
  enter(lease: HostLease<M>): void;
  refuse(error: unknown): void;
}

/** Longest delay of a timer; longer ones would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** See the module comment. */
export class ModelHost<M extends AsyncDisposable> implements AsyncDisposable {
  readonly #options: HostOptions<M>;
  readonly #times: SwapTimes;
  readonly #counters: HostCounters = { swaps: 0, batched: 0 };
  #loaded: Loaded<M> | null = null;
  /** In order of arrival. */
  #waiting: Waiter<M>[] = [];
  /** Ends when a model has come or gone. Nobody enters until then. */
  #change: Promise<void> | null = null;
  /** What the change loads. */
  #coming: ModelCard | null = null;
  /** Stays in memory for ever unless a request says otherwise. */
  #pinned: string | undefined;
  /** Milliseconds that the last load took, with what had to be removed before. */
  #swapMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: HostOptions<M>) {
    this.#options = options;
    this.#times = options.times ?? SWAP_TIMES;
  }

  /** The model in memory. */
  get loaded(): HostedModel<M> | undefined {
    const loaded = this.#loaded;
    if (loaded === null) return undefined;
    const { card, model, users, keepAlive } = loaded;
    const idle = users > 0 ? performance.now() : loaded.idleSince;
    return {
      card,
      model,
      loadedAt: wallTime(loaded.loadedAt),
      expiresAt: Number.isFinite(keepAlive) ? wallTime(idle + keepAlive) : undefined,
    };
  }

  /** The model in memory or, during a swap, the one that comes. */
  get current(): ModelCard | undefined {
    return this.#coming ?? this.#loaded?.card;
  }

  /** Requests that wait for a model. */
  get waiting(): number {
    return this.#waiting.length;
  }

  get counters(): Readonly<HostCounters> {
    return this.#counters;
  }

  /**
   * Takes a model that is loaded already and keeps it for ever unless a request says otherwise. Only as the first one.
   * @param loadMs how long loading it took
   */
  adopt(card: ModelCard, model: M, loadMs: number): void {
    this.#pinned = this.#options.keyOf(card);
    this.#swapMs = loadMs;
    this.#settle(card, model);
  }

  /**
   * Uses a model; loads it first where it is not in memory.
   * @param keepAlive milliseconds that it stays afterwards; undefined: the usual
   * @returns rejects with a ServerError when it cannot be had, with the signal's reason when aborted while waiting
   */
  use(card: ModelCard, keepAlive: number | undefined, signal: AbortSignal): Promise<HostLease<M>> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#closed) return Promise.reject(closedError());
    const key = this.#options.keyOf(card);
    const loaded = this.#loaded;
    if (loaded?.key === key && this.#change === null && this.#isOpen(loaded)) {
      return Promise.resolve(this.#enter(loaded, keepAlive));
    }
    const { maxQueue } = this.#options;
    if (this.#waiting.length >= Math.max(1, maxQueue)) {
      const message =
        `The queue is full: ${this.#waiting.length} requests wait for a model (--max-queue ${maxQueue})`;
      return Promise.reject(new ServerError("overloaded", message, { retryAfter: 1 }));
    }
    return this.#wait({ key, card, keepAlive, since: performance.now() }, signal);
  }

  /** Removes a model from memory: now when it is idle, else when its users have ended. */
  async unload(card: ModelCard): Promise<void> {
    const key = this.#options.keyOf(card);
    await this.#change;
    const loaded = this.#loaded;
    if (loaded?.key !== key) return;
    loaded.keepAlive = 0;
    this.#advance();
    if (loaded.users === 0) await this.#change;
  }

  /** Ends all waiting and frees the model, whoever uses it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#refuse(() => true, closedError());
    await this.#change;
    const loaded = this.#loaded;
    this.#loaded = null;
    await loaded?.model[Symbol.asyncDispose]();
  }

  #wait(
    request: Omit<Waiter<M>, "enter" | "refuse">,
    signal: AbortSignal,
  ): Promise<HostLease<M>> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        const index = this.#waiting.indexOf(waiter);
        if (index < 0) return;
        this.#waiting.splice(index, 1);
        reject(signal.reason);
        this.#advance();
      };
      const waiter: Waiter<M> = {
        ...request,
        enter: (lease) => {
          signal.removeEventListener("abort", leave);
          resolve(lease);
        },
        refuse: (error) => {
          signal.removeEventListener("abort", leave);
          reject(error);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiter);
      this.#advance();
    });
  }

  #isOpen(loaded: Loaded<M>): boolean {
    const other = this.#waiting.find(({ key }) => key !== loaded.key);
    return other === undefined || this.#decide(loaded, other).open;
  }

  #decide(loaded: Loaded<M>, other: Waiter<M>) {
    const state = { ...loaded, otherSince: other.since, swapMs: this.#swapMs };
    return decideSwap(state, performance.now(), this.#times);
  }

  #enter(loaded: Loaded<M>, keepAlive: number | undefined): HostLease<M> {
    loaded.users++;
    // As in Ollama: what a request said holds for later ones that do not say.
    if (keepAlive !== undefined) loaded.keepAlive = keepAlive;
    let held = true;
    return {
      model: loaded.model,
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        loaded.users--;
        if (loaded.users > 0) return;
        loaded.idleSince = performance.now();
        this.#advance();
      },
    };
  }

  #usualKeepAlive(key: string): number {
    return key === this.#pinned ? Infinity : this.#options.keepAlive;
  }

  /** Does whatever can be done now: lets in, begins a swap, removes an idle model, or sets a timer for the next moment. */
  #advance(): void {
    clearTimeout(this.#timer);
    if (this.#change !== null || this.#closed) return;
    const loaded = this.#loaded;
    const other = this.#waiting.find(({ key }) => key !== loaded?.key);
    if (loaded === null) {
      if (other !== undefined) this.#begin(this.#swap(other));
      return;
    }
    if (other === undefined || this.#decide(loaded, other).open) this.#admit(loaded);
    if (other === undefined) return this.#expire(loaded);
    const { swap, again } = this.#decide(loaded, other);
    if (swap) this.#begin(this.#swap(other));
    else if (again !== undefined) this.#advanceAt(again);
  }

  /** Lets in everybody who waits for the model in memory. @returns how many */
  #admit(loaded: Loaded<M>): number {
    const [entering, staying] = partition(this.#waiting, ({ key }) => key === loaded.key);
    this.#waiting = staying;
    for (const { enter, keepAlive } of entering) enter(this.#enter(loaded, keepAlive));
    return entering.length;
  }

  #expire(loaded: Loaded<M>): void {
    if (loaded.users > 0 || !Number.isFinite(loaded.keepAlive)) return;
    const due = loaded.idleSince + loaded.keepAlive;
    if (performance.now() >= due) this.#begin(this.#remove());
    // A model that is only kept does not keep the process.
    else Deno.unrefTimer(this.#advanceAt(due));
  }

  /** @param time of `performance.now()` */
  #advanceAt(time: number): ReturnType<typeof setTimeout> {
    const delay = Math.min(LONGEST_TIMER, Math.max(0, Math.ceil(time - performance.now())));
    return this.#timer = setTimeout(() => this.#advance(), delay);
  }

  #begin(change: Promise<void>): void {
    // A model that cannot be removed properly is lost memory; requests go on.
    this.#change = change.catch(() => {}).finally(() => {
      this.#change = null;
      this.#coming = null;
      this.#advance();
    });
  }

  /** Loads the model that a request waits for; when that fails, all who wait for it are told. */
  async #swap({ key, card }: Waiter<M>): Promise<void> {
    const startedAt = performance.now();
    this.#coming = card;
    try {
      await this.#options.check?.(card, this.#loaded?.model);
      if (this.#closed) return;
      await this.#remove();
      const model = await this.#options.load(card);
      this.#swapMs = performance.now() - startedAt;
      if (this.#closed) return await model[Symbol.asyncDispose]();
      this.#counters.swaps++;
      this.#counters.batched += this.#settle(card, model);
    } catch (error) {
      this.#refuse((waiter) => waiter.key === key, error);
    }
  }

  /** The model is in memory. @returns how many entered */
  #settle(card: ModelCard, model: M): number {
    const key = this.#options.keyOf(card);
    const now = performance.now();
    this.#loaded = {
      key,
      card,
      model,
      users: 0,
      loadedAt: now,
      idleSince: now,
      keepAlive: this.#usualKeepAlive(key),
    };
    return this.#admit(this.#loaded);
  }

  async #remove(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = null;
    await loaded?.model[Symbol.asyncDispose]();
  }

  #refuse(which: (waiter: Waiter<M>) => boolean, error: unknown): void {
    const [refused, staying] = partition(this.#waiting, which);
    this.#waiting = staying;
    for (const { refuse } of refused) refuse(error);
  }
}

function partition<T>(items: readonly T[], matches: (item: T) => boolean): [T[], T[]] {
  const yes: T[] = [];
  const no: T[] = [];
  for (const item of items) (matches(item) ? yes : no).push(item);
  return [yes, no];
}

function wallTime(time: number): Date {
  return new Date(performance.timeOrigin + time);
}

function closedError(): ServerError {
  return new ServerError("unavailable", "The server is shutting down", { retryAfter: 5 });
}
