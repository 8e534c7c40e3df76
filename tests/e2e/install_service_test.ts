/** `install-service` writes a unit that systemd understands, once. Nothing is started. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ANALYZE } from "../support/systemd.ts";
import { cliCommand } from "../support/cli_process.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

async function install(
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [file = "", ...words] = cliCommand(["install-service", ...args]);
  const { code, stdout, stderr } = await new Deno.Command(file, {
    args: words,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

const ignore = Deno.build.os !== "linux";

Deno.test({
  name: `install-service: systemd understands the unit${ANALYZE.note}`,
  ignore: ignore || !ANALYZE.found,
  async fn(t) {
    using folder = new TemporaryFolder();
    const model = join(folder.path, "my model 100%.gguf");
    const lines: Record<string, string[]> = {
      "of the system": ["-m", model, "-c", "8192", "--port", "443", "--mlock"],
      "with secrets": [
        "--host",
        "0.0.0.0",
        "--api-key-file",
        join(folder.path, "keys"),
      ],
      "of an account": [
        "--run-as",
        "root",
        "--models-store",
        join(folder.path, "store"),
      ],
      "of a user": ["--user", "-m", model, "--chat-template", '{{ $x }}\n"%d"'],
    };
    await Deno.writeTextFile(model, "");
    for (const [name, args] of Object.entries(lines)) {
      await t.step(name, async () => {
        const unit = join(folder.path, "llamacpp-server.service");
        const written = await install(["--output", unit, "--force", ...args]);
        assert.equal(written.code, 0, written.stderr);
        assert.match(
          written.stdout,
          /systemctl (--user )?enable|systemctl enable/,
        );
        const { code, stdout, stderr } = await ANALYZE.verify(
          unit,
          args.includes("--user"),
        );
        assert.deepEqual(
          [code, stdout + stderr],
          [0, ""],
          await Deno.readTextFile(unit),
        );
      });
    }
  },
});

Deno.test({
  name: "install-service replaces a unit only with --force, and --print writes nothing",
  ignore,
  async fn() {
    using folder = new TemporaryFolder();
    const unit = join(folder.path, "x.service");
    const printed = await install(["--print", "--output", unit]);
    assert.equal(printed.code, 0, printed.stderr);
    assert.match(
      printed.stdout,
      /^\[Unit\]\n[^]*\nExecStart=\/.* supervise --models-store .*\n[^]*WantedBy=/,
    );
    await assert.rejects(Deno.stat(unit));
    await Deno.writeTextFile(unit, "mine");
    const refused = await install(["--output", unit]);
    assert.deepEqual([refused.code, refused.stderr], [
      1,
      `Error: Cannot write the unit "${unit}": there is one already (--force replaces it)\n`,
    ]);
    assert.equal(await Deno.readTextFile(unit), "mine");
    assert.equal((await install(["--output", unit, "--force"])).code, 0);
    assert.equal(await Deno.readTextFile(unit), printed.stdout);
  },
});

Deno.test({
  name: "install-service refuses what makes no good service",
  ignore,
  async fn() {
    const cases: [string[], RegExp][] = [
      [
        ["--api-key", "secret"],
        /--api-key would stand in the unit .*--api-key-file/,
      ],
      [["--port", "0"], /--port 0/],
      [
        ["--slot-save-path", "/srv/slots"],
        /--slot-save-path \/srv\/slots: .*--run-as/,
      ],
      [["--user", "--run-as", "me"], /exclude each other/],
      [["--run-as", "a b"], /--run-as: .*"a b"/],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await install(["--print", ...args]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, message);
    }
  },
});
