import assert from "node:assert/strict";
import config from "../../../deno.json" with { type: "json" };
import { ENV_NAMES, type Invocation, parseCommandLine } from "../../../src/cli/args.ts";
import { FLAGS } from "../../../src/cli/flags/flag_table.ts";
import { defaultOptions, type ServeOptions } from "../../../src/cli/serve_options.ts";
import { RANDOM_SEED } from "../../../src/core/sampling_params.ts";

function parse(argv: string[], env: Record<string, string> = {}): Invocation {
  return parseCommandLine(argv, (name) => env[name]);
}

function options(argv: string[], env: Record<string, string> = {}): ServeOptions {
  const invocation = parse(argv, env);
  assert.equal(invocation.command, "serve", JSON.stringify(invocation));
  return (invocation as Extract<Invocation, { command: "serve" }>).options;
}

function message(argv: string[], env: Record<string, string> = {}): string {
  const invocation = parse(argv, env);
  assert.equal(invocation.command, "error", JSON.stringify(invocation));
  const { message, exitCode } = invocation as Extract<Invocation, { command: "error" }>;
  assert.equal(exitCode, 2);
  return message;
}

Deno.test("parseCommandLine() serves with every default when nothing is given", () => {
  assert.deepEqual(options([]), defaultOptions());
  assert.deepEqual(options(["serve"]), defaultOptions());
  assert.equal(options([]).port, 8090);
  assert.equal(options([]).ctxSize, 4096);
});

Deno.test("parseCommandLine() knows llama-server's short flags of several letters", () => {
  const got = options([
    "-ub",
    "64",
    "-ngl",
    "12",
    "-np",
    "2",
    "-tb",
    "3",
    "-ctk",
    "q8_0",
    "-ctv",
    "bf16",
    "-fa",
    "on",
  ]);
  assert.equal(got.ubatchSize, 64);
  assert.equal(got.gpuLayers, 12);
  assert.equal(got.parallel, 2);
  assert.equal(got.threadsBatch, 3);
  assert.equal(got.cacheTypeK, "q8_0");
  assert.equal(got.cacheTypeV, "bf16");
  assert.equal(got.flashAttn, "on");
});

Deno.test("parseCommandLine() takes every spelling of every flag that takes a value", () => {
  const samples: Record<string, string> = {
    mirostat: "2",
    samplers: "top_k;temperature",
    loraScaled: "a.gguf:0.5",
    pooling: "cls",
    chatTemplate: "chatml",
    rpc: "10.0.0.1:50052",
  };
  const ofKind = ["1", "4096", "on", "f16", "auto", "layer", "rotate", "json", "x"];
  for (const flag of FLAGS) {
    if (flag.kind !== "setting" && flag.kind !== "sampling") continue;
    const value = samples[flag.key] ?? ofKind.find((sample) => flag.value.parse(sample) !== undefined);
    assert.ok(value !== undefined, flag.names[0]);
    const expected = options([flag.names[0], value]);
    for (const name of flag.names) {
      assert.deepEqual(options([name, value]), expected, name);
      assert.deepEqual(options([`${name}=${value}`]), expected, `${name}=`);
    }
  }
});

Deno.test("parseCommandLine() accepts values with a leading dash", () => {
  const got = options(["--keep", "-1", "-n", "-1", "-s", "-1", "--alias", "-c", "-m", "--model"]);
  assert.equal(got.keep, -1);
  assert.equal(got.predict, -1);
  assert.equal(got.sampling.seed, RANDOM_SEED);
  assert.deepEqual(got.alias, ["-c"]);
  assert.equal(got.model, "--model");
});

Deno.test("parseCommandLine() keeps everything after the first equals sign", () => {
  assert.equal(options(["--chat-template={% set a=1 %}"]).chatTemplate, "{% set a=1 %}");
});

Deno.test("parseCommandLine() takes -1, 0 and auto for threads chosen by the server", () => {
  for (const value of ["-1", "0", "auto"]) assert.equal(options(["-t", value]).threads, 0);
});

Deno.test("parseCommandLine() sets sampling only where the user did", () => {
  assert.deepEqual(options([]).sampling, {});
  assert.deepEqual(options(["--temp", "0", "--top-k=7", "--samplers", "top_k; temperature"]).sampling, {
    temperature: 0,
    topK: 7,
    samplers: ["top_k", "temperature"],
  });
});

Deno.test("parseCommandLine() lets flags win over the environment, and the environment over defaults", () => {
  const env = { LLAMA_ARG_PORT: "9001", LLAMA_ARG_CTX_SIZE: "512", LLAMA_ARG_THREADS: "" };
  const got = options(["--port", "9002"], env);
  assert.equal(got.port, 9002);
  assert.equal(got.ctxSize, 512);
  assert.equal(got.threads, 0);
});

Deno.test("parseCommandLine() takes the last of several values", () => {
  assert.equal(options(["-c", "1", "--ctx-size", "2"]).ctxSize, 2);
  assert.equal(options(["--overflow", "error", "--context-shift"]).overflow, "rotate");
  assert.equal(options(["--no-context-shift"]).overflow, "error");
  assert.equal(options(["--no-mmap"]).loadMode, "none");
});

