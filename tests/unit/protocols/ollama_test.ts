import assert from "node:assert/strict";
import { encodeStream, encodeWhole } from "../../../src/protocols/ollama/encode.ts";
import { parseKeepAlive } from "../../../src/protocols/ollama/keep_alive.ts";
import { parameterSize } from "../../../src/core/parameter_size.ts";
import { displayName } from "../../../src/protocols/ollama/models.ts";

Deno.test("parseKeepAlive() reads seconds, Go durations and forever", () => {
  for (
    const [value, expected] of [
      [300, 300_000],
      ["300", 300_000],
      [0, 0],
      ["0s", 0],
      ["5m", 300_000],
      ["1h30m", 5_400_000],
      ["1.5s", 1500],
      ["250ms", 250],
      [-1, Infinity],
      ["-1m", Infinity],
      [1e300, Infinity],
      [1e9, 1e12],
      ["-1", Infinity],
      ["", undefined],
      ["soon", undefined],
      ["5 m", undefined],
      ["5m3", undefined],
      ["1".repeat(100_000), undefined],
    ] as const
  ) {
    assert.equal(parseKeepAlive(value), expected, String(value).slice(0, 20));
  }
});

Deno.test("parameterSize() writes counts as Ollama does", () => {
  assert.deepEqual([7.6e9, 8e9, 494_032_768, 6_000_000, 512_000, 12].map(parameterSize), [
    "7.6B",
    "8B",
    "494.03M",
    "6M",
    "512K",
    "12",
  ]);
});

Deno.test("displayName() adds a tag where there is none", () => {
  assert.deepEqual(["a", "a:b", "h:1/a", "h:1/a:b"].map(displayName), [
    "a:latest",
    "a:b",
    "h:1/a:latest",
    "h:1/a:b",
  ]);
});

Deno.test("an answer that ends without done is a fault in both forms", async () => {
  const options = { form: "chat", model: "m", loadMs: 0, withContext: false } as const;
  async function* cut() {
    yield { type: "text", text: "x" } as const;
  }
  await assert.rejects(encodeWhole(cut(), options), /ended without a reason/);
  await assert.rejects(Array.fromAsync(encodeStream(cut(), options)), /ended without a reason/);
});
