/**
 * Compares every template of llama.cpp's `models/templates` with llama-server's `/apply-template`, byte for byte:
 *
 *   deno task parity templates [--record] [--show] [template ...]
 *
 * Prints a table and every difference with its explanation (`template_differences.ts`); ends with 1 when one has none.
 * `--record` writes the digests of llama-server's texts for the unit test, `--show` prints where texts part.
 */

import { join } from "node:path";
import { markdownTable } from "../bench/markdown_table.ts";
import { CONVERSATIONS } from "./template_conversations.ts";
import {
  digestOf,
  openTemplate,
  type Outcome,
  renderHere,
  TEMPLATE_FOLDER,
  templateNames,
} from "./template_cases.ts";
import { explanationOf } from "./template_differences.ts";
import { TemplatePeer } from "./template_peer.ts";
import { writeFixture } from "./template_fixture.ts";

/** How the outcomes of one conversation compare. */
type Verdict = "same" | "both refuse" | "differs" | "peer refuses" | "we refuse";

const SIGNS: Readonly<Record<Verdict, string>> = {
  same: "=",
  "both refuse": "r",
  differs: "D",
  "peer refuses": "p",
  "we refuse": "R",
};

interface Comparison {
  template: string;
  conversation: string;
  verdict: Verdict;
  here: Outcome;
  peer: Outcome;
}

function verdictOf(here: Outcome, peer: Outcome): Verdict {
  if ("text" in here) return "text" in peer ? here.text === peer.text ? "same" : "differs" : "peer refuses";
  return "text" in peer ? "we refuse" : "both refuse";
}

async function compare(template: string): Promise<Comparison[]> {
  await using server = await TemplatePeer.start(join(TEMPLATE_FOLDER, `${template}.jinja`));
  const ours = openTemplate(template, await server.specials());
  const comparisons: Comparison[] = [];
  for (const conversation of CONVERSATIONS) {
    const here = renderHere(ours, conversation);
    const peer = await server.render(conversation);
    const verdict = verdictOf(here, peer);
    comparisons.push({ template, conversation: conversation.name, verdict, here, peer });
  }
  return comparisons;
}

function show({ here, peer }: Comparison): void {
  for (const [name, outcome] of Object.entries({ here, peer })) {
    if ("refusal" in outcome) console.log(`    ${name}: refuses: ${outcome.refusal.slice(0, 600)}`);
  }
  if (!("text" in here) || !("text" in peer)) return;
  let at = 0;
  while (here.text[at] === peer.text[at]) at++;
  for (const [name, { text }] of Object.entries({ here, peer })) {
    console.log(`    ${name}: ${JSON.stringify(text.slice(Math.max(0, at - 60), at + 120))}`);
  }
}

/** @returns exit code */
export async function compareTemplates(args: readonly string[]): Promise<number> {
  const [record, detailed] = ["--record", "--show"].map((flag) => args.includes(flag));
  const wanted = args.filter((arg) => !arg.startsWith("--"));
  const names = templateNames().filter((name) => wanted.length === 0 || wanted.includes(name));
  if (names.length === 0) {
    throw new Error(`Cannot find templates in "${TEMPLATE_FOLDER}": run \`make\` first`);
  }
  const started = new Date();
  const all: Comparison[] = [];
  for (const name of names) all.push(...await compare(name));
  console.log(
    markdownTable(
      ["template", ...CONVERSATIONS.map((_, i) => String(i + 1))],
      names.map((
        name,
      ) => [name, ...all.filter(({ template }) => template === name).map(({ verdict }) => SIGNS[verdict])]),
    ),
  );
  console.log("\n" + CONVERSATIONS.map(({ name }, i) => `${i + 1} ${name}`).join(", "));
  console.log(Object.entries(SIGNS).map(([verdict, sign]) => `${sign} ${verdict}`).join(", ") + "\n");
  const open = report(all, detailed === true);
  if (record && wanted.length === 0) {
    const outcomes = all.map(({ template, conversation, peer }) => ({
      template,
      conversation,
      digest: digestOf(peer),
    }));
    await writeFixture(started, await peerSpecials(names[0]!), outcomes);
  }
  return open > 0 ? 1 : 0;
}

async function peerSpecials(template: string): Promise<{ bosToken: string; eosToken: string }> {
  await using server = await TemplatePeer.start(join(TEMPLATE_FOLDER, `${template}.jinja`));
  return await server.specials();
}

/** Prints totals and differences. @returns how many differences nobody has explained */
function report(all: readonly Comparison[], detailed: boolean): number {
  let open = 0;
  for (const comparison of all) {
    const { template, conversation, verdict } = comparison;
    if (verdict === "same" || verdict === "both refuse") continue;
    const why = explanationOf(template, conversation);
    if (why === undefined) open++;
    console.log(`- ${template}, ${conversation}: ${verdict}. ${why ?? "NOT EXPLAINED"}`);
    if (detailed) show(comparison);
  }
  const count = (verdict: Verdict) => all.filter((comparison) => comparison.verdict === verdict).length;
  const totals = (Object.keys(SIGNS) as Verdict[]).map((verdict) => `${count(verdict)} ${verdict}`);
  console.log(
    `\n${all.length} comparisons: ${totals.join(", ")}; ${open} differences without an explanation`,
  );
  return open;
}
