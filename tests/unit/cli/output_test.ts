import assert from "node:assert/strict";
import { bannerText, baseUrl, humanBytes, humanCount } from "../../../src/cli/banner.ts";
import { createLogger, type LoggerOptions } from "../../../src/cli/logger.ts";
import { ProgressBar } from "../../../src/cli/progress_bar.ts";

const FACTS = {
  version: "0.1.0",
  llamaCppVersion: "0.5.0",
  card: {
    id: "demo",
    path: "/x/demo.gguf",
    size: 9_800_000,
    architecture: "llama",
    parameterCount: 8_400_000,
    quantization: "Q8_0",
  },
  demo: false,
  nCtx: 4096,
  parallel: 1,
  threads: 2,
  host: "127.0.0.1",
  port: 8090,
};

Deno.test("bannerText() says what was loaded, where it listens, and a curl command", () => {
  const text = bannerText(FACTS);
  assert.match(text, /Model +demo \(llama, 8\.4 M parameters, Q8_0, 9\.8 MB\)/);
  assert.match(text, /Context +4096 tokens, one request at a time, 2 threads/);
  assert.match(text, /Listening +http:\/\/localhost:8090 /);
  assert.match(text, /curl http:\/\/localhost:8090\/v1\/chat\/completions/);
  const body = /-d '(.*)'/.exec(text)?.[1] ?? "";
  assert.equal(JSON.parse(body).messages[0].role, "user");
});

Deno.test("bannerText() says of the demonstration model that it is one", () => {
  assert.match(bannerText({ ...FACTS, demo: true }), /a demonstration only/);
  assert.doesNotMatch(bannerText(FACTS), /demonstration/);
});

Deno.test("baseUrl() gives an address that can be connected to", () => {
  assert.equal(baseUrl("0.0.0.0", 1), "http://localhost:1");
  assert.equal(baseUrl("::", 1), "http://localhost:1");
  assert.equal(baseUrl("fe80::1", 1), "http://[fe80::1]:1");
  assert.equal(baseUrl("box.lan", 80), "http://box.lan:80");
});

Deno.test("humanBytes() and humanCount() keep two or three significant digits", () => {
  assert.deepEqual([0, 999, 1000, 9_949_000, 10_100_000, 999_600].map(humanBytes), [
    "0 B",
    "999 B",
    "1.0 kB",
    "9.9 MB",
    "10 MB",
    "1.0 MB",
  ]);
  assert.deepEqual([7, 494_032_768, 7_240_000_000].map(humanCount), ["7", "494 M", "7.2 B"]);
});

function logged(
  options: Partial<LoggerOptions>,
  act: (log: ReturnType<typeof createLogger>) => void,
): string[] {
  const lines: string[] = [];
  const now = () => new Date("2026-01-02T03:04:05.678Z");
  act(createLogger({ level: "info", write: (line) => lines.push(line), now, ...options }));
  return lines;
}

Deno.test("createLogger() writes one line an event, with fields", () => {
  const lines = logged({}, (log) => log.warn("two\nlines\n", { id: "a b", n: 3, none: undefined }));
  assert.deepEqual(lines, ['03:04:05.678 warn  two\\nlines id="a b" n=3\n']);
});

Deno.test("createLogger() drops lines below its level", () => {
  const act = (log: ReturnType<typeof createLogger>) => {
    log.debug("d");
    log.info("i");
    log.error("e");
  };
  assert.equal(logged({}, act).length, 2);
  assert.equal(logged({ level: "debug" }, act).length, 3);
  assert.equal(logged({ level: "error" }, act).length, 1);
});

Deno.test("createLogger() writes JSON whose own fields win over the caller's", () => {
  const [line = ""] = logged({ jsonl: true }, (log) => log.info("hello", { level: "x", id: 7 }));
  assert.deepEqual(JSON.parse(line), {
    id: 7,
    time: "2026-01-02T03:04:05.678Z",
    level: "info",
    message: "hello",
  });
  assert.ok(line.endsWith("\n"));
});

Deno.test("ProgressBar.update() draws only what changed and finish() erases it", () => {
  const written: string[] = [];
  const bar = new ProgressBar("Loading x", {
    terminal: true,
    write: (text) => written.push(text),
    width: 40,
  });
  bar.update(0);
  bar.update(0.5);
  bar.update(0.5001);
  bar.update(2);
  bar.finish();
  bar.finish();
  assert.equal(written.length, 4);
  assert.match(written[1] ?? "", /Loading x \[#+ +\] 50%$/);
  assert.match(written[2] ?? "", /\[#+\]100%$/);
  assert.equal(written[3], "\r\x1b[K");
  for (const text of written) assert.ok(text.replace("\r\x1b[K", "").length <= 40, text);
});

Deno.test("ProgressBar writes nothing where there is no terminal", () => {
  const written: string[] = [];
  {
    using bar = new ProgressBar("Loading", { terminal: false, write: (text) => written.push(text) });
    bar.update(0.5);
  }
  assert.deepEqual(written, []);
});
