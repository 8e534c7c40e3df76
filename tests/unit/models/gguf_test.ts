import { strict as assert } from "node:assert";
import { join } from "node:path";
import { type GgufArray, readGguf } from "../../../src/models/gguf.ts";
import { ModelFileError } from "../../../src/models/model_file_error.ts";
import { GgufWriter } from "../../support/gguf_writer.ts";

function inFolder(run: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    run(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function sample(): GgufWriter {
  return new GgufWriter()
    .set("a.u8", "uint8", 255)
    .set("a.i8", "int8", -128)
    .set("a.u16", "uint16", 65_535)
    .set("a.i16", "int16", -32_768)
    .set("a.u32", "uint32", 4_294_967_295)
    .set("a.i32", "int32", -2_147_483_648)
    .set("a.f32", "float32", 0.5)
    .set("a.bool", "bool", true)
    .set("a.string", "string", "привет 😀")
    .set("a.u64", "uint64", 2n ** 63n)
    .set("a.i64", "int64", -5)
    .set("a.f64", "float64", Math.PI)
    .setArray("b.strings", "string", ["x", "", "yz"])
    .setArray("b.floats", "float32", [1, 2, 3])
    .setArray("b.empty", "int32", [])
    .tensor("one", [32, 3], "F32", 1)
    .tensor("two", [5], "F16", 2)
    .tensor("three", [64, 2, 2], "Q8_0", 3);
}

Deno.test("readGguf() reads every value type and all tensors", () => {
  inFolder((folder) => {
    const path = join(folder, "x.gguf");
    const writer = sample();
    writer.write(path);
    const header = readGguf(path);
    assert.equal(header.version, 3);
    assert.equal(header.alignment, 32);
    assert.equal(header.fileSize, writer.fileSize());
    assert.equal(header.dataOffset, writer.header().length);
    const scalars = [...header.metadata].filter(([key]) => key.startsWith("a.")).map(([, value]) => value);
    assert.deepEqual(scalars, [
      255,
      -128,
      65_535,
      -32_768,
      4_294_967_295,
      -2_147_483_648,
      0.5,
      true,
      "привет 😀",
      2n ** 63n,
      -5,
      Math.PI,
    ]);
    assert.deepEqual(header.metadata.get("b.strings"), {
      elementType: "string",
      length: 3,
      values: ["x", "", "yz"],
    });
    assert.deepEqual(header.metadata.get("b.empty"), { elementType: "int32", length: 0, values: [] });
    assert.deepEqual(header.tensors, [
      { name: "one", dims: [32, 3], type: 0, offset: 0 },
      { name: "two", dims: [5], type: 1, offset: 384 },
      { name: "three", dims: [64, 2, 2], type: 8, offset: 416 },
    ]);
  });
});

Deno.test("readGguf() keeps only short arrays and those asked for, and finds what follows them", () => {
  inFolder((folder) => {
    const path = join(folder, "x.gguf");
    const words = Array.from({ length: 5000 }, (_, i) => `word ${i} `.repeat(i % 50));
    new GgufWriter().setArray("long.words", "string", words).setArray(
      "long.numbers",
      "uint64",
      words.map((_, i) => i),
    )
      .setArray("kept.words", "string", words).set("after", "string", "here").write(path);
    const { metadata } = readGguf(path, { maxArrayLength: 10, keepArrays: new Set(["kept.words"]) });
    assert.deepEqual(metadata.get("long.words"), { elementType: "string", length: 5000 });
    assert.deepEqual(metadata.get("long.numbers"), { elementType: "uint64", length: 5000 });
    assert.deepEqual((metadata.get("kept.words") as GgufArray).values, words);
    assert.equal(metadata.get("after"), "here");
  });
});

Deno.test("readGguf() reads version 2 and a file's own alignment", () => {
  inFolder((folder) => {
    const path = join(folder, "x.gguf");
    const writer = new GgufWriter().set("general.alignment", "uint32", 64).set("k", "uint8", 1);
    const bytes = writer.header();
    bytes[4] = 2;
    Deno.writeFileSync(path, bytes);
    const header = readGguf(path);
    assert.equal(header.version, 2);
    assert.equal(header.alignment, 64);
  });
});

Deno.test("readGguf() refuses a header cut at every byte, naming the file", () => {
  inFolder((folder) => {
    const path = join(folder, "cut.gguf");
    const bytes = sample().header();
    // Padding after the last tensor's description is no part of the header.
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
    for (let size = 0; size < end - 8; size++) {
      Deno.writeFileSync(path, bytes.subarray(0, size));
      assert.throws(() => readGguf(path), (error: unknown) => {
        assert.ok(error instanceof ModelFileError, `cut at ${size}: ${error}`);
        assert.ok(error.message.startsWith(`Cannot load model "${path}": `), error.message);
        return true;
      }, `cut at ${size}`);
    }
  });
});

Deno.test("readGguf() survives every byte of a header being wrong", () => {
  inFolder((folder) => {
    const path = join(folder, "flipped.gguf");
    const bytes = sample().header();
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const damaged = bytes.slice();
        damaged[at] = value;
        Deno.writeFileSync(path, damaged);
        try {
          readGguf(path);
        } catch (error) {
          assert.ok(error instanceof ModelFileError, `byte ${at} = ${value}: ${error}`);
        }
      }
    }
  });
});

