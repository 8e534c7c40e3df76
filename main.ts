/** Entry point: command line to command, signals to a clean stop, outcome to exit code. */

import config from "./deno.json" with { type: "json" };
import { parseCommandLine } from "./src/cli/args.ts";
import { flagEnv } from "./src/cli/environment.ts";
import { helpText, versionText } from "./src/cli/help.ts";
import { llamaCppVersion } from "./src/cli/installation.ts";
import { supervisorLink } from "./src/cli/supervise/supervisor_link.ts";

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  return new Promise((resolve) => {
    let asked = false;
    const stop = () => {
      if (asked) Deno.exit(130);
      asked = true;
      resolve();
    };
    for (const signal of signals) Deno.addSignalListener(signal, stop);
  });
}

const invocation = parseCommandLine(Deno.args, flagEnv);
// Commands are loaded when they are wanted: a server needs no code of the chat, a chat with a server none of the engine.
switch (invocation.command) {
  case "serve": {
    // First of all: a supervisor waits for a sign of life.
    const link = supervisorLink();
    const stopped = Promise.race([stopSignal(), ...link === undefined ? [] : [link.stopped]]);
    const { serve } = await import("./src/cli/serve.ts");
    Deno.exit(await serve(invocation.options, config.version, stopped, undefined, link));
    break;
  }
  case "client": {
    const { runCommand } = await import("./src/cli/run_command.ts");
    Deno.exit(await runCommand(invocation.name, invocation.argv, config.version, flagEnv));
    break;
  }
  case "help":
    console.log(helpText());
    break;
  case "version":
    console.log(versionText(config.version, llamaCppVersion()).trimEnd());
    break;
  case "error":
    console.error(invocation.message);
    Deno.exit(invocation.exitCode);
}
