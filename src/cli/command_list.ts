/**
 * The commands besides `serve`, `help` and `version`. Loads none of them: a server that starts does not read the code
 * of a chat in the terminal.
 */

import type { Command } from "./command.ts";

/** A command that can be loaded. */
export interface ListedCommand {
  name: string;
  aliases?: readonly string[];
  /** For `--help`: what it does, without a full stop. */
  summary: string;
  load(): Promise<Command>;
}

/** In the order of `--help`. */
export const COMMAND_LIST: readonly ListedCommand[] = [
  {
    name: "run",
    summary: "chat with a model in the terminal, or answer one prompt",
    load: async () => (await import("./commands/run.ts")).run,
  },
  {
    name: "pull",
    summary: "download a model",
    load: async () => (await import("./commands/pull.ts")).pull,
  },
  {
    name: "push",
    summary: "upload a model to its registry",
    load: async () => (await import("./commands/push.ts")).push,
  },
  {
    name: "list",
    aliases: ["ls"],
    summary: "list the models on this machine",
    load: async () => (await import("./commands/list.ts")).list,
  },
  {
    name: "show",
    summary: "tell about a model",
    load: async () => (await import("./commands/show.ts")).show,
  },
  {
    name: "ps",
    summary: "list the models in memory",
    load: async () => (await import("./commands/ps.ts")).ps,
  },
  {
    name: "stop",
    summary: "remove a model from memory",
    load: async () => (await import("./commands/stop.ts")).stop,
  },
  {
    name: "create",
    summary: "make a model from a Modelfile",
    load: async () => (await import("./commands/create.ts")).create,
  },
  {
    name: "cp",
    summary: "give a model a second name",
    load: async () => (await import("./commands/cp.ts")).cp,
  },
  {
    name: "rm",
    summary: "delete models",
    load: async () => (await import("./commands/rm.ts")).rm,
  },
  {
    name: "supervise",
    summary: "serve, and start the server again when it crashes or hangs",
    load: async () => (await import("./commands/supervise.ts")).supervise,
  },
  {
    name: "install-service",
    summary: "write a systemd unit that runs supervise",
    load: async () => (await import("./commands/install_service.ts")).installService,
  },
  {
    name: "bench",
    summary: "measure how fast a model is on this machine",
    load: async () => (await import("./commands/bench.ts")).bench,
  },
  {
    name: "doctor",
    summary: "check the installation",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
];

/** A command by its name or another word for it. */
export function commandNamed(word: string): ListedCommand | undefined {
  return COMMAND_LIST.find(({ name, aliases = [] }) => name === word || aliases.includes(word));
}
