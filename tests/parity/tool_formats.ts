/**
 * Records what llama.cpp's chat library makes of the model outputs in `tests/data/tool_calls`, and says where our parsers
 * read them differently: `deno run -A tests/parity/tool_formats.ts [file ...]`. See README.md.
 */

import { deepStrictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { selectFormat } from "../../src/chat/formats/select_format.ts";
import {
  comparable,
  DEFAULT_TOOLS,
  FIXTURE_FOLDER,
  type ParsedAnswer,
  planGroup,
  readFixtures,
  readParts,
  type ToolCase,
  type ToolFixture,
  type ToolGroup,
} from "./tool_fixture.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Sources of the pinned llama.cpp: headers and templates. */
const SOURCE = Deno.env.get("LLAMA_CPP_SRC") ?? `${ROOT}.tools/llama.cpp`;
/** Where libllama-common.so and what it needs are. */
const PEER = Deno.env.get("LLAMA_PEER") ?? `${ROOT}.tools/peer`;
const HARNESS = `${ROOT}.tools/parity/tool_formats`;
/** Characters of the prompt's end that are kept. */
const PROMPT_END = 400;

interface HarnessAnswer {
  error?: string;
  prompt: string;
  results: { whole: ParsedAnswer | { error: string } }[];
}

async function buildHarness(): Promise<void> {
  const source = `${ROOT}tests/parity/tool_formats.cpp`;
  const [built, written] = await Promise.all(
    [HARNESS, source].map((path) => Deno.stat(path).catch(() => null)),
  );
  if (built?.mtime && written?.mtime && built.mtime > written.mtime) return;
  await Deno.mkdir(`${ROOT}.tools/parity`, { recursive: true });
  const includes = ["common", "include", "ggml/include", "vendor"].map((folder) => `-I${SOURCE}/${folder}`);
  const libraries = ["llama-common", "llama", "ggml", "ggml-base"].map((name) => `-l${name}`);
  const { success } = await new Deno.Command("g++", {
    args: ["-std=c++17", "-O1", ...includes, "-o", HARNESS, source, `-L${PEER}`, ...libraries]
      .concat(`-Wl,-rpath,${PEER}`, "-Wl,--allow-shlib-undefined"),
  }).spawn().status;
  if (!success) throw new Error(`Cannot compile ${source} against ${SOURCE} and ${PEER}`);
}

/** Asks llama.cpp about one group. */
async function ask(group: ToolGroup): Promise<HarnessAnswer> {
  const tools = (group.tools ?? DEFAULT_TOOLS).map((tool) => ({ type: "function", function: tool }));
  const { enable_thinking, ...kwargs } = group.templateArgs ?? {};
  const request = {
    template: `${SOURCE}/models/templates/${group.template}.jinja`,
    bos: group.bos ?? "",
    eos: group.eos ?? "",
    messages: [{ role: "user", content: "Hello" }],
    ...(tools.length === 0 ? {} : { tools }),
    tool_choice: group.toolChoice ?? "auto",
    parallel_tool_calls: group.parallel ?? true,
    reasoning_format: group.split === false ? "none" : "auto",
    enable_thinking: enable_thinking ?? true,
    kwargs,
    outputs: group.cases.map(({ text }) => text),
  };
  const child = new Deno.Command(HARNESS, { stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
  await writer.close();
  const answer: HarnessAnswer = JSON.parse(new TextDecoder().decode((await child.output()).stdout));
  if (answer.error !== undefined) throw new Error(`${group.template}: ${answer.error}`);
  return answer;
}

/** Records one group; returns how many readings differ without a reason. */
async function record(fixture: ToolFixture, group: ToolGroup): Promise<number> {
  const template = await Deno.readTextFile(`${SOURCE}/models/templates/${group.template}.jinja`);
  for (const [what, source] of [["template", template], ["marks", group.marks]] as const) {
    const { name } = selectFormat(source);
    if (name !== fixture.format) {
      console.log(`${group.template}: its ${what} selects the format ${name}, not ${fixture.format}`);
    }
  }
  const answer = await ask(group);
  group.prompt = answer.prompt.slice(-PROMPT_END);
  const plan = planGroup(group);
  let unexplained = 0;
  group.cases.forEach((test, index) => {
    test.expected = answer.results[index]!.whole;
    if (compareCase(group, test, readParts(plan, [test.text]))) unexplained++;
  });
  return unexplained;
}

/** True when the reading differs and nobody said why. */
function compareCase(group: ToolGroup, test: ToolCase, ours: ParsedAnswer): boolean {
  const theirs = test.expected!;
  const same = !("error" in theirs) && equal(comparable(theirs), comparable(ours));
  if (same) {
    if (test.differs !== undefined) console.log(`${group.name} / ${test.name}: does not differ any more`);
    delete test.differs;
    delete test.ours;
    return false;
  }
  if (test.differs !== undefined) {
    test.ours = ours;
    return false;
  }
  console.log(`${group.name} / ${test.name}: ${JSON.stringify(test.text)}`);
  console.log(`  llama-server ${JSON.stringify(test.expected)}\n  ours         ${JSON.stringify(ours)}`);
  return true;
}

function equal(a: unknown, b: unknown): boolean {
  try {
    deepStrictEqual(a, b);
    return true;
  } catch {
    return false;
  }
}

/**
 * Records and compares fixtures.
 * @param names of files, without `.json`; none means all
 * @returns the exit code: 1 when a reading differs without a reason
 */
export async function compareTools(names: readonly string[]): Promise<number> {
  await buildHarness();
  let unexplained = 0;
  for (const [file, fixture] of await readFixtures()) {
    if (names.length > 0 && !names.includes(file.replace(/\.json$/, ""))) continue;
    const before = unexplained;
    for (const group of fixture.groups) unexplained += await record(fixture, group);
    await Deno.writeTextFile(new URL(file, FIXTURE_FOLDER), JSON.stringify(fixture, null, 1) + "\n");
    const cases = fixture.groups.flatMap((group) => group.cases);
    const explained = cases.filter((test) => test.differs !== undefined).length;
    console.log(
      `${file}: ${cases.length} outputs, ${explained} differ for a reason, ${unexplained - before} without`,
    );
  }
  return unexplained === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await compareTools(Deno.args));
