/**
 * Selection straight from a row of logits. libllama's chain first copies the whole vocabulary into an array of
 * (id, logit, p); for the usual "top k, then the rest" chain a scan that keeps k candidates costs a fraction of that.
 */

/** Index of the largest value; the first of several. */
export function argMax(values: Float32Array): number {
  let best = 0;
  for (
    let i = nextAbove(values, 1, values[0]!);
    i < values.length;
    i = nextAbove(values, i + 1, values[best]!)
  ) best = i;
  return best;
}

/**
 * The first index from `from` on whose value exceeds `floor`; the length when there is none. Nearly all of the time on
 * a row goes into this scan, which stays a tight loop only in a function of its own; eight values a turn halve it.
 */
function nextAbove(values: Float32Array, from: number, floor: number): number {
  const { length } = values;
  let i = from;
  for (; i + 8 <= length; i += 8) {
    if (
      values[i]! > floor || values[i + 1]! > floor || values[i + 2]! > floor || values[i + 3]! > floor ||
      values[i + 4]! > floor || values[i + 5]! > floor || values[i + 6]! > floor || values[i + 7]! > floor
    ) break;
  }
  while (i < length && !(values[i]! > floor)) i++;
  return i;
}

/**
 * Indices of the k largest values, largest first; of equal values the one with the smaller index first.
 * A min-heap of size k whose root is the value to beat, so most of the vocabulary costs one comparison.
 */
export function topIndices(values: Float32Array, k: number): Int32Array {
  const size = Math.min(k, values.length);
  const heap = new Int32Array(size);
  if (size === 0) return heap;
  for (let i = 0; i < size; i++) heap[i] = i;
  for (let i = (size >> 1) - 1; i >= 0; i--) siftDown(heap, i, size, values);
  const { length } = values;
  for (
    let i = nextAbove(values, size, values[heap[0]!]!);
    i < length;
    i = nextAbove(values, i + 1, values[heap[0]!]!)
  ) {
    heap[0] = i;
    siftDown(heap, 0, size, values);
  }
  for (let end = size - 1; end > 0; end--) {
    const root = heap[0]!;
    heap[0] = heap[end]!;
    heap[end] = root;
    siftDown(heap, 0, end, values);
  }
  return heap;
}

/** Order of the heap: a worse value, or the later of equals, comes nearer to the root. */
function worse(values: Float32Array, a: number, b: number): boolean {
  // Not a difference: two infinite values have none.
  return values[a]! < values[b]! || (values[a]! === values[b]! && a > b);
}

function siftDown(heap: Int32Array, from: number, size: number, values: Float32Array): void {
  let parent = from;
  const moving = heap[parent]!;
  while (true) {
    let child = 2 * parent + 1;
    if (child >= size) break;
    if (child + 1 < size && worse(values, heap[child + 1]!, heap[child]!)) child++;
    if (!worse(values, heap[child]!, moving)) break;
    heap[parent] = heap[child]!;
    parent = child;
  }
  heap[parent] = moving;
}

/** A few candidates with their logits, largest first. */
export interface BestCandidates {
  ids: Int32Array;
  logits: Float32Array;
}

/**
 * The k best candidates after biases are added: of a row's best k + |bias| tokens and the biased ones, as no other token
 * can be among the k best.
 * @param bias logit bias by token; -Infinity forbids
 */
export function bestCandidates(
  values: Float32Array,
  k: number,
  bias: ReadonlyMap<number, number>,
): BestCandidates {
  if (bias.size === 0) {
    const ids = topIndices(values, k);
    return { ids, logits: Float32Array.from(ids, (id) => values[id]!) };
  }
  const raw = Array.from(topIndices(values, k + bias.size)).filter((id) => !bias.has(id));
  const pool = raw.map((id) => ({ id, logit: values[id]! }));
  for (const [id, added] of bias) pool.push({ id, logit: Math.fround(values[id]! + added) });
  const best = pool.sort((a, b) => a.logit === b.logit ? a.id - b.id : b.logit - a.logit).slice(0, k);
  return {
    ids: Int32Array.from(best, ({ id }) => id),
    logits: Float32Array.from(best, ({ logit }) => logit),
  };
}
