/**
 * `deno task parity native`: asks llama-server and this server the same of llama-server's own endpoints, side by side,
 * and compares the keys of the answers, and those values that must be equal. Ends with 1 when a key is missing here
 * without a reason or a value differs. Both servers run the demonstration model; `/infill` one with made-up weights and
 * fill-in-the-middle tokens.
 */

import { join } from "node:path";
import { withBothServers } from "../bench/bench_server.ts";
import { markdownTable } from "../bench/markdown_table.ts";
import { generativeModel } from "../support/paths.ts";
import { tinyModelWriter } from "../support/tiny_models.ts";
import { EXPLAINED, INFILL_CASES, NATIVE_CASES, type ParityCase } from "./native_cases.ts";

/** Answers by key path; the values of `[]` are those of all elements. */
type Leaves = Map<string, unknown[]>;

interface Row {
  name: string;
  status: string;
  same: number;
  extra: string[];
  missing: string[];
  explained: string[];
  different: string[];
}

/** Runs the comparison. @returns exit code */
export async function compareNative(): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "parity-" });
  try {
    const rows = [
      ...await compareAll(generativeModel(), 1024, NATIVE_CASES, folder),
      ...await compareAll(infillModel(folder), 4096, INFILL_CASES, folder),
    ];
    report(rows);
    return rows.some(({ missing, different }) => missing.length + different.length > 0) ? 1 : 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Weights do not matter for keys; the prompt's order of tokens shows in `prompt`. */
function infillModel(folder: string): string {
  const writer = tinyModelWriter("qwen2");
  for (const [index, name] of ["pre", "suf", "mid", "rep", "sep"].entries()) {
    writer.set(`tokenizer.ggml.fim_${name}_token_id`, "uint32", 300 + index);
  }
  const path = join(folder, "infill.gguf");
  writer.write(path);
  return path;
}

async function compareAll(
  model: string,
  ctxSize: number,
  cases: readonly ParityCase[],
  folder: string,
): Promise<Row[]> {
  const [ourSlots, peerSlots] = [join(folder, "ours"), join(folder, "peer")];
  for (const path of [ourSlots, peerSlots]) await Deno.mkdir(path, { recursive: true });
  return await withBothServers({ model, ctxSize, threads: 1, parallel: 2 }, {
    ours: ["--slot-save-path", ourSlots],
    "llama-server": ["--kv-unified", "--slots", "--metrics", "--slot-save-path", peerSlots],
  }, async (ours, peer) => {
    const rows: Row[] = [];
    for (const one of cases) rows.push(compare(one, await ask(ours.url, one), await ask(peer.url, one)));
    return rows;
  });
}

interface Asked {
  status: number;
  leaves: Leaves;
}

async function ask(url: string, { method = "POST", path, body }: ParityCase): Promise<Asked> {
  const response = await fetch(url + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  const leaves: Leaves = new Map();
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("text/event-stream")) collectStream(text, leaves);
  else if (type.startsWith("text/plain")) collectMetrics(text, leaves);
  else collect(JSON.parse(text), "", leaves);
  return { status: response.status, leaves };
}

/** Chunks under `chunk`, the last one under `last`, the text of all as `content`. */
function collectStream(text: string, leaves: Leaves): void {
  const events = text.split("\n\n").filter((event) => event.startsWith("data: ") && event !== "data: [DONE]");
  const chunks = events.map((event) => JSON.parse(event.slice("data: ".length)) as Record<string, unknown>);
  for (const [index, chunk] of chunks.entries()) {
    collect(chunk, index === chunks.length - 1 ? "last." : "chunk.", leaves);
  }
  leaves.set("content", [chunks.map(({ content }) => content ?? "").join("")]);
}

/** Names of metrics. */
function collectMetrics(text: string, leaves: Leaves): void {
  for (const [, name] of text.matchAll(/^([a-z_:]+)(\{.*\})? /gm)) leaves.set(name!, []);
}

function collect(value: unknown, path: string, leaves: Leaves): void {
  if (Array.isArray(value)) {
    note(leaves, `${path}[]`, value.length);
    for (const item of value) collect(item, `${path}[].`, leaves);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      collect(member, path === "" ? key : join2(path, key), leaves);
    }
  } else note(leaves, path.replace(/\.$/, ""), value);
}

function join2(path: string, key: string): string {
  return path.endsWith(".") ? path + key : `${path}.${key}`;
}

function note(leaves: Leaves, path: string, value: unknown): void {
  const values = leaves.get(path);
  if (values) values.push(value);
  else leaves.set(path, [value]);
}

function compare(one: ParityCase, ours: Asked, peer: Asked): Row {
  const absent = [...peer.leaves.keys()].filter((key) => !ours.leaves.has(key));
  const isExplained = (key: string) => reason(one, key) !== undefined;
  const different = (one.equal ?? []).filter((key) =>
    JSON.stringify(ours.leaves.get(key)) !== JSON.stringify(peer.leaves.get(key))
  ).map((key) => `${key}: ${shown(ours.leaves.get(key))} instead of ${shown(peer.leaves.get(key))}`);
  if (ours.status !== (one.status ?? peer.status)) {
    different.push(`status: ${ours.status} instead of ${peer.status}`);
  }
  return {
    name: one.name,
    status: ours.status === peer.status ? String(ours.status) : `${ours.status} (${peer.status})`,
    same: [...peer.leaves.keys()].filter((key) => ours.leaves.has(key)).length,
    extra: [...ours.leaves.keys()].filter((key) => !peer.leaves.has(key)),
    missing: absent.filter((key) => !isExplained(key)),
    explained: absent.filter(isExplained),
    different,
  };
}

function shown(values: unknown): string {
  return values === undefined ? "nothing" : JSON.stringify(values).slice(0, 200);
}

function reason(one: ParityCase, key: string): string | undefined {
  return EXPLAINED.find(({ path, key: pattern }) => path.test(one.path) && pattern.test(key))?.reason;
}

function report(rows: readonly Row[]): void {
  console.log(markdownTable(
    ["request", "status", "same keys", "ours extra", "missing, explained", "missing", "values differ"],
    rows.map((row) => [
      row.name,
      row.status,
      ...[row.same, row.extra.length, row.explained.length, row.missing.length, row.different.length].map(
        String,
      ),
    ]),
  ));
  for (const { name, extra, explained, missing, different } of rows) {
    if (extra.length > 0) console.log(`${name}: ours extra: ${extra.join(" ")}`);
    if (explained.length > 0) console.log(`${name}: missing, explained: ${explained.join(" ")}`);
    if (missing.length > 0) console.log(`${name}: MISSING: ${missing.join(" ")}`);
    for (const text of different) console.log(`${name}: DIFFERENT: ${text}`);
  }
  for (const { path, key, reason } of EXPLAINED) console.log(`${path.source} ${key.source}: ${reason}`);
}
