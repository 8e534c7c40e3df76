import assert from "node:assert/strict";
import { displayWidth } from "../../../src/cli/display_width.ts";
import { humanDuration, shortDuration, timeAgo, timeLeft } from "../../../src/cli/human_time.ts";
import { modelSections } from "../../../src/cli/model_sections.ts";
import { ProgressView } from "../../../src/cli/progress_view.ts";
import { textTable } from "../../../src/cli/text_table.ts";
import { processor } from "../../../src/cli/commands/ps.ts";
import { processorFeatures } from "../../../src/cli/checks.ts";

Deno.test("displayWidth() counts columns, not characters", () => {
  assert.equal(displayWidth("abc"), 3);
  assert.equal(displayWidth("é"), 1);
  assert.equal(displayWidth("e\u0301"), 1);
  assert.equal(displayWidth("世界"), 4);
  assert.equal(displayWidth("😀"), 2);
  assert.equal(displayWidth("\u200b\n"), 0);
});

Deno.test("textTable() aligns columns without trailing blanks", () => {
  assert.equal(textTable([["A", "B", "C"], ["世界", "x", ""]]), "A       B    C\n世界    x\n");
});

Deno.test("humanDuration() uses the largest unit of which there are two", () => {
  for (
    const [milliseconds, text] of [
      [0, "Less than a second"],
      [1500, "1 second"],
      [59_000, "59 seconds"],
      [61_000, "About a minute"],
      [3_599_000, "59 minutes"],
      [3_700_000, "About an hour"],
      [47 * 3_600_000, "47 hours"],
      [49 * 3_600_000, "2 days"],
      [15 * 86_400_000, "2 weeks"],
      [61 * 86_400_000, "2 months"],
      [800 * 86_400_000, "2 years"],
    ] as const
  ) assert.equal(humanDuration(milliseconds), text);
});

Deno.test("timeAgo() and timeLeft() know the future, the past and for ever", () => {
  const now = new Date("2026-01-01T00:00:00Z");
  const at = (seconds: number) => new Date(now.getTime() + seconds * 1000);
  assert.equal(timeAgo(at(-7200), now), "2 hours ago");
  assert.equal(timeAgo(at(5), now), "Less than a second ago");
  assert.equal(timeLeft(at(250), now), "4 minutes from now");
  assert.equal(timeLeft(at(-1), now), "Stopping...");
  assert.equal(timeLeft(new Date("2126-01-01T00:00:00Z"), now), "Forever");
});

Deno.test("shortDuration() prints nanoseconds as Go does", () => {
  assert.equal(shortDuration(1_234_567), "1.235ms");
  assert.equal(shortDuration(2_500_000_000), "2.5s");
  assert.equal(shortDuration(123_500_000_000), "2m3.5s");
});

Deno.test("processor() says which part of a model lies where", () => {
  assert.equal(processor(100, 0), "100% CPU");
  assert.equal(processor(100, 100), "100% GPU");
  assert.equal(processor(100, 52), "48%/52% CPU/GPU");
});

Deno.test("processorFeatures() leaves out what is not there and what is no feature", () => {
  assert.equal(
    processorFeatures("CPU : SSE3 = 1 | AVX = 0 | AVX512_VNNI = 1 | REPACK = 1 | "),
    "CPU with SSE3 AVX512_VNNI",
  );
  assert.equal(processorFeatures(""), "");
});

Deno.test("modelSections() shows what there is and cuts long texts", () => {
  const text = modelSections({
    model_info: {
      "general.architecture": "qwen2",
      "qwen2.context_length": 4096,
      "qwen2.embedding_length": 8,
    },
    details: { parameter_size: "1B", quantization_level: "Q8_0" },
    capabilities: ["completion"],
    parameters: 'stop    "a b"\nnum_ctx 5',
    system: "one\n\ntwo\nthree",
  });
  assert.equal(
    text,
    [
      "  Model",
      "    architecture        qwen2",
      "    parameters          1B",
      "    context length      4096",
      "    embedding length    8",
      "    quantization        Q8_0",
      "",
      "  Capabilities",
      "    completion",
      "",
      "  Parameters",
      '    stop       "a b"',
      "    num_ctx    5",
      "",
      "  System",
      "    one",
      "    two",
      "    ...",
      "",
      "",
    ].join("\n"),
  );
});

Deno.test("modelSections() shows metadata and tensors when asked, long arrays cut", () => {
  const text = modelSections({
    model_info: { "a.list": [1, 2, 3, 4, 5] },
    tensors: [{ name: "t", type: "F16", shape: [2, 3] }],
  }, true);
  assert.match(text, /a\.list +\[1, 2, 3, \.\.\.\+2 more\]/);
  assert.match(text, /t +F16 +\[2 3\]/);
});

Deno.test("ProgressView writes one line for each step where there is no terminal", () => {
  let written = "";
  const view = new ProgressView({ terminal: false, write: (text) => written += text, columns: () => 80 });
  view.update({ status: "pulling manifest" });
  for (const completed of [0, 5, 10]) {
    view.update({ status: "pulling abc", digest: "sha256:abc", total: 10, completed });
  }
  view.update({ status: "success" });
  view.finish();
  assert.equal(written, "pulling manifest\npulling abc\nsuccess\n");
});

Deno.test("ProgressView redraws its lines in place and never exceeds the width", () => {
  let written = "";
  let now = 0;
  const view = new ProgressView({
    terminal: true,
    write: (text) => written += text,
    columns: () => 60,
    now: () => now,
  });
  view.update({ status: "pulling manifest" });
  for (let completed = 0; completed <= 2_000_000; completed += 250_000) {
    now += 1000;
    view.update({ status: "pulling abc", digest: "sha256:abc", total: 2_000_000, completed });
  }
  view.finish();
  assert.ok(written.includes("\x1b[2A"));
  assert.match(written, /pulling abc: 50% \[#+ +\] 1\.0 MB\/2\.0 MB {2}250 kB\/s {2}4s/);
  assert.match(written, /pulling abc:100% \[#+\] 2\.0 MB\n$/);
  // deno-lint-ignore no-control-regex
  const lines = written.replaceAll(/\x1b\[\d*[A-Z]|\r/g, "").split("\n");
  for (const line of lines) assert.ok(line.length < 60, line);
});
