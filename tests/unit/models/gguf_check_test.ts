import { strict as assert } from "node:assert";
import { join } from "node:path";
import { checkGguf } from "../../../src/models/gguf_check.ts";
import { checkAdapter } from "../../../src/models/gguf_check_adapter.ts";
import { ModelFileError } from "../../../src/models/model_file_error.ts";
import { bordersOf } from "../../fuzz/gguf_cases.ts";
import { encodeNumber, GgufDocument, VALUE } from "../../fuzz/gguf_document.ts";
import type { GgufWriter } from "../../support/gguf_writer.ts";
import { writeLoraAdapter } from "../../support/lora_adapter.ts";
import { TINY_ARCHITECTURES, type TinyArchitecture, tinyModelWriter } from "../../support/tiny_models.ts";

const SMALL = { nCtx: 32, nVocab: 260 };

function inFolder(run: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    run(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

for (const architecture of TINY_ARCHITECTURES) {
  Deno.test(`checkGguf() accepts a ${architecture} model`, () => {
    inFolder((folder) => {
      const path = join(folder, "x.gguf");
      tinyModelWriter(architecture, SMALL).write(path);
      const checked = checkGguf(path);
      assert.equal(checked.totalSize, Deno.statSync(path).size);
      assert.deepEqual(checked.paths, [path]);
    });
  });
}

/** What a change to a good llama or bert model leads to. */
const FAULTS: [string, TinyArchitecture, (writer: GgufWriter) => unknown, RegExp][] = [
  [
    "a missing architecture",
    "llama",
    (w) => w.remove("general.architecture"),
    /general\.architecture is missing$/,
  ],
  [
    "a missing layer count",
    "llama",
    (w) => w.remove("llama.block_count"),
    /llama\.block_count is missing, it must be from 1 to 512$/,
  ],
  ["no layers", "llama", (w) => w.set("llama.block_count", "uint32", 0), /llama\.block_count is 0/],
  ["too many layers", "llama", (w) => w.set("llama.block_count", "uint32", 513), /llama\.block_count is 513/],
  [
    "a context of no tokens",
    "llama",
    (w) => w.set("llama.context_length", "uint32", 0),
    /context_length is 0/,
  ],
  ["a missing width", "llama", (w) => w.remove("llama.embedding_length"), /embedding_length is missing/],
  [
    "key heads that do not divide",
    "llama",
    (w) => w.set("llama.attention.head_count_kv", "uint32", 3),
    /head_count_kv is 3, it must divide/,
  ],
  [
    "experts without a choice",
    "llama",
    (w) => w.set("llama.expert_count", "uint32", 8),
    /expert_used_count is missing, but there are 8/,
  ],
  [
    "a choice without experts",
    "llama",
    (w) => w.set("llama.expert_used_count", "uint32", 2),
    /expert_used_count is 2/,
  ],
  [
    "an unknown rope scaling",
    "llama",
    (w) => w.set("llama.rope.scaling.type", "string", "x"),
    /rope\.scaling\.type is x/,
  ],
  [
    "a missing tokenizer",
    "llama",
    (w) => w.remove("tokenizer.ggml.model"),
    /tokenizer\.ggml\.model is missing$/,
  ],
  [
    "an unknown tokenizer",
    "llama",
    (w) => w.set("tokenizer.ggml.model", "string", "abc"),
    /model "abc" is not supported$/,
  ],
  [
    "a model without vocabulary",
    "llama",
    (w) => w.set("tokenizer.ggml.model", "string", "none"),
    /has no vocabulary/,
  ],
  [
    "missing tokens",
    "llama",
    (w) => w.remove("tokenizer.ggml.tokens"),
    /tokenizer\.ggml\.tokens is missing$/,
  ],
  [
    "tokens of another type",
    "llama",
    (w) => w.setArray("tokenizer.ggml.tokens", "int32", [1]),
    /tokens is not an array of strings$/,
  ],
  ["no tokens", "llama", (w) => w.setArray("tokenizer.ggml.tokens", "string", []), /tokens is empty$/],
  [
    "fewer tokens than rows",
    "llama",
    (w) => w.setArray("tokenizer.ggml.tokens", "string", ["a", "b"]),
    /tokens has 2 tokens, token_embd\.weight has 260 rows$/,
  ],
  [
    "doubled tokens",
    "llama",
    (w) => w.setArray("tokenizer.ggml.tokens", "string", ["a", "b", "a"]),
    /tokens holds "a" twice, as 0 and 2$/,
  ],
  ["missing merges", "llama", (w) => w.remove("tokenizer.ggml.merges"), /merges is missing$/],
  [
    "merges of another type",
    "llama",
    (w) => w.setArray("tokenizer.ggml.merges", "uint8", [1]),
    /merges is not an array of strings$/,
  ],
  [
    "too few token types",
    "llama",
    (w) => w.setArray("tokenizer.ggml.token_type", "int32", [1]),
    /token_type has 1 elements for 260 tokens$/,
  ],
  [
    "token types of another type",
    "llama",
    (w) => w.set("tokenizer.ggml.token_type", "int32", 1),
    /token_type is not an array of int32$/,
  ],
  [
    "too few scores",
    "llama",
    (w) => w.setArray("tokenizer.ggml.scores", "float32", [1, 2]),
    /scores has 2 elements for 260 tokens$/,
  ],
  [
    "a SentencePiece vocabulary without bytes",
    "llama",
    (w) => w.set("tokenizer.ggml.model", "string", "llama"),
    /lacks the byte token <0x00>$/,
  ],
  [
    "a norm in half precision",
    "llama",
    (w) => w.tensor("blk.9.attn_norm.weight", [64], "F16", 1),
    /tensor "blk\.9\.attn_norm\.weight" has the type F16, it must be F32$/,
  ],
  [
    "a projector",
    "llama",
    (w) => w.set("general.architecture", "string", "clip"),
    /it is a multimodal projector/,
  ],
  [
    "an adapter as a model",
    "llama",
    (w) => w.set("general.type", "string", "adapter"),
    /it is a LoRA adapter, not a model/,
  ],
  [
    "a diffusion model",
    "llama",
    (w) => w.set("general.architecture", "string", "dream"),
    /diffusion language models are not supported$/,
  ],
  [
    "a negative epsilon",
    "llama",
    (w) => w.set("llama.attention.layer_norm_rms_epsilon", "float32", -1),
    /layer_norm_rms_epsilon is -1/,
  ],
  [
    "an epsilon that is no number",
    "llama",
    (w) => w.set("llama.attention.layer_norm_rms_epsilon", "float32", NaN),
    /layer_norm_rms_epsilon is NaN/,
  ],
  [
    "heads whose keys and values differ",
    "qwen2",
    (w) => w.set("qwen2.attention.key_length", "uint32", 32),
    /keys of a head have 32 numbers and values 16: qwen2 models need as many of both$/,
  ],
  [
    "more rotated than there is",
    "gemma3",
    (w) => w.set("gemma3.rope.dimension_count", "uint32", 18),
    /rope\.dimension_count is 18, but keys of a head have only 16 numbers$/,
  ],
  [
    "an odd number rotated",
    "gemma3",
    (w) => w.set("gemma3.rope.dimension_count", "uint32", 15),
    /15 numbers of a head are rotated/,
  ],
  [
    "prediction layers only",
    "llama",
    (w) => w.set("llama.nextn_predict_layers", "uint32", 2),
    /nextn_predict_layers is 2, it must be from 0 to 1$/,
  ],
  [
    "expert groups without experts",
    "llama",
    (w) => w.set("llama.expert_group_count", "uint32", 1),
    /expert_group_count is 1/,
  ],
  [
    "embeddings wider than anything makes them",
    "llama",
    (w) => w.set("llama.embedding_length_out", "uint32", 128),
    /embedding_length_out is 128, but embedding_length is 64/,
  ],
  [
    "a byte token that names no byte",
    "llama",
    (w) => w.setArray("tokenizer.ggml.token_type", "int32", new Array(260).fill(6)),
    /token_type calls token 0, "<\|begin\|>", a byte, which it is not$/,
  ],
  [
    "tokens alike up to a NUL",
    "llama",
    (w) => w.setArray("tokenizer.ggml.tokens", "string", ["a", "b", "a\0c"]),
    /tokens holds "a" twice, as 0 and 2$/,
  ],
  [
    "an RWKV vocabulary that cannot spell a first byte",
    "llama",
    (w) =>
      w.set("tokenizer.ggml.model", "string", "rwkv").setArray("tokenizer.ggml.tokens", "string", [
        "a",
        "bc",
      ]),
    /tokens that begin with "b", but not that byte$/,
  ],
  [
    "a damaged table of normal forms",
    "llama",
    (w) =>
      w.set("tokenizer.ggml.model", "string", "t5").set("tokenizer.ggml.eos_token_id", "uint32", 1)
        .setArray("tokenizer.ggml.precompiled_charsmap", "uint8", [4, 0, 0, 0, 0, 4, 0, 0, 0]),
    /precompiled_charsmap is damaged: unit 0 leads to 1 of 1$/,
  ],
  [
    "BOS asked for and out of range",
    "bert",
    (w) => w.set("tokenizer.ggml.bos_token_id", "uint32", 999),
    /bos_token_id is 999, the vocabulary has 94 tokens$/,
  ],
];

for (const [name, architecture, change, message] of FAULTS) {
  Deno.test(`checkGguf() refuses ${name}`, () => {
    inFolder((folder) => {
      const path = join(folder, "x.gguf");
      const writer = tinyModelWriter(architecture, SMALL);
      change(writer);
      writer.write(path);
      assert.throws(() => checkGguf(path), { name: "ModelFileError", message });
    });
  });
}

Deno.test("checkGguf() leaves a special id out of range to libllama, which ignores it", () => {
  inFolder((folder) => {
    const path = join(folder, "x.gguf");
    tinyModelWriter("llama", SMALL).set("tokenizer.ggml.padding_token_id", "uint32", 0xffffffff).write(path);
    checkGguf(path);
  });
});

Deno.test("checkGguf() says where tensor data ends and how long a truncated file is", () => {
  inFolder((folder) => {
    const path = join(folder, "x.gguf");
    const writer = tinyModelWriter("llama", SMALL);
    writer.write(path);
    const size = writer.fileSize();
    Deno.truncateSync(path, size - 100_000);
    const shown = (value: number) => value.toLocaleString("en-US");
    assert.throws(() => checkGguf(path), {
      message:
        `Cannot load model "${path}": the file is truncated: tensor data ends at ${shown(size)} bytes, ` +
        `the file has ${shown(size - 100_000)}`,
    });
    Deno.truncateSync(path, size - 1);
    assert.throws(() => checkGguf(path), /truncated/);
  });
});

Deno.test("checkGguf() refuses a file cut at any border of its parts, or beside one", () => {
  inFolder((folder) => {
    const path = join(folder, "x.gguf");
    tinyModelWriter("qwen2", SMALL).write(path);
    const { bytes, regions } = GgufDocument.parse(Deno.readFileSync(path)).write();
    assert.deepEqual(bytes, Deno.readFileSync(path));
    const cuts = bordersOf(regions, bytes.length);
    assert.ok(cuts.length > 500, `only ${cuts.length} cuts`);
    using file = Deno.openSync(path, { write: true });
    for (const cut of cuts.sort((a, b) => b - a)) {
      file.truncateSync(cut);
      assert.throws(
        () => checkGguf(path),
        (error: unknown) => error instanceof ModelFileError,
        `cut at ${cut}`,
      );
    }
  });
});

Deno.test("checkAdapter() refuses what libllama takes at its word", () => {
  inFolder((folder) => {
    const [path, base] = [join(folder, "x.gguf"), join(folder, "base.gguf")];
    tinyModelWriter("llama", SMALL).write(base);
    const { tensors } = checkGguf(base);
    writeLoraAdapter(path, { architecture: "llama", nEmbd: 64 });
    checkAdapter(path, tensors);
    const sound = GgufDocument.parse(Deno.readFileSync(path));
    const refuses = (change: (document: GgufDocument) => void, message: RegExp) => {
      const document = sound.clone();
      change(document);
      Deno.writeFileSync(path, document.write().bytes);
      assert.throws(() => checkAdapter(path, tensors), { name: "ModelFileError", message });
    };
    const alpha = "adapter.lora.alpha";
    refuses((d) => d.set(alpha, VALUE.uint32, encodeNumber(VALUE.uint32, 4)), /alpha is of type uint32/);
    refuses((d) => d.set("adapter.type", VALUE.uint32, encodeNumber(VALUE.uint32, 4)), /adapter\.type is 4/);
    refuses((d) => d.tensors[0]!.type = 26, /lora_a.* has the type I32/);
    refuses((d) => {
      d.tensors[1]!.dims.push(2n);
      d.tensors[1]!.data = new Uint8Array(2 * d.tensors[1]!.data.length);
    }, /lora_b" is 4 x 64 x 2, the model's is 64 x 64$/);
    refuses((d) => d.tensors[1]!.data = new Uint8Array(0), /truncated/);
  });
});

/** Changes the description of the first tensor, "token_embd.weight": 2 dims, type, offset follow its name. */
function withFirstTensor(change: (view: DataView) => void, message: RegExp): void {
  inFolder((folder) => {
    const path = join(folder, "x.gguf");
    const writer = tinyModelWriter("llama", SMALL);
    writer.write(path);
    const bytes = Deno.readFileSync(path);
    const name = "token_embd.weight";
    const at = new TextDecoder("latin1").decode(bytes).indexOf(name) + name.length;
    change(new DataView(bytes.buffer, at));
    Deno.writeFileSync(path, bytes);
    assert.throws(() => checkGguf(path), { name: "ModelFileError", message });
  });
}

Deno.test("checkGguf() refuses unknown and removed tensor types", () => {
  withFirstTensor(
    (view) => view.setUint32(20, 99, true),
    /tensor "token_embd\.weight" has the unknown type 99$/,
  );
  withFirstTensor((view) => view.setUint32(20, 31, true), /has the unknown type 31$/);
});

Deno.test("checkGguf() refuses rows that are no whole blocks", () => {
  withFirstTensor(
    (view) => view.setUint32(20, 12, true),
    /rows of 64 elements, Q4_K needs a multiple of 256$/,
  );
});

Deno.test("checkGguf() refuses overlaps, gaps and empty tensors", () => {
  withFirstTensor(
    (view) => view.setBigUint64(24, 64n, true),
    /leaves a gap before it: offset 64, expected 0$/,
  );
  withFirstTensor(
    (view) => view.setBigUint64(12, 270n, true),
    /tensor "output_norm\.weight" overlaps the one before it/,
  );
  withFirstTensor((view) => view.setBigUint64(12, 0n, true), /is empty: 64 x 0$/);
});

Deno.test("checkGguf() refuses dimensions beyond all bounds", () => {
  withFirstTensor((view) => view.setUint32(0, 5, true), /has 5 dimensions, at most 4$/);
  withFirstTensor(
    (view) => view.setBigUint64(4, 1n << 62n, true),
    /a dimension of tensor "token_embd\.weight" is 4611686018427387904$/,
  );
  withFirstTensor((view) => view.setBigUint64(4, 1n << 50n, true), /has too many elements/);
});

Deno.test("checkGguf() wants all parts of a split model, the first one named", () => {
  inFolder((folder) => {
    const part = (i: number) => join(folder, `x-0000${i}-of-00002.gguf`);
    const writer = tinyModelWriter("llama", SMALL).set("split.count", "uint16", 2).set(
      "split.no",
      "uint16",
      0,
    );
    writer.write(part(1));
    assert.throws(() => checkGguf(part(1)), { message: `Cannot load model "${part(2)}": no such file` });
    writer.set("split.no", "uint16", 1).write(part(2));
    assert.throws(() => checkGguf(part(2)), /it is part 00002 of a model in 2 files; name the first part$/);
    assert.equal(checkGguf(part(1)).totalSize, Deno.statSync(part(1)).size + Deno.statSync(part(2)).size);
    writer.write(join(folder, "y.gguf"));
    assert.throws(() => checkGguf(join(folder, "y.gguf")), /not named <name>-00001-of-00002\.gguf$/);
  });
});
