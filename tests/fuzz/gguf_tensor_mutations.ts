/** Ways to spoil a model file's tensors: their description, and the weights themselves. */

import { ggmlType } from "../../src/models/ggml_type.ts";
import type { Random } from "../support/random.ts";
import type { DocumentTensor, GgufDocument } from "./gguf_document.ts";
import type { Mutation } from "./gguf_metadata_mutations.ts";

const TYPES = [
  0,
  1,
  2,
  3,
  4,
  6,
  7,
  8,
  9,
  10,
  11,
  12,
  14,
  15,
  16,
  18,
  20,
  22,
  24,
  25,
  26,
  27,
  28,
  29,
  30,
  31,
  34,
  39,
  40,
];
const ABSURD = [0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n];

function anyOf(document: GgufDocument, random: Random): DocumentTensor | undefined {
  return document.tensors.length === 0 ? undefined : random.pick(document.tensors);
}

/** Makes the data as long as the description says, so that only the description is wrong. */
function fit(tensor: DocumentTensor): void {
  const layout = ggmlType(tensor.type);
  const elements = Number(tensor.dims.reduce((product, dim) => product * dim, 1n));
  const bytes = layout === undefined ? 0 : Math.ceil(elements / layout.blockSize) * layout.blockBytes;
  if (bytes > 2 ** 24) return;
  const data = new Uint8Array(Math.ceil(bytes / 32) * 32);
  data.set(tensor.data.subarray(0, data.length));
  tensor.data = data;
}

const removeTensor: Mutation = (document, random) => {
  if (document.tensors.length === 0) return;
  const [tensor] = document.tensors.splice(random.int(0, document.tensors.length - 1), 1);
  return `without tensor ${tensor!.name}`;
};

const renameTensor: Mutation = (document, random) => {
  const tensor = anyOf(document, random);
  if (tensor === undefined) return;
  const before = tensor.name;
  tensor.name = random.pick([
    "",
    "x",
    "n".repeat(63),
    "n".repeat(64),
    before.replace(/\d+/, "99999999999"),
    before.replace(/\d+/, "-1"),
    random.pick(document.tensors).name,
  ]);
  return `tensor ${before} is called ${tensor.name.slice(0, 20)}`;
};

const repeatTensor: Mutation = (document, random) => {
  const tensor = anyOf(document, random);
  if (tensor === undefined) return;
  const name = random.next() < 0.3 ? tensor.name : `${tensor.name}.more`;
  document.tensors.push({ ...tensor, dims: [...tensor.dims], name });
  return `tensor ${tensor.name} again, as ${name}`;
};

/** A wrong shape that the file's data has room for. */
const changeShape: Mutation = (document, random) => {
  const tensor = anyOf(document, random);
  if (tensor === undefined) return;
  const dims = tensor.dims;
  const at = random.int(0, Math.max(0, dims.length - 1));
  switch (random.int(0, 4)) {
    case 0:
      dims.reverse();
      break;
    case 1:
      dims.push(1n);
      break;
    case 2:
      dims.push(2n);
      break;
    case 3:
      if (dims.length > 1) dims[0]! *= dims.pop()!;
      break;
    default:
      dims[at] = random.pick([dims[at]! * 2n, dims[at]! / 2n, dims[at]! + 32n, dims[at]! + 1n, 1n, 32n]);
  }
  fit(tensor);
  return `tensor ${tensor.name} is ${dims.join(" x ")}`;
};

const absurdShape: Mutation = (document, random) => {
  const tensor = anyOf(document, random);
  if (tensor === undefined) return;
  if (random.next() < 0.3) {
    tensor.nDims = random.pick([0, 1, 2, 3, 4, 5, 2 ** 31, 2 ** 32 - 1]);
    return `tensor ${tensor.name} says it has ${tensor.nDims} dimensions`;
  }
  tensor.dims[random.int(0, tensor.dims.length - 1)] = random.pick(ABSURD);
  return `tensor ${tensor.name} is ${tensor.dims.join(" x ")}`;
};

/** Another type, usually with data to match: quantised norms, integers for weights. */
const changeTensorType: Mutation = (document, random) => {
  const tensor = anyOf(document, random);
  if (tensor === undefined) return;
  tensor.type = random.next() < 0.1 ? random.pick([43, 99, 2 ** 31, 2 ** 32 - 1]) : random.pick(TYPES);
  if (random.next() < 0.85) fit(tensor);
  return `tensor ${tensor.name} has type ${tensor.type}`;
};

/** All matrices of one type, as a quantiser would do without asking what is possible. */
const changeAllTypes: Mutation = (document, random) => {
  const type = random.pick(TYPES);
  const block = BigInt(ggmlType(type)?.blockSize ?? 1);
  const least = random.int(1, 2);
  for (const tensor of document.tensors) {
    if (tensor.dims.length < least || tensor.dims[0]! % block !== 0n) continue;
    tensor.type = type;
    fit(tensor);
  }
  return `tensors of ${least} dimensions and more have type ${type}`;
};

const changeOffset: Mutation = (document, random) => {
  const tensor = anyOf(document, random);
  if (tensor === undefined) return;
  tensor.offset = random.pick([...ABSURD, 32n, 33n, 64n, 2n ** 64n - 32n]);
  return `tensor ${tensor.name} lies at ${tensor.offset}`;
};

/** NaN, infinities, or any bits at all. */
const changeWeights: Mutation = (document, random) => {
  const all = random.next() < 0.3;
  const tensors = all ? document.tensors : [anyOf(document, random)];
  const pattern = random.pick([0x7fc00000, 0xffc00000, 0x7f800000, 0xff800000, 0x7f7fffff, 0, 1, undefined]);
  for (const tensor of tensors) {
    if (tensor === undefined) return;
    tensor.data = tensor.data.slice();
    const view = new DataView(tensor.data.buffer);
    const step = random.pick([4, 4, 64, 1024]);
    for (let at = 0; at + 4 <= tensor.data.length; at += step) {
      view.setUint32(at, pattern ?? random.int(0, 2 ** 32 - 1), true);
    }
  }
  const what = pattern === undefined ? "random bits" : pattern.toString(16);
  return `weights of ${all ? "all tensors" : tensors[0]!.name} are ${what}`;
};

const changeCounts: Mutation = (document, random) => {
  const true_ = BigInt(random.next() < 0.5 ? document.tensors.length : document.pairs.length);
  const count = random.pick([...ABSURD, true_ - 1n, true_ + 1n, 2n ** 16n]);
  if (random.next() < 0.5) document.tensorCount = count;
  else document.pairCount = count;
  return `counts: ${document.tensorCount ?? "true"} tensors, ${document.pairCount ?? "true"} entries`;
};

const changeVersion: Mutation = (document, random) => {
  document.version = random.pick([0, 1, 2, 4, 255, 3 << 24, 2 ** 31, 2 ** 32 - 1]);
  return `version ${document.version}`;
};

/** With how often each is chosen. */
export const TENSOR_MUTATIONS: readonly (readonly [weight: number, Mutation])[] = [
  [3, removeTensor],
  [2, renameTensor],
  [1, repeatTensor],
  [6, changeShape],
  [3, absurdShape],
  [7, changeTensorType],
  [4, changeAllTypes],
  [2, changeOffset],
  [6, changeWeights],
  [2, changeCounts],
  [1, changeVersion],
];
