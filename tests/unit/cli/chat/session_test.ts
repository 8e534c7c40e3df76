import assert from "node:assert/strict";
import { AnswerPrinter } from "../../../../src/cli/chat/answer_printer.ts";
import { ChatSession } from "../../../../src/cli/chat/chat_session.ts";
import { HISTORY_LINES, HistoryFile } from "../../../../src/cli/chat/history_file.ts";
import { completions, runSlashCommand } from "../../../../src/cli/chat/slash_commands.ts";
import { OllamaClient } from "../../../../src/cli/client.ts";
import type { Terminal } from "../../../../src/cli/terminal.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";

/** A terminal that remembers, a server that answers from a list and remembers what it was asked. */
function setUp(answers: unknown[][] = [], tty = true) {
  let out = "";
  let err = "";
  const terminal: Terminal = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    tty: { in: tty, out: tty, err: tty },
    columns: () => 80,
    readAll: () => Promise.resolve(""),
    ask: () => undefined,
  };
  const asked: { path: string; body: Record<string, unknown> }[] = [];
  const client = new OllamaClient((path, init) => {
    asked.push({ path, body: JSON.parse(String(init.body ?? "{}")) });
    const lines = answers.shift() ?? [{}];
    return Promise.resolve(new Response(lines.map((line) => JSON.stringify(line)).join("\n")));
  });
  const settings = { model: "m", options: {}, verbose: false, wordWrap: false, hideThinking: false };
  const session = new ChatSession(client, settings);
  const history = new HistoryFile("/nonexistent/history");
  return {
    session,
    client,
    terminal,
    history,
    asked,
    printer: () => new AnswerPrinter(terminal, session.settings),
    output: () => out,
    errors: () => err,
  };
}

const live = () => new AbortController().signal;

function chunk(content: string, more: object = {}): object {
  return { message: { role: "assistant", content, ...more }, done: false };
}

Deno.test("ChatSession.ask() sends the whole conversation with its settings", async () => {
  const { session, asked, printer, output } = setUp([
    [chunk("Hel"), chunk("lo"), { ...chunk(""), done: true }],
    [chunk("Again"), { ...chunk(""), done: true }],
  ]);
  session.settings.system = "Be brief.";
  session.settings.think = false;
  session.settings.format = "json";
  session.settings.keepAlive = "5m";
  session.settings.options.temperature = 0;
  await session.ask("one", printer(), live());
  await session.ask("two", printer(), live());
  assert.equal(output(), "Hello\nAgain\n");
  assert.deepEqual(asked[1], {
    path: "/api/chat",
    body: {
      model: "m",
      options: { temperature: 0 },
      format: "json",
      think: false,
      keep_alive: "5m",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "one" },
        { role: "assistant", content: "Hello" },
        { role: "user", content: "two" },
      ],
    },
  });
});

Deno.test("ChatSession.ask() keeps a stopped answer as far as it came, and a failed one not at all", async () => {
  const abort = new AbortController();
  const { session, terminal, client } = setUp([[chunk("Once upon"), { error: "broken" }], [{
    error: "broken",
  }]]);
  const printer = new AnswerPrinter(terminal, session.settings);
  const stopping = {
    ...printer,
    thinking: () => {},
    finish: () => {},
    text: (text: string) => text && abort.abort(),
  };
  assert.equal(await session.ask("a story", stopping as unknown as AnswerPrinter, abort.signal), undefined);
  assert.deepEqual(session.messages.map(({ content }) => content), ["a story", "Once upon"]);
  await assert.rejects(session.ask("more", printer, live()), /broken/);
  assert.equal(session.messages.length, 2);
  assert.ok(client);
});

Deno.test("ChatSession.saveBody() holds the stored conversation and the new one", () => {
  const { session } = setUp();
  session.storedMessages = [{ role: "user", content: "a" }];
  session.messages = [{ role: "user", content: "b" }, { role: "assistant", content: "c", thinking: "t" }];
  session.settings.options.seed = 1;
  assert.deepEqual(session.saveBody("new"), {
    model: "new",
    from: "m",
    parameters: { seed: 1 },
    messages: [
      { role: "user", content: "a" },
      { role: "user", content: "b" },
      { role: "assistant", content: "c" },
    ],
  });
});

Deno.test("AnswerPrinter shows reasoning apart, or not at all", async () => {
  const answers = () => [[chunk("", { thinking: "Hm" }), chunk("Yes"), { ...chunk(""), done: true }]];
  const plain = setUp(answers(), false);
  await plain.session.ask("q", plain.printer(), live());
  assert.equal(plain.output(), "Thinking...\nHm\n...done thinking.\n\nYes\n");
  const hidden = setUp(answers(), false);
  hidden.session.settings.hideThinking = true;
  await hidden.session.ask("q", hidden.printer(), live());
  assert.equal(hidden.output(), "Yes\n");
});

