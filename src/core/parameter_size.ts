/** A count of parameters as Ollama writes it: "7.6B", "494.03M", "512K". */
export function parameterSize(count: number): string {
  if (count >= 1e9) return `${trim(count / 1e9, 1)}B`;
  if (count >= 1e6) return `${trim(count / 1e6, 2)}M`;
  if (count >= 1e3) return `${Math.round(count / 1e3)}K`;
  return String(count);
}

function trim(value: number, digits: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(digits);
}
