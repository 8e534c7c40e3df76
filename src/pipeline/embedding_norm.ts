/** Vectors as clients want them: so many dimensions, of a certain length. */

/** llama-server's largest absolute value of a vector normalised by its maximum: the range of 16-bit integers. */
const MAX_ABSOLUTE = 32_760;

/**
 * Divides a vector by its norm, in place. A vector of zeros stays as it is.
 * @param kind llama-server's `embd_normalize`: below 0 none, 0 the largest absolute value becomes 32760, 1 the sum of
 * absolute values becomes 1, 2 the Euclidean length, above 2 the p-norm
 */
export function normalize(vector: Float32Array, kind: number): Float32Array {
  if (kind < 0) return vector;
  const norm = normOf(vector, kind);
  const factor = norm > 0 ? Math.fround(1 / norm) : 0;
  for (let i = 0; i < vector.length; i++) vector[i] = vector[i]! * factor;
  return vector;
}

function normOf(vector: Float32Array, kind: number): number {
  let sum = 0;
  if (kind === 0) {
    for (const x of vector) sum = Math.max(sum, Math.abs(x));
    return sum / MAX_ABSOLUTE;
  }
  if (kind === 2) {
    for (let i = 0; i < vector.length; i++) sum += vector[i]! * vector[i]!;
    return Math.sqrt(sum);
  }
  for (const x of vector) sum += Math.abs(x) ** kind;
  return sum ** (1 / kind);
}
