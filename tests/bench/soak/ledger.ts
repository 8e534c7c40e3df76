/**
 * Accounts for every request: what its client saw against the server's log line of the same id. A request is forgotten
 * when both agree, so what is kept does not grow with time.
 */

import type { Outcome } from "./outcome.ts";

/** Of a log line, what counts here. */
export interface RequestLine {
  id: string;
  status: number;
  finish_reason?: string;
  generated_tokens?: number;
}

interface Entry {
  outcome?: Outcome;
  line?: RequestLine;
}

/** Ends of a request that its client must not have seen as a whole answer. */
const CUT = ["cancelled", "slow_reader", "error"];

/** Problems that are told one by one. */
const TOLD = 20;

/** See the module comment. */
export class Ledger {
  readonly #open = new Map<string, Entry>();
  /** Log lines by status, and by reason of those that were cut; probes are among neither. */
  readonly lines = new Map<number, number>();
  readonly cut = new Map<string, number>();
  /** Requests that were sent, agreed upon, and left before the server knew of them. */
  sent = 0;
  agreed = 0;
  unseen = 0;
  /** Tokens of whole answers by the log. */
  loggedTokens = 0;
  problemCount = 0;
  readonly problems: string[] = [];

  /** Requests whose client or log line is still to come. */
  get open(): number {
    return this.#open.size;
  }

  /** A request is about to be sent. */
  begin(id: string): void {
    this.sent++;
    this.#open.set(id, {});
  }

  /** Its client has ended. */
  end(id: string, outcome: Outcome): void {
    const entry = this.#open.get(id);
    if (entry === undefined) return this.#problem(`${id} ended twice`);
    entry.outcome = outcome;
    this.#compare(id, entry);
  }

  /**
   * The server has written a line.
   * @param own a request of the measurement itself
   */
  logged(line: RequestLine, own: boolean): void {
    count(this.lines, line.status);
    if (line.finish_reason !== undefined && CUT.includes(line.finish_reason)) {
      count(this.cut, line.finish_reason);
    }
    this.loggedTokens += line.generated_tokens ?? 0;
    if (own) return;
    const entry = this.#open.get(line.id);
    if (entry === undefined || entry.line !== undefined) {
      return this.#problem(`a log line too many: ${JSON.stringify(line)}`);
    }
    entry.line = line;
    this.#compare(line.id, entry);
  }

  /** The server is idle and its log read to the end: what is open now stays so. */
  settle(): void {
    for (const [id, { outcome, line }] of this.#open) {
      if (outcome?.status === 0 && outcome.end === "left") this.unseen++;
      else this.#problem(`${id} has ${line ? "no end" : "no log line"}: ${JSON.stringify(outcome ?? line)}`);
    }
    this.#open.clear();
  }

  #compare(id: string, { outcome, line }: Entry): void {
    if (outcome === undefined || line === undefined) return;
    this.#open.delete(id);
    this.agreed++;
    const why = disagreement(outcome, line);
    if (why) {
      this.#problem(`${id}: ${why}: ${JSON.stringify({ ...outcome, gaps: [] })} ${JSON.stringify(line)}`);
    }
  }

  #problem(text: string): void {
    this.problemCount++;
    if (this.problems.length < TOLD) this.problems.push(text);
  }
}

/** What the two say differently, else "". */
function disagreement(outcome: Outcome, line: RequestLine): string {
  if (outcome.status > 0 && outcome.status !== line.status) return "another status";
  const reason = line.finish_reason ?? "";
  if (outcome.end === "left") return reason === "error" ? "a fault" : "";
  if (outcome.end === "failed") return "";
  if (CUT.includes(reason)) return "cut for the server, whole for the client";
  const { tokens } = outcome;
  return Number.isNaN(tokens) || tokens === (line.generated_tokens ?? 0) ? "" : "other tokens";
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