const REFUSALS: [string, (bytes: DataView) => void, RegExp][] = [
  [
    "another magic",
    (view) => view.setUint32(0, 0x504b0304),
    /: not a GGUF file: it begins with "PK\?\?" \(50 4b 03 04\), not "GGUF"$/,
  ],
  ["a big-endian file", (view) => view.setUint32(4, 3, false), /: the file is big-endian/],
  ["version 1", (view) => view.setUint32(4, 1, true), /: GGUF version 1 is not supported, only 2 and 3$/],
  ["version 4", (view) => view.setUint32(4, 4, true), /: GGUF version 4 is not supported/],
  [
    "an absurd tensor count",
    (view) => view.setBigUint64(8, 1n << 60n, true),
    /promises 1,152,921,504,606,84\d,\d{3} tensors/,
  ],
  [
    "an absurd metadata count",
    (view) => view.setBigUint64(16, 1n << 40n, true),
    /promises 1,099,511,627,776 metadata/,
  ],
  [
    "a key longer than the file",
    (view) => view.setBigUint64(24, 1n << 50n, true),
    /truncated: .*metadata key 0/,
  ],
  [
    "an unknown value type",
    (view) => view.setUint32(33, 13, true),
    /metadata "k" has the unknown value type 13/,
  ],
];

for (const [name, damage, message] of REFUSALS) {
  Deno.test(`readGguf() refuses ${name}`, () => {
    inFolder((folder) => {
      const path = join(folder, "x.gguf");
      const bytes = new GgufWriter().set("k", "string", "v").tensor("t", [4], "F32", 1).header();
      damage(new DataView(bytes.buffer));
      Deno.writeFileSync(path, bytes);
      assert.throws(() => readGguf(path), { name: "ModelFileError", message });
    });
  });
}

Deno.test("readGguf() refuses an empty file, a missing file and a folder", () => {
  inFolder((folder) => {
    const path = join(folder, "x.gguf");
    assert.throws(() => readGguf(path), { message: `Cannot load model "${path}": no such file` });
    Deno.writeFileSync(path, new Uint8Array());
    assert.throws(() => readGguf(path), { message: `Cannot load model "${path}": the file is empty` });
    assert.throws(() => readGguf(folder), { message: `Cannot load model "${folder}": it is a directory` });
  });
});

Deno.test("readGguf() refuses doubled keys and tensors, and an alignment that is no power of two", () => {
  inFolder((folder) => {
    const path = join(folder, "x.gguf");
    const rename = (writer: GgufWriter, from: string, to: string) => {
      const bytes = writer.header();
      const text = new TextDecoder("latin1").decode(bytes);
      bytes.set(new TextEncoder().encode(to), text.indexOf(from));
      Deno.writeFileSync(path, bytes);
    };
    rename(new GgufWriter().set("key1", "uint8", 1).set("key2", "uint8", 1), "key2", "key1");
    assert.throws(() => readGguf(path), /metadata key "key1" occurs twice/);
    rename(new GgufWriter().tensor("ten1", [4], "F32", 0).tensor("ten2", [4], "F32", 0), "ten2", "ten1");
    assert.throws(() => readGguf(path), /tensor "ten1" occurs twice/);
    new GgufWriter().set("general.alignment", "uint32", 48).write(path);
    assert.throws(() => readGguf(path), /general.alignment is 48, not a power of two/);
  });
});
