import assert from "node:assert/strict";
import { programCommand } from "../../../../src/cli/supervise/program.ts";

const SOURCE = {
  executable: undefined,
  execPath: "/bin/deno",
  standalone: false,
};

Deno.test("programCommand() takes the file that the user started, then the executable", () => {
  assert.deepEqual(
    programCommand({ ...SOURCE, executable: "/opt/llamacpp-server" }, "serve", [
      "--port",
      "1",
    ], ["/store"]),
    { file: "/opt/llamacpp-server", args: ["serve", "--port", "1"] },
  );
  assert.deepEqual(
    programCommand(
      { ...SOURCE, execPath: "/opt/compiled", standalone: true },
      "supervise",
      [],
      [],
    ),
    { file: "/opt/compiled", args: ["supervise"] },
  );
});

Deno.test("programCommand() gives Deno the permissions of the task, and to write only what is named", () => {
  const { file, args } = programCommand(SOURCE, "serve", ["-c", "512"], [
    "/store",
    "/var/log/x",
  ]);
  assert.equal(file, "/bin/deno");
  assert.ok(args.includes("--no-prompt") && args.includes("--allow-ffi"));
  assert.deepEqual(args.filter((flag) => flag.startsWith("--allow-write")), [
    "--allow-write=/store,/var/log/x",
  ]);
  assert.ok(
    !args.some((flag) => flag.startsWith("--allow-run") || flag === "--allow-all" || flag === "-A"),
  );
  assert.match(args.slice(-4).join(" "), /\/main\.ts serve -c 512$/);
});

Deno.test("programCommand() lets a supervisor run programs, but call no libraries", () => {
  const { args } = programCommand(SOURCE, "supervise", [], []);
  assert.deepEqual(args.filter((flag) => /^--allow-(run|write|ffi)/.test(flag)), ["--allow-run"]);
});
