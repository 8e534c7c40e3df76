import assert from "node:assert/strict";
import { serviceFlags } from "../../../../src/cli/supervise/service_flags.ts";

const OWN = [{ names: ["--user"], help: "" }, {
  names: ["--run-as"],
  placeholder: "NAME",
  help: "",
}] as const;
const flags = (...argv: string[]) =>
  serviceFlags(
    argv,
    OWN,
    (path) => path.startsWith("/") ? path : `/here/${path}`,
  );

Deno.test("serviceFlags() leaves the command's own flags out and keeps the others as they are", () => {
  assert.deepEqual(
    flags(
      "--user",
      "-c",
      "512",
      "--run-as",
      "me",
      "--allow-anonymous",
      "--port=81",
    ).map((
      { name, value },
    ) => [name, value]),
    [["--ctx-size", "512"], ["--allow-anonymous", undefined], ["--port", "81"]],
  );
});

Deno.test("serviceFlags() names files from the root, in lists and with scales as well", () => {
  assert.deepEqual(
    flags(
      "-m",
      "a.gguf",
      "--models-dir",
      "x,/y",
      "--lora-scaled",
      "l.gguf:0.5,/m.gguf:1",
    ),
    [
      { name: "--model", value: "/here/a.gguf", paths: ["/here/a.gguf"] },
      { name: "--models-dir", value: "/here/x,/y", paths: ["/here/x", "/y"] },
      {
        name: "--lora-scaled",
        value: "/here/l.gguf:0.5,/m.gguf:1",
        paths: ["/here/l.gguf", "/m.gguf"],
      },
    ],
  );
});
