import assert from "node:assert/strict";
import { IdleTrack } from "../../bench/soak/idle_track.ts";
import { Ledger } from "../../bench/soak/ledger.ts";
import { noOutcome, type Outcome } from "../../bench/soak/outcome.ts";

function outcome(changes: Partial<Outcome>): Outcome {
  return { ...noOutcome(), ...changes };
}

Deno.test("Ledger agrees with a request whose client and log line tell the same, in either order", () => {
  const ledger = new Ledger();
  ledger.begin("a");
  ledger.begin("b");
  ledger.end("a", outcome({ end: "done", status: 200, tokens: 5 }));
  ledger.logged({ id: "a", status: 200, generated_tokens: 5 }, false);
  ledger.logged({ id: "b", status: 200, finish_reason: "cancelled" }, false);
  ledger.end("b", outcome({ end: "left", status: 200 }));
  ledger.settle();
  assert.deepEqual([ledger.agreed, ledger.open, ledger.problemCount], [2, 0, 0]);
  assert.deepEqual([...ledger.lines, ...ledger.cut], [[200, 2], ["cancelled", 1]]);
});

Deno.test("Ledger tells of a missing line, a line too many, another status, other tokens, a cut answer", () => {
  const cases: [Outcome, object[], RegExp][] = [
    [outcome({ end: "done", status: 200 }), [], /no log line/],
    [outcome({ end: "done", status: 200 }), [{ status: 200 }, { status: 200 }], /a log line too many/],
    [outcome({ end: "done", status: 400 }), [{ status: 200 }], /another status/],
    [
      outcome({ end: "done", status: 200, tokens: 4 }),
      [{ status: 200, generated_tokens: 5 }],
      /other tokens/,
    ],
    [
      outcome({ end: "done", status: 200 }),
      [{ status: 200, finish_reason: "slow_reader" }],
      /cut for the server/,
    ],
    [outcome({ end: "left", status: 200 }), [{ status: 200, finish_reason: "error" }], /a fault/],
  ];
  for (const [seen, lines, problem] of cases) {
    const ledger = new Ledger();
    ledger.begin("a");
    ledger.end("a", seen);
    for (const line of lines) ledger.logged({ id: "a", status: 0, ...line }, false);
    ledger.settle();
    assert.equal(ledger.problemCount, 1, String(problem));
    assert.match(ledger.problems[0]!, problem);
  }
});

Deno.test("Ledger excuses a client that left before it had an answer, and the measurement's own requests", () => {
  const ledger = new Ledger();
  ledger.begin("a");
  ledger.end("a", outcome({ end: "left" }));
  ledger.logged({ id: "own", status: 200 }, true);
  ledger.settle();
  assert.deepEqual([ledger.unseen, ledger.problemCount], [1, 0]);
});

Deno.test("IdleTrack tells a leak from garbage that comes and goes", () => {
  const track = (rss: (i: number) => number) => {
    const idle = new IdleTrack();
    for (let i = 0; i < 12; i++) {
      idle.record({ at: i + 1, rss: rss(i), anonymous: rss(i), heap: 1, files: 9, threads: 9 });
    }
    return idle.late("rss") / idle.early("rss");
  };
  assert.ok(track((i) => i < 1 ? 150 : 180 + 20 * (i % 4)) <= 1.05);
  assert.ok(track((i) => 180 + 20 * (i % 4) + 5 * i) > 1.05);
});
