/** Markdown tables, aligned so that they read well in a terminal too. */

/** Renders rows under a header; the first column is text, the others are numbers and stand right. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) =>
    Math.max(3, ...[header, ...rows].map((row) => (row[column] ?? "").length))
  );
  const line = (row: readonly string[]) =>
    `| ${
      widths.map((width, i) => i === 0 ? cell(row, i).padEnd(width) : cell(row, i).padStart(width)).join(
        " | ",
      )
    } |`;
  const rule = `| ${
    widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`).join(" | ")
  } |`;
  return [line(header), rule, ...rows.map(line)].join("\n");
}

function cell(row: readonly string[], column: number): string {
  return row[column] ?? "";
}
