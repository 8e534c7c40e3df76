/** Commands of a chat: lines that begin with a slash. Those of Ollama's chat, with their words. */

import type { ModelProgress, ShowAnswer } from "../api_types.ts";
import { ApiError, type OllamaClient } from "../client.ts";
import { PARAMETER_KINDS, parseParameter } from "../model_parameters.ts";
import { modelSections } from "../model_sections.ts";
import { nearestWord } from "../nearest_word.ts";
import type { Terminal } from "../terminal.ts";
import type { ChatSession } from "./chat_session.ts";
import type { HistoryFile } from "./history_file.ts";

/** What commands work on. */
export interface SlashContext {
  session: ChatSession;
  client: OllamaClient;
  terminal: Terminal;
  history: HistoryFile;
}

const COMMANDS: readonly (readonly [string, string])[] = [
  ["/set", "change a setting of this chat"],
  ["/show", "tell about the model"],
  ["/load MODEL", "go on with another model or a saved chat"],
  ["/save NAME", "save this chat as a model"],
  ["/clear", "forget the conversation"],
  ["/bye", "leave"],
  ["/?, /help", "this list; /? set, /? show, /? shortcuts tell more"],
];

const SET_HELP: readonly (readonly [string, string])[] = [
  ["/set system TEXT", "what the model is told before the conversation"],
  ["/set parameter NAME VALUE", "a parameter: temperature, num_ctx, stop, ..."],
  ["/set format json", "answers are JSON"],
  ["/set noformat", "answers are text"],
  ["/set think [LEVEL]", "reason before answering"],
  ["/set nothink", "answer without reasoning"],
  ["/set verbose, quiet", "print figures after answers, or not"],
  ["/set wordwrap, nowordwrap", "break lines between words, or not"],
  ["/set history, nohistory", "remember the lines typed, or not"],
];

const SHOW_PARTS = [
  "info",
  "license",
  "modelfile",
  "parameters",
  "system",
  "template",
] as const;

const SHORTCUTS: readonly (readonly [string, string])[] = [
  ["Ctrl+a, Ctrl+e", "beginning and end of the line"],
  ["Alt+b, Alt+f", "a word back, a word forward"],
  ["Ctrl+k, Ctrl+u", "delete what is right, left of the cursor"],
  ["Ctrl+w", "delete the word before the cursor"],
  ["Up, Down", "lines typed before"],
  ["Ctrl+l", "clear the screen"],
  ["Ctrl+c", "stop the answer"],
  ["Ctrl+d, /bye", "leave"],
];

/** Lines that Tab may complete to. */
export function completions(line: string): string[] {
  const all = [
    ...COMMANDS.map(([usage]) => usage.split(/[ ,]/, 1)[0] ?? ""),
    ...SET_HELP.flatMap(([usage]) =>
      usage.slice("/set ".length).split(", ").map((word) => `/set ${firstWord(word)}`)
    ),
    ...SHOW_PARTS.map((part) => `/show ${part}`),
  ];
  return line.startsWith("/") ? all.filter((each) => each.startsWith(line)) : [];
}

/**
 * Runs a command. What goes wrong is printed; the chat goes on.
 * @returns false when the chat is to end
 */
