/**
 * `run [MODEL] [PROMPT]`: a chat in the terminal, or one answer when there is a prompt or something comes in on stdin.
 * Without a running server it serves for itself.
 */

import type { ShowAnswer } from "../api_types.ts";
import { AnswerPrinter } from "../chat/answer_printer.ts";
import { ChatSession, type SessionSettings } from "../chat/chat_session.ts";
import { HistoryFile } from "../chat/history_file.ts";
import { timingsText } from "../chat/timings.ts";
import { ApiError, type OllamaClient } from "../client.ts";
import type { Command, CommandCall } from "../command.ts";
import { runningServer } from "../connection.ts";
import { storeFolder } from "../local_models.ts";
import type { OwnModel } from "../own_model.ts";
import { UsageError } from "../usage_error.ts";
import { pull } from "./pull.ts";

/** Names whatever model is loaded; `own_model.ts` has the word too, and is loaded only where no server runs. */
const ANY_MODEL = "llama";

export const run: Command = {
  usage: "run [MODEL] [PROMPT] [flags]",
  operands: [0, Infinity],
  flags: [
    {
      names: ["--format"],
      placeholder: "FORMAT",
      help: "json, or a JSON schema",
    },
    {
      names: ["--keepalive"],
      placeholder: "DURATION",
      help: "how long the model stays in memory, for example 5m",
    },
    {
      names: ["--think"],
      placeholder: "LEVEL",
      optional: true,
      help: "reason before answering: true, false or a level",
    },
    { names: ["--hidethinking"], help: "do not show the reasoning" },
    { names: ["--nowordwrap"], help: "do not break lines between words" },
    { names: ["--verbose"], help: "print figures after answers" },
    {
      names: ["--insecure"],
      help: "allow a registry without HTTPS when the model is pulled",
    },
  ],
  notes: [
    "Examples",
    "  llamacpp-server run qwen2.5:0.5b                     a chat",
    '  llamacpp-server run qwen2.5:0.5b "Why is it dark?"   one answer',
    "  llamacpp-server run ./model.gguf < question.txt      the prompt from a file",
  ],
  async run(call) {
    const { terminal } = call;
    const [model = ANY_MODEL, ...words] = call.operands;
    const settings = settingsOf(call, model);
    const piped = terminal.tty.in ? [] : [(await terminal.readAll()).trim()];
    const interactive = words.length === 0 && terminal.tty.in &&
      terminal.tty.out;
    if (words.length === 0 && terminal.tty.in && !interactive) {
      throw new UsageError(
        "a prompt is needed where the output is no terminal",
      );
    }
    await using stack = new AsyncDisposableStack();
    const { client, name } = await openModel(call, model, stack);
    const shown = await client.post<ShowAnswer>("/api/show", { model: name });
    const session = new ChatSession(client, { ...settings, model: name });
    session.storedMessages = shown.messages ?? [];
    if (!interactive) {
      return await answerOnce(
        session,
        [...piped, ...words].filter((text) => text !== "").join(" "),
        shown,
        call,
        client,
      );
    }
    await loading(call, session);
    const { runRepl } = await import("../chat/repl.ts");
    const history = new HistoryFile(`${storeFolder(call.options)}.history`);
    await runRepl({ session, client, terminal, history });
    return 0;
  },
};

function settingsOf(
  { flags, terminal }: CommandCall,
  model: string,
): SessionSettings {
  const keepAlive = flags.get("keepalive");
  const format = flags.get("format");
  const think = flags.get("think");
  return {
    model,
    options: {},
    verbose: flags.get("verbose") === "true",
    wordWrap: flags.get("nowordwrap") !== "true" && terminal.tty.out,
    hideThinking: flags.get("hidethinking") === "true",
    ...(keepAlive === undefined ? {} : { keepAlive }),
    ...(format === undefined ? {} : { format: formatOf(format) }),
    ...(think === undefined ? {} : { think: think === "true" ? true : think === "false" ? false : think }),
  };
}

function formatOf(text: string): unknown {
  if (!text.trimStart().startsWith("{")) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(
      `--format: expected json or a JSON schema, got ${JSON.stringify(text)}`,
      { cause },
    );
  }
}

/** A server that has the model, and the name that it knows it by. */
async function openModel(
  call: CommandCall,
  model: string,
  stack: AsyncDisposableStack,
): Promise<{ client: OllamaClient; name: string }> {
  const client = await runningServer(call);
  if (client !== undefined) {
    await present(call, model, async () => {
      await client.post("/api/show", { model });
      return true;
    });
    return { client, name: model };
  }
  const wanted = await wantedModel(call, model);
  const { startOwnServer } = await import("../own_server.ts");
  const own = stack.use(await startOwnServer(call, wanted));
  return { client: own.client, name: wanted.changes.alias?.[0] ?? model };
}

/** What a server of our own is to load. */
async function wantedModel(
  call: CommandCall,
  model: string,
): Promise<OwnModel> {
  const { ownModel } = await import("../own_model.ts");
  const notFound = () => new ApiError(`model '${model}' not found`, 404);
  const found = await ownModel(call, model);
  if (found !== undefined) return found;
  await present(call, model, () => Promise.reject(notFound()));
  const pulled = await ownModel(call, model);
  if (pulled === undefined) throw notFound();
  return pulled;
}

/** Offers to pull a model that is not there: only what the user asks for goes out to the network. */
async function present(
  call: CommandCall,
  model: string,
  check: () => Promise<unknown>,
): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    const answer = call.terminal.ask(
      `Model '${model}' is not here. Pull it now? [Y/n]`,
    );
    if (answer === undefined || !/^(y|yes)?$/i.test(answer.trim())) {
      throw new Error(
        `model '${model}' not found, try pulling it first: llamacpp-server pull ${model}`,
        {
          cause: error,
        },
      );
    }
    await pull.run({ ...call, operands: [model] });
  }
}

async function answerOnce(
  session: ChatSession,
  prompt: string,
  shown: ShowAnswer,
  { terminal }: CommandCall,
  client: OllamaClient,
): Promise<number> {
  const { capabilities = [] } = shown;
  if (prompt === "") await session.load();
  else if (
    capabilities.includes("embedding") && !capabilities.includes("completion")
  ) {
    const { model } = session.settings;
    const { embeddings } = await client.post<{ embeddings: number[][] }>(
      "/api/embed",
      {
        model,
        input: prompt,
      },
    );
    terminal.out(`${JSON.stringify(embeddings[0] ?? [])}\n`);
  } else {
    const last = await session.complete(
      prompt,
      new AnswerPrinter(terminal, session.settings),
    );
    if (last !== undefined && session.settings.verbose) {
      terminal.err(`\n${timingsText(last)}`);
    }
  }
  return 0;
}

/** Says that the model is loading while it does. */
async function loading(
  { terminal }: CommandCall,
  session: ChatSession,
): Promise<void> {
  if (terminal.tty.err) terminal.err(`Loading ${session.settings.model}...`);
  try {
    await session.load();
  } finally {
    if (terminal.tty.err) terminal.err("\r\x1b[K");
  }
}
