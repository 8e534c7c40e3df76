/** A chat in the terminal: reads lines, runs commands, shows answers, until the user leaves. */

import type { OllamaClient } from "../client.ts";
import type { Terminal } from "../terminal.ts";
import { AnswerPrinter } from "./answer_printer.ts";
import type { ChatSession } from "./chat_session.ts";
import { HISTORY_LINES, type HistoryFile } from "./history_file.ts";
import { LineReader } from "./line_reader.ts";
import { MultiLine } from "./multi_line.ts";
import { completions, printStored, runSlashCommand } from "./slash_commands.ts";
import { timingsText } from "./timings.ts";

const PROMPT = ">>> ";
const NEXT_PROMPT = "... ";
const PLACEHOLDER = "Send a message (/? for help)";
const LEAVE_HINT = "\nUse Ctrl + d or /bye to exit.\n";

/** What a chat needs. */
export interface ReplContext {
  session: ChatSession;
  client: OllamaClient;
  terminal: Terminal;
  history: HistoryFile;
}

/** Runs the chat to its end. The terminal is given back whatever happens. */
export async function runRepl(context: ReplContext): Promise<void> {
  const { session, terminal, history } = context;
  using reader = new LineReader({
    history: history.read(),
    historySize: HISTORY_LINES,
    onLine: (line) => history.add(line),
    complete: completions,
  });
  using _signals = givingBack(reader);
  printStored(session, terminal);
  const typed = new MultiLine();
  while (true) {
    const entry = typed.open ? await reader.read(NEXT_PROMPT) : await reader.read(PROMPT, PLACEHOLDER);
    if (entry.kind === "end") {
      terminal.out("\n");
      return;
    }
    if (entry.kind === "interrupt") {
      if (entry.empty && !typed.open) terminal.out(LEAVE_HINT);
      typed.reset();
      continue;
    }
    const message = typed.push(entry.text, entry.pasted);
    if (message === undefined || message.text.trim() === "") continue;
    if (message.text.startsWith("/") && !message.verbatim) {
      if (!await runSlashCommand(message.text, context)) return;
    } else await answer(message.text, reader, context);
  }
}

/** Asks and shows the answer; Ctrl-C stops it. */
async function answer(
  text: string,
  reader: LineReader,
  { session, terminal }: ReplContext,
): Promise<void> {
  const abort = new AbortController();
  reader.onInterrupt = () => abort.abort();
  try {
    const last = await session.ask(
      text,
      new AnswerPrinter(terminal, session.settings),
      abort.signal,
    );
    terminal.out("\n");
    if (last !== undefined && session.settings.verbose) {
      terminal.err(`${timingsText(last)}\n`);
    }
  } catch (error) {
    terminal.err(
      `Error: ${error instanceof Error ? error.message : String(error)}\n\n`,
    );
  } finally {
    reader.onInterrupt = () => {};
  }
}

/** A process that is told to end must not leave the terminal in raw mode. */
function givingBack(reader: LineReader): Disposable {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGTERM", "SIGHUP", "SIGINT"];
  const end = () => {
    reader[Symbol.dispose]();
    Deno.exit(130);
  };
  for (const signal of signals) Deno.addSignalListener(signal, end);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, end);
    },
  };
}
