/** `run` on a terminal, used as a person would: what is typed, what is shown, what the keys do. */

import assert from "node:assert/strict";
import { cliCommand, cliEnvironment } from "../support/cli_process.ts";
import { endlessServer } from "../support/endless_server.ts";
import { findTerminalPython, PseudoTerminal } from "../support/pseudo_terminal.ts";
import { ServerProcess } from "../support/server_process.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const PYTHON = findTerminalPython();
const NOTE = PYTHON === undefined ? " (skipped: no Python with pty)" : "";

const ENTER = "\r";
const UP = "\x1b[A";
const LEFT = "\x1b[D";
const CTRL_C = "\x03";
const CTRL_D = "\x04";
/** The prompt with the hint behind it: the program waits for a line. */
const READY = ">>> .*for help\\)";
/** The first letters of an answer: what follows the line that was typed. */
const ANSWER = "2004l\\S+";

async function says(
  terminal: PseudoTerminal,
  line: string,
  pattern: string,
): Promise<string> {
  await terminal.wait(READY);
  await terminal.type(line + ENTER);
  return await terminal.wait(pattern);
}

Deno.test({
  name: `run on a terminal${NOTE}`,
  ignore: PYTHON === undefined,
  async fn(t) {
    using folder = new TemporaryFolder();
    await using server = await ServerProcess.start();
    const env = cliEnvironment({
      url: server.url,
      store: folder.file("store"),
    });
    const chat = () => PseudoTerminal.start(PYTHON!, cliCommand(["run", "llama"]), env);
    {
      await using terminal = chat();

      await t.step("streams an answer", async () => {
        await says(terminal, "Hello", ANSWER);
      });

      await t.step("Ctrl-C stops the answer and not the program", async () => {
        await says(terminal, "/set parameter num_predict 3000", "num_predict");
        await says(
          terminal,
          "Tell me a story.",
          "story\\.\\s[\\s\\S]*2004l\\w{2}",
        );
        await terminal.type(CTRL_C);
        await terminal.wait(READY);
        await idle(server);
        await terminal.type("Hello" + ENTER);
        await terminal.wait(ANSWER);
      });

      await t.step(
        "Ctrl-C at the prompt says how to leave, and takes back what was typed",
        async () => {
          await terminal.wait(READY);
          await terminal.type("abandoned");
          await terminal.wait("abandoned");
          await terminal.type(CTRL_C);
          await terminal.wait(READY);
          await terminal.type(CTRL_C);
          await terminal.wait("/bye to exit");
        },
      );

      await t.step(
        "Up brings back earlier lines, and they can be edited",
        async () => {
          await says(terminal, "/set system First.", "Set system");
          await terminal.wait(READY);
          await terminal.type(UP + LEFT + "é世" + LEFT + "\x7f" + ENTER);
          await terminal.wait("Set system");
          await says(terminal, "/show system", "2004lFirst世\\.\\r");
        },
      );

      await t.step('""" takes several lines', async () => {
        await says(terminal, '/set system """You are', "\\.\\.\\. ");
        await terminal.type('a poet."""' + ENTER);
        await terminal.wait("Set system");
        await says(terminal, "/show system", "You are\\r?\\na poet\\.");
      });

      await t.step(
        "a paste of several lines is one message, even if it begins with a slash",
        async () => {
          await terminal.wait(READY);
          await terminal.type("\x1b[200~/home/a\rHello\x1b[201~");
          await terminal.wait("\\.\\.\\. .*Hello");
          await terminal.type(ENTER);
          const answer = await terminal.wait("\\w[\\s\\S]*>>> ");
          assert.doesNotMatch(answer, /Unknown command/);
        },
      );

      await t.step(
        "what is typed during an answer appears at the next prompt",
        async () => {
          await terminal.wait("for help\\)");
          await terminal.type(`Hello${ENTER}/set verb`);
          await terminal.wait(ANSWER);
          await terminal.wait(">>> .*/set verb");
          await terminal.type(`ose${ENTER}`);
          await terminal.wait("Set 'verbose'");
          await says(terminal, "Hello", "eval rate: +[\\d.]+ tokens/s");
        },
      );

      await t.step("Ctrl-D leaves", async () => {
        await terminal.wait(READY);
        await terminal.type(CTRL_D);
        assert.equal((await terminal.end(20)).code, 0);
      });
    }
    {
      await using terminal = chat();

      await t.step("the next chat knows the lines of the last", async () => {
        await terminal.wait(READY);
        await terminal.type(UP + UP);
        await terminal.wait("/set verbose");
        await terminal.type(CTRL_C);
      });

      await t.step("/bye leaves", async () => {
        await terminal.wait(READY);
        await terminal.type("/bye" + ENTER);
        assert.equal((await terminal.end(20)).code, 0);
      });
    }
  },
});

/** Waits until the server computes nothing any more. */
async function idle(server: ServerProcess): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const slots = await (await fetch(`${server.url}/slots`)).json() as {
      is_processing: boolean;
    }[];
    if (!slots.some((slot) => slot.is_processing)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("The server still computes an answer that was stopped");
}

Deno.test({
  name: `run stops an answer that would never end, and closes its request${NOTE}`,
  ignore: PYTHON === undefined,
  async fn() {
    using folder = new TemporaryFolder();
    const endless = endlessServer();
    await using server = endless.server;
    const env = cliEnvironment({
      url: `http://127.0.0.1:${server.addr.port}`,
      store: folder.file("store"),
    });
    await using terminal = PseudoTerminal.start(
      PYTHON!,
      cliCommand(["run", "any"]),
      env,
    );
    await says(terminal, "go", "tick tick tick");
    await terminal.type(CTRL_C);
    await terminal.wait(READY);
    await endless.stopped;
    assert.equal(endless.asked, 1);
    await terminal.type("again" + ENTER);
    await terminal.wait("tick tick");
    assert.equal(endless.asked, 2);
    await terminal.type(CTRL_C);
    await terminal.wait(READY);
    await terminal.type(CTRL_D);
    assert.equal((await terminal.end(20)).code, 0);
  },
});
