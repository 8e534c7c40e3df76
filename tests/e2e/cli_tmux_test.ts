/** `run` in tmux: what stands on the screen, of wrapped lines, wide characters and other window sizes too. */

import assert from "node:assert/strict";
import { cliCommand, cliEnvironment } from "../support/cli_process.ts";
import { endlessServer } from "../support/endless_server.ts";
import { ServerProcess } from "../support/server_process.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { hasTmux, Tmux } from "../support/tmux.ts";

const TMUX = hasTmux();
const NOTE = TMUX ? "" : " (skipped: no tmux)";

/** The empty prompt at the end of the screen. */
const READY = />>> Send a message .*$/;
const LONG = "the quick brown fox jumps over the lazy dog and then runs away over the hills again";

Deno.test({
  name: `run in tmux: editing, history, pastes, window sizes${NOTE}`,
  ignore: !TMUX,
  async fn(t) {
    using folder = new TemporaryFolder();
    await using server = await ServerProcess.start();
    const env = cliEnvironment({
      url: server.url,
      store: folder.file("store"),
    });
    using tmux = new Tmux(cliCommand(["run", "llama"]), env, {
      columns: 70,
      rows: 24,
    });
    /** Takes back what is typed. */
    const fresh = async () => {
      tmux.keys("C-e", "C-u");
      await tmux.wait(/\n>>>( Send a message .*)?$/);
    };
    /** What is being typed, from its prompt on, without the breaks at the right edge. */
    const typed = (lines: string[]) =>
      lines.slice(lines.findLastIndex((line) => line.startsWith(">>>"))).join(
        "",
      );
    await tmux.wait(READY);

    await t.step("an answer, then the prompt", async () => {
      tmux.keys("Hello", "Enter");
      const lines = await tmux.wait(/>>> Hello\n[^]+\n\n>>> Send a message/);
      assert.ok(lines.every((line) => line.length <= 70));
    });

    await t.step("a long line can be edited across rows", async () => {
      await fresh();
      tmux.type(LONG);
      await tmux.wait(/hills again$/);
      tmux.keys("Home", "X", "End", "BSpace", "Y", "M-b", "C-k");
      const lines = await tmux.wait(/hills$/);
      assert.equal(
        typed(lines),
        `>>> X${LONG.slice(0, -"again".length).trimEnd()}`,
      );
    });

    await t.step(
      "a narrower and a wider window show the line once",
      async () => {
        for (const columns of [35, 90, 50]) {
          tmux.resize(columns, 24);
          await new Promise((resolve) => setTimeout(resolve, 300));
          tmux.type("!");
          const lines = (await tmux.wait(/!$/)).filter((line) => line.startsWith(">>> X"));
          assert.equal(lines.length, 1, lines.join("\n"));
        }
        await tmux.wait(/!!!$/);
        tmux.resize(70, 24);
      },
    );

    await t.step("wide characters are edited by character", async () => {
      await fresh();
      tmux.type(
        "日本語の長い文章をここに書いてみます、これは端末の幅を超えるはずです、続き",
      );
      await tmux.wait(/続き$/);
      tmux.keys("Left", "Left", "BSpace", "X", "End", "é");
      const lines = await tmux.wait(/é$/);
      assert.equal(
        typed(lines),
        ">>> 日本語の長い文章をここに書いてみます、これは端末の幅を超えるはずですX続きé",
      );
    });

    await t.step(
      "a paste of several lines waits for Enter and is one message",
      async () => {
        await fresh();
        tmux.paste("/one\ntwo\nthree");
        await tmux.wait(/>>> \/one\n\.\.\. two\n\.\.\. three$/);
        tmux.keys("Enter");
        const lines = await tmux.wait(/\.\.\. three\n[^]+\n>>> Send a message/);
        assert.ok(
          !lines.join("\n").includes("Unknown command"),
          lines.join("\n"),
        );
      },
    );

    await t.step(
      '""" begins and ends several lines; Up brings back the last',
      async () => {
        tmux.keys('/set system """a', "Enter");
        await tmux.wait(/\n\.\.\.$/);
        tmux.keys('b"""', "Enter");
        await tmux.wait(/Set system message\.\n>>> Send/);
        tmux.keys("/show system", "Enter");
        await tmux.wait(/\na\nb\n+>>> Send/);
        tmux.keys("Up");
        await tmux.wait(/>>> \/show system$/);
      },
    );

    await t.step("Ctrl-C empties the line, Ctrl-D leaves", async () => {
      tmux.keys("C-c");
      await tmux.wait(READY);
      tmux.keys("C-d");
      await tmux.wait(/ended: 0$/);
    });
  },
});

Deno.test({
  name: `run in tmux stops a streaming answer with Ctrl-C, whatever becomes of the window${NOTE}`,
  ignore: !TMUX,
  async fn() {
    using folder = new TemporaryFolder();
    const endless = endlessServer();
    await using server = endless.server;
    const env = cliEnvironment({
      url: `http://127.0.0.1:${server.addr.port}`,
      store: folder.file("store"),
    });
    using tmux = new Tmux(cliCommand(["run", "any"]), env, {
      columns: 60,
      rows: 20,
    });
    await tmux.wait(READY);
    tmux.keys("go", "Enter");
    await tmux.wait(/tick tick/);
    tmux.resize(40, 20);
    await new Promise((resolve) => setTimeout(resolve, 500));
    tmux.keys("typed ahead");
    const during = await tmux.wait(/(tick ?\n?){40}/);
    assert.ok(
      during.slice(1).every((line) => !line.includes(">>>")),
      "no prompt is drawn into an answer",
    );
    tmux.keys("C-c");
    const after = await tmux.wait(READY);
    assert.ok(
      !after.join("\n").includes("typed ahead"),
      "Ctrl-C takes back what was typed before it",
    );
    await endless.stopped;
    tmux.keys("again", "Enter");
    await tmux.wait(/>>> again\ntick tick/);
    tmux.keys("C-c");
    await tmux.wait(READY);
    tmux.keys("/bye", "Enter");
    await tmux.wait(/ended: 0$/);
  },
});
