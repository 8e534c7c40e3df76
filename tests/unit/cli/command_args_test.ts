import assert from "node:assert/strict";
import { parseCommandLine } from "../../../src/cli/args.ts";
import type { CommandCall } from "../../../src/cli/command.ts";
import { type CommandArgs, parseCommandArgs } from "../../../src/cli/command_args.ts";
import { commandHelp } from "../../../src/cli/command_help.ts";
import { COMMAND_LIST, commandNamed } from "../../../src/cli/command_list.ts";
import { UsageError } from "../../../src/cli/usage_error.ts";

const SPEC = {
  usage: "test NAME...",
  operands: [1, 2] as [number, number],
  flags: [
    { names: ["-f", "--file"] as const, placeholder: "FILE", help: "" },
    { names: ["--think"] as const, placeholder: "LEVEL", optional: true, help: "" },
    { names: ["-n", "--number"] as const, placeholder: "N", help: "" },
    { names: ["--verbose"] as const, help: "" },
  ],
};

function parse(argv: string[], env: Record<string, string> = {}): CommandArgs {
  return parseCommandArgs(SPEC, argv, (name) => env[name]);
}

function call(
  argv: string[],
  env: Record<string, string> = {},
): Pick<CommandCall, "operands" | "flags" | "options" | "given"> {
  const args = parse(argv, env);
  assert.equal(args.kind, "call");
  return (args as Extract<CommandArgs, { kind: "call" }>).call;
}

Deno.test("parseCommandLine() leaves a command's line to the command, under each of its names", () => {
  assert.deepEqual(parseCommandLine(["ls", "--x"], () => undefined), {
    command: "client",
    name: "list",
    argv: ["--x"],
  });
  assert.deepEqual(parseCommandLine(["help", "run"], () => undefined), {
    command: "client",
    name: "run",
    argv: ["--help"],
  });
  const late = parseCommandLine(["--port", "1", "list"], () => undefined);
  assert.equal(late.command, "error");
});

Deno.test("parseCommandArgs() tells operands, own flags and flags of serve apart", () => {
  const { operands, flags, options, given } = call(["a", "-f", "--port", "b", "--port", "1", "--verbose"]);
  assert.deepEqual(operands, ["a", "b"]);
  assert.deepEqual([...flags], [["file", "--port"], ["verbose", "true"]]);
  assert.equal(options.port, 1);
  assert.deepEqual([...given], ["port"]);
});

Deno.test("parseCommandArgs() gives a command's own flag the spelling of one of serve", () => {
  const { flags, options } = call(["a", "-n", "3"]);
  assert.equal(flags.get("number"), "3");
  assert.equal(options.predict, -1);
});

Deno.test("parseCommandArgs() takes an optional value only when it is attached", () => {
  assert.deepEqual(call(["--think", "high"]).operands, ["high"]);
  assert.equal(call(["a", "--think"]).flags.get("think"), "true");
  assert.equal(call(["a", "--think=high"]).flags.get("think"), "high");
});

Deno.test("parseCommandArgs() takes everything after -- for operands", () => {
  assert.deepEqual(call(["a", "--", "--verbose"]).operands, ["a", "--verbose"]);
});

Deno.test("parseCommandArgs() counts settings of the environment as not given", () => {
  const { options, given } = call(["a"], { LLAMA_ARG_PORT: "9" });
  assert.equal(options.port, 9);
  assert.equal(given.size, 0);
});

Deno.test("parseCommandArgs() refuses wrong numbers of operands, unknown flags and wrong values", () => {
  const message = (argv: string[]) => {
    try {
      parse(argv);
    } catch (error) {
      assert.ok(error instanceof UsageError);
      return error.message;
    }
    throw new Error("nothing was thrown");
  };
  assert.equal(message([]), "too few arguments, usage: llamacpp-server test NAME...");
  assert.equal(message(["a", "b", "c"]), "too many arguments, usage: llamacpp-server test NAME...");
  assert.equal(message(["a", "--flie", "x"]), 'unknown flag "--flie", did you mean "--file"?');
  assert.equal(message(["a", "--file"]), "--file: expected FILE, got nothing");
  assert.equal(message(["a", "--verbose=perhaps"]), '--verbose: expected on or off, got "perhaps"');
  assert.match(message(["a", "--port", "x"]), /^--port: expected a whole number/);
});

Deno.test("parseCommandArgs() answers --help whatever else is wrong", () => {
  assert.equal(parse(["--help"]).kind, "help");
  assert.equal(parse(["-h"]).kind, "help");
});

Deno.test("every command loads, and its help names its flags", async () => {
  for (const listed of COMMAND_LIST) {
    const command = await listed.load();
    assert.ok(command.usage.startsWith(listed.name), listed.name);
    const help = commandHelp(listed, command);
    for (const { names } of command.flags) {
      for (const name of names) assert.ok(help.includes(name), `${listed.name} ${name}`);
    }
    const [least, most] = command.operands;
    assert.ok(least <= most);
    assert.equal(commandNamed(listed.name), listed);
  }
});