Deno.test("parseCommandLine() reads a switch's variable as on or off", () => {
  assert.equal(options([], { LLAMA_ARG_CONTEXT_SHIFT: "off" }).overflow, "error");
  assert.equal(options([], { LLAMA_ARG_CONTEXT_SHIFT: "1" }).overflow, "rotate");
  assert.equal(options([], { LLAMA_ARG_LOG_JSONL: "true" }).logJsonl, true);
  assert.match(
    message([], { LLAMA_ARG_LOG_JSONL: "maybe" }),
    /^LLAMA_ARG_LOG_JSONL: expected on or off, got "maybe"$/,
  );
});

Deno.test("parseCommandLine() says which flag or variable is wrong, what it expects and what it got", () => {
  assert.equal(message(["--port", "abc"]), '--port: expected a whole number from 0 to 65535, got "abc"');
  assert.equal(message(["--port=70000"]), '--port: expected a whole number from 0 to 65535, got "70000"');
  assert.equal(message(["-c", "1.5"]), '-c: expected a whole number from 0 to 2147483647, got "1.5"');
  assert.equal(message(["--port"]), "--port: expected a whole number from 0 to 65535, got nothing");
  assert.equal(message(["--overflow", "x"]), '--overflow: expected rotate or error, got "x"');
  assert.equal(message(["--verbose=1"]), '--verbose: takes no value, got "1"');
  assert.match(message([], { LLAMA_ARG_PORT: "x" }), /^LLAMA_ARG_PORT: expected/);
  for (const value of ["", " ", "NaN", "Infinity", "0x10", "1e3"]) {
    assert.match(message([`--port=${value}`]), /got "/, value);
  }
});

Deno.test("parseCommandLine() proposes the nearest flag or command", () => {
  assert.equal(message(["--modle", "x"]), 'unknown flag "--modle", did you mean "--model"?');
  assert.equal(message(["--ctx_size=5"]), 'unknown flag "--ctx_size", did you mean "--ctx-size"?');
  assert.equal(message(["srve"]), 'unknown command "srve", did you mean "serve"?');
  assert.equal(message(["my.gguf"]), 'unknown command "my.gguf", did you mean "--model my.gguf"?');
  assert.equal(message(["--qqqqqqqq"]), 'unknown flag "--qqqqqqqq"; --help lists all');
  assert.equal(message(["serve", "now"]), 'unexpected argument "now" after the command "serve"');
});

Deno.test("parseCommandLine() does not read an unknown -xyz as flags of one letter", () => {
  assert.match(message(["-mc", "x"]), /^unknown flag "-mc"/);
});

Deno.test("parseCommandLine() answers help and version before anything else is checked", () => {
  for (const argv of [["-h"], ["--help"], ["help"], ["serve", "--help"], ["--port", "abc", "-h"]]) {
    assert.equal(parse(argv).command, "help", argv.join(" "));
  }
  for (const argv of [["--version"], ["version"]]) assert.equal(parse(argv).command, "version");
});

Deno.test("parseCommandLine() never lets a micro-batch exceed the batch", () => {
  assert.equal(options(["-b", "128"]).ubatchSize, 128);
});

Deno.test("ENV_NAMES are unique and all begin with LLAMA, but for Ollama's that count too", () => {
  assert.equal(new Set(ENV_NAMES).size, ENV_NAMES.length);
  assert.deepEqual(ENV_NAMES.filter((name) => !/^LLAMA/.test(name)), ["OLLAMA_KEEP_ALIVE"]);
});

Deno.test("deno.json lets serve read every variable of a flag", () => {
  const allowed = /--allow-env=(\S+)/.exec(config.tasks.serve)?.[1]?.split(",") ?? [];
  for (const name of ENV_NAMES) {
    const named = (each: string) => each.endsWith("*") ? name.startsWith(each.slice(0, -1)) : name === each;
    assert.ok(allowed.some(named), name);
  }
});

Deno.test("--keep-alive takes Ollama's durations; its own variable wins over OLLAMA_KEEP_ALIVE", () => {
  assert.equal(options([]).keepAlive, 300_000);
  assert.equal(options(["--keep-alive", "1h30m"]).keepAlive, 5_400_000);
  assert.equal(options(["--keep-alive=90"]).keepAlive, 90_000);
  assert.equal(options(["--keep-alive", "-1"]).keepAlive, Infinity);
  assert.equal(options(["--keep-alive", "0"]).keepAlive, 0);
  assert.equal(options([], { OLLAMA_KEEP_ALIVE: "24h" }).keepAlive, 86_400_000);
  assert.equal(options([], { OLLAMA_KEEP_ALIVE: "24h", LLAMACPP_KEEP_ALIVE: "1s" }).keepAlive, 1000);
  assert.equal(options(["--keep-alive", "2s"], { OLLAMA_KEEP_ALIVE: "24h" }).keepAlive, 2000);
  assert.match(
    message([], { OLLAMA_KEEP_ALIVE: "soon" }),
    /^OLLAMA_KEEP_ALIVE: expected a duration .* got "soon"$/,
  );
  assert.match(message(["--keep-alive", "5 minutes"]), /^--keep-alive: expected a duration/);
});

Deno.test("FLAGS has no spelling twice", () => {
  const names = FLAGS.flatMap((flag) => flag.names);
  assert.equal(new Set(names).size, names.length);
});
