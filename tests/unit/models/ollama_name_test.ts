import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import {
  displayModelName,
  isRemote,
  nameKey,
  parseModelName,
  tryModelName,
} from "../../../src/models/ollama_name.ts";

const full = (text: string) => {
  const { host, namespace, model, tag } = parseModelName(text);
  return `${host}/${namespace}/${model}:${tag}`;
};

Deno.test("parseModelName() fills in Ollama's defaults", () => {
  assert.equal(full("llama3"), "registry.ollama.ai/library/llama3:latest");
  assert.equal(full("llama3:8b-q4_K_M"), "registry.ollama.ai/library/llama3:8b-q4_K_M");
  assert.equal(full("me/llama3.2"), "registry.ollama.ai/me/llama3.2:latest");
  assert.equal(full("hf.co/org/Repo-GGUF:Q4_K_M"), "hf.co/org/Repo-GGUF:Q4_K_M");
  assert.equal(full("127.0.0.1:5000/library/x"), "127.0.0.1:5000/library/x:latest");
  assert.equal(full("http://127.0.0.1:5000/a/x:t"), "127.0.0.1:5000/a/x:t");
  assert.equal(parseModelName("http://h/a/x").scheme, "http");
  assert.equal(full("llama3:local"), "registry.ollama.ai/library/llama3:latest");
});

Deno.test("parseModelName() refuses what could leave a folder or is no name", () => {
  const bad = [
    "",
    ":",
    "a:",
    ":b",
    "a/",
    "/a",
    "..",
    "../a",
    "a/..",
    "a/../b",
    "a:..",
    "h/../../x",
    ".hidden",
    "a:.t",
    "-a",
    "a/b/c/d",
    "a b",
    "a\\b",
    "a\0b",
    "a\n",
    "n.s/a",
    "a%2f..",
    "ä",
    "x".repeat(81),
    "a:" + "t".repeat(81),
    "h".repeat(351) + "/a/b",
    "ftp://h/a/b",
    "a@sha256:00",
  ];
  for (const text of bad) {
    assert.equal(tryModelName(text), undefined, JSON.stringify(text));
    assert.throws(() => parseModelName(text), (e) => e instanceof ServerError && e.kind === "bad_request");
  }
  assert.notEqual(tryModelName("x".repeat(80)), undefined);
});

Deno.test("nameKey() compares without case and knows both names of Hugging Face", () => {
  const key = (text: string) => nameKey(parseModelName(text));
  assert.equal(key("Llama3:8B"), key("registry.ollama.ai/library/llama3:8b"));
  assert.equal(key("huggingface.co/o/r:q8_0"), key("hf.co/O/R:Q8_0"));
  assert.notEqual(key("a"), key("a:x"));
});

Deno.test("displayModelName() drops the defaults and keeps the tag", () => {
  const shown = (text: string) => displayModelName(parseModelName(text));
  assert.equal(shown("registry.ollama.ai/library/x"), "x:latest");
  assert.equal(shown("me/x:1"), "me/x:1");
  assert.equal(shown("hf.co/o/r"), "hf.co/o/r:latest");
});

Deno.test("isRemote() knows tags of Ollama's cloud", () => {
  assert.equal(isRemote(parseModelName("x:cloud")), true);
  assert.equal(isRemote(parseModelName("x:120b-cloud")), true);
  assert.equal(isRemote(parseModelName("x:cloudy")), false);
});
