/** Finds what a misspelt word was meant to be. Pure; used for flags and commands. */

/**
 * Number of single-letter edits (insert, delete, replace, swap of neighbours) between two words: the optimal string
 * alignment distance.
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] &&
        a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The candidate closest to `word`, or undefined when none is close: more than a third of the letters would differ. */
export function nearestWord(
  word: string,
  candidates: Iterable<string>,
): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll("_", "-").replace(/^-+/, "");
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const longest = Math.max(plain(word).length, plain(candidate).length);
    const distance = editDistance(plain(word), plain(candidate));
    if (
      distance <= Math.ceil(longest / 3) && distance < longest &&
      distance < bestDistance
    ) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}
