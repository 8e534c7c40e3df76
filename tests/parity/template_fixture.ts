/**
 * Digests of llama-server's texts: `tests/data/templates/digests.json`, for the unit test that compares all templates
 * without llama-server. Written by `deno task parity templates --record`.
 */

/** Where they are. */
const FILE = new URL("../data/templates/digests.json", import.meta.url);

/** What was recorded. */
export interface TemplateFixture {
  /** Local time of the recording, `YYYY-MM-DDTHH:MM:SS`: templates print the date. */
  recordedAt: string;
  /** The special tokens of the peer's model. */
  specials: { bosToken: string; eosToken: string };
  conversations: readonly string[];
  /** For each template one digest per conversation, with a space between; `-` is a refusal. */
  digests: Readonly<Record<string, string>>;
}

/** One outcome of llama-server. */
export interface RecordedOutcome {
  template: string;
  conversation: string;
  /** Of llama-server's text. */
  digest: string;
}

/** Reads what was recorded. */
export function readFixture(): TemplateFixture {
  return JSON.parse(Deno.readTextFileSync(FILE));
}

/** Replaces what was recorded. Outcomes are grouped by template, in the order of conversations. */
export async function writeFixture(
  moment: Date,
  specials: TemplateFixture["specials"],
  outcomes: readonly RecordedOutcome[],
): Promise<void> {
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  const digests: Record<string, string> = {};
  for (const { template, digest } of outcomes) {
    digests[template] = digests[template] === undefined ? digest : `${digests[template]} ${digest}`;
  }
  const fixture: TemplateFixture = {
    recordedAt: local.toISOString().slice(0, 19),
    specials,
    conversations: [...new Set(outcomes.map(({ conversation }) => conversation))],
    digests,
  };
  await Deno.writeTextFile(FILE, JSON.stringify(fixture, null, 1) + "\n");
}