Deno.test("runSlashCommand() changes settings and says so", async () => {
  const context = setUp();
  const { session, history } = context;
  const lines = [
    "/set system You are   short.",
    "/set parameter num_ctx 512",
    '/set parameter stop "A" B',
    "/set format json",
    "/set think high",
    "/set verbose",
    "/set nowordwrap",
    "/set nohistory",
  ];
  for (const line of lines) assert.equal(await runSlashCommand(line, context), true);
  assert.deepEqual(session.settings, {
    model: "m",
    system: "You are   short.",
    options: { num_ctx: 512, stop: ["A", "B"] },
    format: "json",
    think: "high",
    verbose: true,
    wordWrap: false,
    hideThinking: false,
  });
  assert.equal(history.enabled, false);
  for (const line of ["/set noformat", "/set nothink", "/set quiet", "/set wordwrap", "/set history"]) {
    await runSlashCommand(line, context);
  }
  assert.equal(session.settings.format, undefined);
  assert.equal(session.settings.think, false);
  assert.equal(session.settings.verbose, false);
  assert.equal(session.settings.wordWrap, true);
  assert.equal(history.enabled, true);
  assert.equal(context.errors(), "");
  assert.equal(context.asked.length, 0);
});

Deno.test("runSlashCommand() says what is wrong, and the chat goes on", async () => {
  const context = setUp();
  for (
    const line of [
      "/set parameter nope 1",
      "/set parameter num_ctx x",
      "/set format xml",
      "/set system",
      "/load",
      "/save",
    ]
  ) {
    assert.equal(await runSlashCommand(line, context), true);
  }
  assert.equal(context.errors().match(/^Error: /gm)?.length, 6);
  await runSlashCommand("/claer", context);
  assert.match(context.output(), /Unknown command '\/claer', did you mean \/clear\?/);
});

Deno.test("runSlashCommand() shows parts of the model", async () => {
  const shown = { license: "MIT", template: "T", system: "S", parameters: "num_ctx  5", model_info: {} };
  const context = setUp([[shown], [shown], [shown], [shown]]);
  context.session.settings.options.seed = 3;
  for (const part of ["license", "system", "parameters", "modelfile"]) {
    await runSlashCommand(`/show ${part}`, context);
  }
  assert.match(context.output(), /^MIT\nS\n[^]*seed +3\n[^]*num_ctx +5\n[^]*The model has no modelfile/);
});

Deno.test("runSlashCommand() loads another model, or keeps the one there is", async () => {
  const context = setUp([[{ messages: [{ role: "user", content: "hi" }] }], [{}]]);
  context.session.messages = [{ role: "user", content: "old" }];
  await runSlashCommand("/load other", context);
  assert.equal(context.session.settings.model, "other");
  assert.deepEqual(context.session.messages, []);
  assert.match(context.output(), />>> hi/);
  const missing = setUp();
  const refusing = new OllamaClient(() => Promise.resolve(Response.json({ error: "no" }, { status: 404 })));
  await runSlashCommand("/load nope", { ...missing, client: refusing });
  assert.equal(missing.session.settings.model, "m");
  assert.match(missing.errors(), /Couldn't find model 'nope'/);
});

Deno.test("runSlashCommand() ends the chat with /bye only", async () => {
  const context = setUp();
  assert.equal(await runSlashCommand("/bye", context), false);
  assert.equal(await runSlashCommand("/?", context), true);
  assert.match(context.output(), /\/save NAME/);
});

Deno.test("completions() completes commands and nothing else", () => {
  assert.ok(completions("/set v").includes("/set verbose"));
  assert.ok(completions("/cl").includes("/clear"));
  assert.deepEqual(completions("hello"), []);
});

Deno.test("HistoryFile gives the newest line first and keeps to its bound", () => {
  using folder = new TemporaryFolder();
  const path = folder.file("deep", "history");
  const history = new HistoryFile(path);
  assert.deepEqual(history.read(), []);
  for (let i = 0; i <= 2 * HISTORY_LINES; i++) history.add(`line ${i}`);
  history.add("  ");
  const lines = new HistoryFile(path).read();
  assert.equal(lines.length, HISTORY_LINES);
  assert.equal(lines[0], `line ${2 * HISTORY_LINES}`);
  assert.equal(Deno.readTextFileSync(path).trim().split("\n").length, HISTORY_LINES);
  if (Deno.build.os !== "windows") assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
});

Deno.test("HistoryFile writes nothing while it is switched off, and survives a place that cannot be written", () => {
  using folder = new TemporaryFolder();
  const history = new HistoryFile(folder.file("history"));
  history.enabled = false;
  history.add("secret");
  assert.deepEqual(history.read(), []);
  Deno.writeTextFileSync(folder.file("file"), "");
  const impossible = new HistoryFile(folder.file("file", "history"));
  impossible.add("x");
  assert.deepEqual(impossible.read(), []);
});
