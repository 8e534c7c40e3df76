import assert from "node:assert/strict";
import { ENV_NAMES } from "../../../src/cli/args.ts";
import { canonicalName, FLAGS, GROUPS } from "../../../src/cli/flags/flag_table.ts";
import { helpText, versionText } from "../../../src/cli/help.ts";

Deno.test("helpText() names every flag, group and environment variable", () => {
  const text = helpText();
  for (const flag of FLAGS) assert.ok(text.includes(canonicalName(flag)), canonicalName(flag));
  for (const group of GROUPS) assert.ok(text.includes(`\n${group}`), group);
  for (const name of ENV_NAMES) assert.ok(text.includes(`[${name}]`), name);
});

Deno.test("helpText() shows the defaults in force", () => {
  const text = helpText(200);
  assert.match(text, /--port PORT .*\(default: 8090\)/);
  assert.match(text, /-c, --ctx-size N .*\(default: 4096\)/);
  assert.match(text, /--temp N .*\(default: 0.8\)/);
  assert.match(text, /--gpu-layers N .*\(default: auto\)/);
});

Deno.test("helpText() keeps to the width and never breaks inside a default", () => {
  for (const width of [60, 80, 100, 120]) {
    for (const line of helpText(width).split("\n")) {
      const onlyOneWord = !line.trim().includes(" ") || line.startsWith("  llamacpp-server") ||
        /^ +\(default:/.test(line);
      assert.ok(line.length <= width || onlyOneWord, `${line.length} > ${width}: ${line}`);
      assert.doesNotMatch(line, /\(default:$/);
    }
  }
});

Deno.test("helpText() has no trailing blanks and no control characters", () => {
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(helpText(), / \n|[\x00-\x09\x0b-\x1f\u00a0]/);
});

Deno.test("versionText() names both versions", () => {
  assert.equal(versionText("0.1.0", "v0.5.0"), "llamacpp-server 0.1.0 (llama.cpp v0.5.0)\n");
});
