/** The commands as users of Ollama's know them: against a running server, and without one. */

import assert from "node:assert/strict";
import { cliEnvironment, type CliOptions, type CliResult, runCli } from "../support/cli_process.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { generativeModel } from "../support/paths.ts";
import { ServerProcess } from "../support/server_process.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

/** Runs a command that is to succeed. @returns stdout */
async function good(args: string[], options: CliOptions): Promise<string> {
  const { code, stdout, stderr } = await runCli(args, options);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

/** Runs a command that is to fail. @returns its one line on stderr */
async function bad(args: string[], options: CliOptions, code = 1): Promise<string> {
  const result: CliResult = await runCli(args, options);
  assert.equal(result.code, code, `${args.join(" ")}: ${result.stderr}${result.stdout}`);
  return result.stderr.trim();
}

/** A Modelfile of the embedded model with everything that one can say. */
function writeModelfile(folder: TemporaryFolder): string {
  const file = folder.file("Modelfile");
  Deno.writeTextFileSync(
    file,
    `# a test\nFROM ${generativeModel()}\nPARAMETER temperature 0\nPARAMETER stop "END"\n` +
      `SYSTEM """You are\nbrief."""\nMESSAGE user hi\nMESSAGE assistant hello\nLICENSE "MIT"\n`,
  );
  return file;
}

/** A Modelfile whose every layer changes the answer. */
function writeStoredModelfile(folder: TemporaryFolder): string {
  const file = folder.file("Modelfile.stored");
  const template = "{%- for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}<assistant>";
  Deno.writeTextFileSync(
    file,
    `FROM ${generativeModel()}\nTEMPLATE """${template}"""\nSYSTEM "You speak like a pirate and tell no lies."\n` +
      `PARAMETER temperature 0\nPARAMETER num_predict 3\nMESSAGE user Who are you?\n` +
      `MESSAGE assistant I am Blackbeard of the seven seas.\n`,
  );
  return file;
}

/** A figure of `--verbose`. */
function figure(name: string, stderr: string): number {
  const value = new RegExp(`^${name}: +(\\d+)`, "m").exec(stderr)?.[1];
  assert.ok(value !== undefined, `no ${name} in ${stderr}`);
  return Number(value);
}

/** list, create, show, cp, rm: the same with and without a server. */
async function managesModels(
  t: Deno.TestContext,
  options: CliOptions,
  folder: TemporaryFolder,
): Promise<void> {
  await t.step("list shows the embedded model in columns", async () => {
    const [head, ...rows] = (await good(["list"], options)).trimEnd().split("\n");
    assert.match(head ?? "", /^NAME +ID +SIZE +MODIFIED$/);
    assert.equal(rows.length, 1);
    assert.match(rows[0] ?? "", /^demo:latest +[0-9a-f]{12} +[\d.]+ MB +.* ago$/);
  });

  await t.step("create makes a model of a Modelfile and a local file", async () => {
    await good(["create", "mine", "-f", writeModelfile(folder)], options);
    assert.match(await good(["ls", "MI"], options), /^NAME.*\nmine:latest .*\n$/);
  });

  await t.step("show tells what the Modelfile said", async () => {
    const shown = await good(["show", "mine"], options);
    assert.match(shown, /architecture +qwen2\n/);
    assert.match(shown, / {2}Capabilities\n {4}completion\n/);
    assert.match(shown, /stop +"END"\n/);
    assert.match(shown, / {2}System\n {4}You are\n {4}brief\.\n/);
    assert.equal(await good(["show", "mine", "--system"], options), "You are\nbrief.\n");
    assert.equal(await good(["show", "mine", "--license"], options), "MIT\n");
    assert.match(await good(["show", "mine", "--modelfile"], options), /^FROM .*blobs.sha256-/m);
    assert.match(await bad(["show", "mine", "--system", "--license"], options, 2), /^Error: only one of/);
  });

  await t.step("cp and rm", async () => {
    assert.equal(await good(["cp", "mine", "other"], options), "copied 'mine' to 'other'\n");
    assert.equal(await good(["rm", "mine", "other"], options), "deleted 'mine'\ndeleted 'other'\n");
    assert.equal(await bad(["rm", "mine"], options), "Error: model 'mine' not found");
    assert.doesNotMatch(await good(["list"], options), /mine/);
  });

  await t.step("errors are one line, the exit code 1", async () => {
    assert.equal(await bad(["show", "nothere"], options), "Error: model 'nothere' not found");
    assert.equal(
      await bad(["run", "nothere", "hi"], options),
      "Error: model 'nothere' not found, try pulling it first: llamacpp-server pull nothere",
    );
    assert.match(
      await bad(["create", "x", "-f", folder.file("none")], options),
      /^Error: there is no Modelfile/,
    );
  });
}

Deno.test("commands against a running server", async (t) => {
  using folder = new TemporaryFolder();
  await using server = await ServerProcess.start({ args: ["--models-store", folder.file("store")] });
  const options = { url: server.url, store: folder.file("unused") };
  await managesModels(t, options, folder);

  await t.step("run answers a prompt from the command line and from stdin", async () => {
    assert.match(await good(["run", "llama", "Hello"], options), /^\S.*\n$/);
    assert.match(await good(["run", "llama"], { ...options, stdin: "Hello\n" }), /^\S.*\n$/);
    assert.match(await good(["run"], { ...options, stdin: "Hello" }), /\S/);
  });

  await t.step("run without a prompt loads the model", async () => {
    assert.equal(await good(["run", "llama", ""], options), "");
  });

  await t.step("run --verbose prints figures on stderr", async () => {
    const { stdout, stderr } = await runCli(["run", "llama", "--verbose", "Hello"], options);
    assert.doesNotMatch(stdout, /rate/);
    assert.match(stderr, /^eval rate: +[\d.]+ tokens\/s$/m);
  });

  await t.step("ps and stop", async () => {
    const [head, row] = (await good(["ps"], options)).split("\n");
    assert.match(head ?? "", /^NAME +ID +SIZE +PROCESSOR +CONTEXT +UNTIL$/);
    assert.match(row ?? "", /^demo:latest +[0-9a-f]{12} +[\d.]+ MB +100% CPU +4096 +\S/);
    assert.equal(await bad(["stop", "nothere"], options), `Error: couldn't find model "nothere" to stop`);
    assert.equal(await good(["stop", "demo"], options), "");
  });

  await t.step("nothing was stored but by the server", () => {
    assert.throws(() => Deno.statSync(folder.file("unused")), Deno.errors.NotFound);
  });
});

Deno.test("commands without a server", async (t) => {
  using folder = new TemporaryFolder();
  const options = { store: folder.file("store") };
  await managesModels(t, options, folder);

  await t.step("run serves for itself", async () => {
    assert.match(await good(["run", "llama", "Hello"], options), /^\S.*\n$/);
    assert.match(await good(["run", generativeModel(), "Hello"], options), /^\S.*\n$/);
  });

  await t.step("run without a server gives what a server gives of a stored model", async () => {
    await good(["create", "story", "-f", writeStoredModelfile(folder)], options);
    const alone = await runCli(["run", "story", "Hello", "--verbose"], options);
    assert.equal(alone.code, 0, alone.stderr);
    await using server = await ServerProcess.start({ args: ["--models-store", folder.file("store")] });
    const served = await runCli(["run", "story", "Hello", "--verbose"], { ...options, url: server.url });
    assert.equal(alone.stdout, served.stdout);
    for (const { stderr } of [alone, served]) assert.equal(figure("eval count", stderr), 3, "num_predict");
    assert.equal(figure("prompt eval count", alone.stderr), figure("prompt eval count", served.stderr));
    // The template of its own writes the role before each message; system and both messages are there.
    const plain = await runCli(["run", "llama", "Hello", "--verbose"], options);
    assert.ok(figure("prompt eval count", alone.stderr) > figure("prompt eval count", plain.stderr) + 20);
    await good(["rm", "story"], options);
  });

  await t.step("ps and stop need a server, and so does one that was named", async () => {
    assert.match(await bad(["ps"], options), /^Error: could not connect to a server at .*serve/);
    assert.match(await bad(["stop", "x"], options), /^Error: could not connect/);
    assert.match(
      await bad(["list", "--port", "9"], options),
      /^Error: could not connect to a server at http:\/\/127/,
    );
  });

  await t.step("pull shows its steps and makes a model that can be shown", async () => {
    const registry = new FakeRegistry();
    const { name } = registry.addModel("library/tiny:v1", [
      ["model", Deno.readFileSync(generativeModel())],
      ["system", "From afar."],
    ]);
    await using listening = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      registry.handle.bind(registry),
    );
    const model = `127.0.0.1:${listening.addr.port}/${name}`;
    const { code, stdout, stderr } = await runCli(["pull", model, "--insecure"], options);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, /^pulling manifest\npulling [0-9a-f]{12}\n[^]*\nsuccess\n$/);
    assert.equal(await good(["show", model, "--system"], options), "From afar.\n");
    const missing = model.replace("tiny", "nothere");
    assert.match(
      await bad(["pull", missing, "--insecure"], options),
      /Error: pull model manifest: file does not exist$/,
    );
  });

  await t.step("doctor finds the installation in order, and says what is not", async () => {
    const { stdout } = await runCli(["doctor", "--port", "0"], options);
    for (const name of ["Program", "Permissions", "Library", "Computing", "Model", "Store"]) {
      assert.match(stdout, new RegExp(`^ok +${name} `, "m"));
    }
    const broken = await runCli(["doctor", "--port", "0", "--lib-dir", folder.path], options);
    assert.equal(broken.code, 1);
    assert.match(broken.stdout, /^FAIL +Library +there is no libllama in/m);
  });

  await t.step("bench prints a table", async () => {
    const table = await good(["bench", "-p", "16", "-n", "4", "-d", "0,8", "-r", "1"], options);
    for (const test of ["pp16", "tg4", "pp16 @ d8", "tg4 @ d8"]) {
      assert.match(table, new RegExp(`\\| +${test} \\| +[\\d.]+ ± 0\\.00 \\|`));
    }
  });
});

Deno.test("a wrong command line is an error with a hint", async () => {
  const options = { store: cliEnvironment({}).LLAMACPP_SERVER_MODELS ?? "" };
  assert.equal(await bad(["lits"], options, 2), 'unknown command "lits", did you mean "list"?');
  assert.equal(
    await bad(["pull"], options, 2),
    "Error: too few arguments, usage: llamacpp-server pull MODEL [flags]",
  );
  assert.equal(
    await bad(["list", "--prot", "1"], options, 2),
    'Error: unknown flag "--prot", did you mean "--port"?',
  );
  assert.match(await good(["run", "--help"], options), /--hidethinking/);
  assert.match(await good(["help", "create"], options), /--quantize TYPE/);
});
