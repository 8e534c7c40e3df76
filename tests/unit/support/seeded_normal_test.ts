import { strict as assert } from "node:assert";
import { SeededNormal } from "../../support/seeded_normal.ts";

Deno.test("SeededNormal.fill() gives mean 0, the asked deviation and normal tails, reproducibly", () => {
  const sample = new Float32Array(200_000);
  new SeededNormal(7).fill(sample, 2);
  const mean = sample.reduce((sum, x) => sum + x, 0) / sample.length;
  const variance = sample.reduce((sum, x) => sum + x * x, 0) / sample.length;
  const beyond = sample.filter((x) => Math.abs(x) > 4).length / sample.length;
  assert.ok(Math.abs(mean) < 0.02, `mean ${mean}`);
  assert.ok(Math.abs(variance - 4) < 0.06, `variance ${variance}`);
  assert.ok(Math.abs(beyond - 0.0455) < 0.003, `beyond two deviations ${beyond}`);
  const again = new Float32Array(200_000);
  const normal = new SeededNormal(7);
  normal.fill(again.subarray(0, 77_777), 2);
  normal.fill(again.subarray(77_777), 2);
  assert.deepEqual(again, sample);
});
