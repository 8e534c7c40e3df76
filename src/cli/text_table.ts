/** Rows in aligned columns, as `list`, `ps` and `show` print them. Pure. */

import { displayWidth } from "./display_width.ts";

/** Blanks between columns. */
const GAP = 4;

/** Rows of cells to lines; the last column is not padded. */
export function textTable(
  rows: readonly (readonly string[])[],
  indent = "",
): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, displayWidth(cell)));
  }
  const line = (row: readonly string[]) =>
    row.map((cell, i) =>
      i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - displayWidth(cell) + GAP)
    ).join("");
  return rows.map((row) => `${indent}${line(row)}`.trimEnd() + "\n").join("");
}
