/** `install-service`: writes a systemd unit that runs `supervise` with the given flags. Starts nothing. */

import { dirname, join, resolve } from "node:path";
import type { Command, CommandCall, CommandFlag } from "../command.ts";
import { allowedEnv } from "../environment.ts";
import { FLAGS } from "../flags/flag_table.ts";
import { EXECUTABLE_ENV, programCommand, programFolder } from "../supervise/program.ts";
import { type ServiceFlag, serviceFlags } from "../supervise/service_flags.ts";
import { stateFolder, unitText } from "../supervise/unit_file.ts";

const NAME = "llamacpp-server";

/** Seconds beyond `--drain-timeout` that a stop may take. */
const STOP_SECONDS = 20;

/** Files that root hands to the service, with the name that it finds them under. */
const CREDENTIALS: ReadonlyMap<string, string> = new Map([
  ["--api-key-file", "api-keys"],
  ["--ssl-key-file", "tls-key"],
  ["--ssl-cert-file", "tls-certificate"],
]);

/** What the service writes. */
const WRITTEN = ["--models-store", "--slot-save-path", "--log-file"];

const OWN_FLAGS: readonly CommandFlag[] = [
  { names: ["--user"], help: "a service of yours, without root, instead of one of the system" },
  { names: ["--run-as"], placeholder: "NAME", help: "account of the service; default: one of its own" },
  { names: ["--output"], placeholder: "FILE", help: "where to write it; default: where systemd looks" },
  { names: ["--print"], help: "write the unit to stdout only" },
  { names: ["--force"], help: "replace a unit that is there" },
];

export const installService: Command = {
  usage: "install-service [--user] [flags of serve]",
  operands: [0, 0],
  flags: OWN_FLAGS,
  notes: ["Writes a systemd unit and says how to start it; starts nothing itself."],
  async run(call) {
    const { flags, terminal } = call;
    if (Deno.build.os !== "linux") throw new Error("Cannot install a service: systemd is on Linux only");
    const text = unitOf(call);
    if (flags.get("print") === "true") {
      terminal.out(text);
      return 0;
    }
    const perUser = flags.get("user") === "true";
    const path = flags.get("output") ?? unitPath(perUser);
    await writeUnit(path, text, flags.get("force") === "true");
    const systemctl = perUser ? "systemctl --user" : "sudo systemctl";
    terminal.out(
      [
        `Wrote ${path}. To start it now and at every boot:`,
        "",
        `  ${systemctl} daemon-reload`,
        `  ${systemctl} enable --now ${NAME}`,
        ...(perUser ? ["  loginctl enable-linger        # also while you are not logged in"] : []),
        "",
      ].join("\n"),
    );
    return 0;
  },
};

function unitOf(call: CommandCall): string {
  const { options, flags } = call;
  const perUser = flags.get("user") === "true";
  const account = flags.get("run-as");
  checkCall(call, perUser, account);
  const credentials = new Map<string, string>();
  const reads: string[] = [];
  const writes: string[] = [];
  const args = serviceFlags(call.argv, OWN_FLAGS, (path) => resolve(path)).flatMap((flag) => {
    const credential = perUser ? undefined : CREDENTIALS.get(flag.name);
    if (credential !== undefined) {
      credentials.set(credential, flag.value ?? "");
      return [flag.name, `\${CREDENTIALS_DIRECTORY}/${credential}`];
    }
    if (WRITTEN.includes(flag.name)) {
      if (!perUser && account === undefined) throw needsAccount(flag);
      writes.push(...flag.name === "--log-file" ? flag.paths.map(dirname) : flag.paths);
    } else reads.push(...flag.paths);
    return flag.value === undefined ? [flag.name] : [flag.name, flag.value];
  });
  if (!perUser && !call.given.has("modelsStore")) {
    args.push("--models-store", join(stateFolder(NAME), "models"));
  }
  const program = {
    executable: allowedEnv(EXECUTABLE_ENV),
    execPath: Deno.execPath(),
    standalone: Deno.build.standalone,
  };
  const { file, args: words } = programCommand(program, "supervise", args, [
    ...(perUser ? [join(homeFolder(), ".llamacpp-server")] : [stateFolder(NAME)]),
    ...writes,
  ]);
  const installed = file === program.execPath && !program.standalone ? [file, programFolder()] : [file];
  return unitText({
    command: [resolve(file), ...words],
    name: NAME,
    perUser,
    account,
    credentials,
    reads: [...installed.map((path) => resolve(path)), ...reads],
    writes,
    port: options.port,
    stopSeconds: options.drainTimeout + STOP_SECONDS,
    locksMemory: options.loadMode.includes("mlock"),
    realtime: options.priority >= REALTIME,
  });
}

/** `--prio` from which threads ask for realtime. */
const REALTIME = 3;

/** @throws Error in words for people when the flags make no good service */
function checkCall({ given, options, env, terminal }: CommandCall, perUser: boolean, account?: string): void {
  if (perUser && account !== undefined) {
    throw new Error("--user and --run-as exclude each other: a service of yours runs as you");
  }
  if (account !== undefined && !/^[a-z_][a-z0-9_-]*\$?$/i.test(account)) {
    throw new Error(`--run-as: expected the name of an account, got ${JSON.stringify(account)}`);
  }
  if (given.has("apiKeys")) {
    throw new Error("--api-key would stand in the unit for everybody to read: use --api-key-file");
  }
  if (options.port === 0) throw new Error("A service needs a port of its own: --port 0 makes no sense");
  const names = new Set(FLAGS.flatMap((flag) => flag.env !== undefined && env(flag.env) ? [flag.env] : []));
  if (names.size > 0) {
    terminal.err(`Warning: the service will not see ${[...names].join(", ")}; use flags\n`);
  }
}

function needsAccount({ name, value }: ServiceFlag): Error {
  return new Error(
    `${name} ${value}: the service has a user of its own that writes only to ${stateFolder(NAME)}; ` +
      "--run-as names one that may write there",
  );
}

function unitPath(perUser: boolean): string {
  if (!perUser) return `/etc/systemd/system/${NAME}.service`;
  const config = allowedEnv("XDG_CONFIG_HOME") ?? join(homeFolder(), ".config");
  return join(config, "systemd", "user", `${NAME}.service`);
}

function homeFolder(): string {
  const home = allowedEnv("HOME");
  if (home === undefined) throw new Error("Cannot find your home folder: HOME is not set");
  return home;
}

/** @throws Error in words for people when it cannot be written, or is there already */
async function writeUnit(path: string, text: string, force: boolean): Promise<void> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, text, { createNew: !force, mode: 0o644 });
  } catch (cause) {
    const why = cause instanceof Deno.errors.AlreadyExists
      ? "there is one already (--force replaces it)"
      : cause instanceof Error
      ? cause.message
      : String(cause);
    throw new Error(`Cannot write the unit "${path}": ${why}`, { cause });
  }
}