export async function runSlashCommand(
  line: string,
  context: SlashContext,
): Promise<boolean> {
  const [name = "", ...words] = line.trim().split(/\s+/);
  if (name === "/bye" || name === "/exit") return false;
  try {
    await dispatch(name, words, line.trim(), context);
  } catch (error) {
    context.terminal.err(
      `Error: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  }
  return true;
}

async function dispatch(
  name: string,
  words: string[],
  line: string,
  context: SlashContext,
): Promise<void> {
  const { terminal, session } = context;
  switch (name) {
    case "/set":
      return set(words, line, context);
    case "/show":
      return await show(words, context);
    case "/load":
      return await load(words, context);
    case "/save":
      return await save(words, context);
    case "/clear":
      session.messages = [];
      return terminal.out("Cleared the conversation.\n");
    case "/?":
    case "/help":
      return terminal.out(help(words[0]));
    default: {
      const near = nearestWord(
        name,
        COMMANDS.map(([usage]) => firstWord(usage)),
      );
      const hint = near === undefined ? "/? lists all" : `did you mean ${near}?`;
      terminal.out(`Unknown command '${name}', ${hint}\n`);
    }
  }
}

function help(topic: string | undefined): string {
  const about = topic?.replace(/^\//, "");
  if (about === "set") return helpTable("Settings", SET_HELP);
  if (about === "shortcuts") return helpTable("Keys", SHORTCUTS);
  if (about === "show") {
    return helpTable(
      "About the model",
      SHOW_PARTS.map((part) => [`/show ${part}`, `its ${part}`] as const),
    );
  }
  return helpTable("Commands", COMMANDS) +
    '\nA message of several lines begins and ends with """.\n';
}

function helpTable(
  title: string,
  rows: readonly (readonly [string, string])[],
): string {
  const width = Math.max(...rows.map(([usage]) => usage.length)) + 4;
  return `${title}:\n${rows.map(([usage, text]) => `  ${usage.padEnd(width)}${text}\n`).join("")}`;
}

/** Settings without a value. */
const SIMPLE: Readonly<Record<string, (context: SlashContext) => string>> = {
  noformat: (
    { session },
  ) => (delete session.settings.format, "Answers are text."),
  nothink: (
    { session },
  ) => (session.settings.think = false, "Set 'nothink' mode."),
  verbose: (
    { session },
  ) => (session.settings.verbose = true, "Set 'verbose' mode."),
  quiet: (
    { session },
  ) => (session.settings.verbose = false, "Set 'quiet' mode."),
  wordwrap: (
    { session },
  ) => (session.settings.wordWrap = true, "Set 'wordwrap' mode."),
  nowordwrap: (
    { session },
  ) => (session.settings.wordWrap = false, "Set 'nowordwrap' mode."),
  history: ({ history }) => (history.enabled = true, "Lines are remembered."),
  nohistory: (
    { history },
  ) => (history.enabled = false, "Lines are not remembered any more."),
};

function set(
  [what = "", ...values]: string[],
  line: string,
  context: SlashContext,
): void {
  const { session, terminal } = context;
  const simple = Object.hasOwn(SIMPLE, what) ? SIMPLE[what] : undefined;
  if (simple !== undefined) return terminal.out(`${simple(context)}\n`);
  if (what === "system") {
    return setSystem(line.replace(/^\/set\s+system\s*/, ""), context);
  }
  if (what === "parameter") return setParameter(values, context);
  if (what === "format") {
    if (values[0] !== "json") throw new Error("/set format expects json");
    session.settings.format = "json";
    return terminal.out("Answers are JSON.\n");
  }
  if (what === "think") {
    session.settings.think = values[0] ?? true;
    return terminal.out("Set 'think' mode.\n");
  }
  if (what !== "") terminal.out(`Unknown setting '${what}'.\n`);
  terminal.out(help("set"));
}

function setSystem(text: string, { session, terminal }: SlashContext): void {
  if (text === "") throw new Error("/set system expects a text");
  session.settings.system = text.replace(/^"([^]*)"$/, "$1");
  terminal.out("Set system message.\n");
}

function setParameter(
  [name = "", ...values]: string[],
  { session, terminal }: SlashContext,
): void {
  if (name === "" || values.length === 0) {
    return terminal.out(
      `Usage: /set parameter NAME VALUE\nParameters: ${Object.keys(PARAMETER_KINDS).join(", ")}\n`,
    );
  }
  const texts = values.map((value) => value.replace(/^"(.*)"$/, "$1"));
  session.settings.options[name] = parseParameter(name, texts);
  terminal.out(`Set parameter '${name}' to '${texts.join(", ")}'\n`);
}

async function show(
  [part = ""]: string[],
  { session, client, terminal }: SlashContext,
): Promise<void> {
  if (!(SHOW_PARTS as readonly string[]).includes(part)) {
    if (part !== "") terminal.out(`Unknown part '${part}'.\n`);
    return terminal.out(help("show"));
  }
  const answer = await client.post<ShowAnswer>("/api/show", {
    model: session.settings.model,
  });
  if (part === "info") return terminal.out(modelSections(answer));
  if (part === "parameters") {
    const own = Object.entries(session.settings.options).map(([name, value]) =>
      `  ${name.padEnd(30)} ${value}\n`
    );
    if (own.length > 0) {
      terminal.out(`Set in this chat:\n${own.join("")}\nThe model's:\n`);
    }
    return terminal.out(
      `${(answer.parameters ?? "").replaceAll(/^/gm, "  ")}\n`,
    );
  }
  const text = part === "system"
    ? session.settings.system ?? answer.system
    : answer[part as "license" | "modelfile" | "template"];
  terminal.out(
    text ? `${text.trimEnd()}\n` : `The model has no ${part === "system" ? "system message" : part}.\n`,
  );
}

async function load(
  [name]: string[],
  { session, client, terminal }: SlashContext,
): Promise<void> {
  if (name === undefined) throw new Error("/load expects the name of a model");
  const before = session.settings.model;
  try {
    session.settings.model = name;
    const answer = await client.post<ShowAnswer>("/api/show", { model: name });
    terminal.out(`Loading model '${name}'\n`);
    await session.load();
    session.messages = [];
    session.storedMessages = answer.messages ?? [];
    delete session.settings.system;
    printStored(session, terminal);
  } catch (error) {
    session.settings.model = before;
    if (error instanceof ApiError && error.status === 404) {
      throw new Error(`Couldn't find model '${name}'`);
    }
    throw error;
  }
}

/** Shows the conversation that a saved chat goes on from. */
export function printStored(
  { storedMessages }: ChatSession,
  terminal: Terminal,
): void {
  for (const { role, content } of storedMessages) {
    if (role === "user") terminal.out(`>>> ${content}\n`);
    else if (role === "assistant") terminal.out(`${content}\n\n`);
  }
}

async function save(
  [name]: string[],
  { session, client, terminal }: SlashContext,
): Promise<void> {
  if (name === undefined) throw new Error("/save expects a name");
  let last: ModelProgress | undefined;
  for await (
    const step of client.stream<ModelProgress>(
      "/api/create",
      session.saveBody(name),
    )
  ) last = step;
  if (last?.status !== "success") throw new Error("the model was not saved");
  terminal.out(`Created new model '${name}'\n`);
}

function firstWord(text: string): string {
  return text.split(/[ ,]/, 1)[0] ?? text;
}
