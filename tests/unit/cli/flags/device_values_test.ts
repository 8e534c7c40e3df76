import assert from "node:assert/strict";
import { deviceNames, rpcServers, shares } from "../../../../src/cli/flags/device_values.ts";

Deno.test("rpcServers takes names and IPv4 addresses with a port, each once, up to 16", () => {
  assert.deepEqual(rpcServers.parse("10.0.0.1:50052, box-2.lan:1"), ["10.0.0.1:50052", "box-2.lan:1"]);
  const many = (count: number) => Array.from({ length: count }, (_, i) => `h:${i + 1}`).join();
  assert.equal(rpcServers.parse(many(16))?.length, 16);
  for (const wrong of ["", ",", "h", "h:", "h:0", "h:65536", ":1", "[::1]:1", "a b:1", "h:1,h:1", many(17)]) {
    assert.equal(rpcServers.parse(wrong), undefined, wrong);
  }
});

Deno.test('deviceNames takes names in their order, and "none" as no device', () => {
  assert.deepEqual(deviceNames.parse("RPC1,CUDA0"), ["RPC1", "CUDA0"]);
  assert.deepEqual(deviceNames.parse("none"), []);
  assert.equal(deviceNames.parse(""), undefined);
});

Deno.test("shares takes numbers of at least 0 with commas or slashes between them, up to 16", () => {
  assert.deepEqual(shares.parse("3,1"), [3, 1]);
  assert.deepEqual(shares.parse("0.5/0/2"), [0.5, 0, 2]);
  for (const wrong of ["", "x", "1,-1", "1,,x", Array(17).fill("1").join()]) {
    assert.equal(shares.parse(wrong), undefined, wrong);
  }
});
