/** What `show` prints about a model: headings with indented tables. Pure. */

import type { ShowAnswer } from "./api_types.ts";
import { humanCount } from "./banner.ts";
import { textTable } from "./text_table.ts";

/** Lines of a system message or license that are shown. */
const EXCERPT_LINES = 2;

type Row = readonly [string, string];

/** All sections. @param verbose with all metadata and tensors, when the answer has them */
export function modelSections(answer: ShowAnswer, verbose = false): string {
  const sections = [section("Model", modelRows(answer))];
  if (answer.projector_info) {
    sections.push(section("Projector", projectorRows(answer.projector_info)));
  }
  sections.push(list("Capabilities", answer.capabilities ?? []));
  sections.push(section("Parameters", parameterRows(answer.parameters ?? "")));
  if (verbose) {
    sections.push(section("Metadata", metadataRows(answer.model_info ?? {})));
    const tensors = (answer.tensors ?? []).map((
      { name, type, shape },
    ) => [name, type, `[${shape.join(" ")}]`]);
    if (tensors.length > 0) {
      sections.push(heading("Tensors") + textTable(tensors, "    "));
    }
  }
  sections.push(list("System", excerpt(answer.system ?? "")));
  sections.push(list("License", excerpt(answer.license ?? "")));
  return sections.filter((text) => text !== "").join("\n") + "\n";
}

function heading(name: string): string {
  return `  ${name}\n`;
}

function section(name: string, rows: readonly Row[]): string {
  return rows.length === 0 ? "" : heading(name) + textTable(rows, "    ");
}

function list(name: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : heading(name) + lines.map((line) => `    ${line}\n`).join("");
}

function modelRows({ model_info = {}, details = {} }: ShowAnswer): Row[] {
  const architecture = String(
    model_info["general.architecture"] ?? details.family ?? "",
  );
  const count = model_info["general.parameter_count"];
  const rows: Row[] = [
    ["architecture", architecture],
    [
      "parameters",
      details.parameter_size ||
      (typeof count === "number" ? humanCount(count) : ""),
    ],
    ["context length", text(model_info[`${architecture}.context_length`])],
    ["embedding length", text(model_info[`${architecture}.embedding_length`])],
    ["quantization", details.quantization_level ?? ""],
  ];
  return rows.filter(([, value]) => value !== "");
}

function projectorRows(info: Record<string, unknown>): Row[] {
  const architecture = String(info["general.architecture"] ?? "");
  const rows: Row[] = [
    ["architecture", architecture],
    [
      "parameters",
      typeof info["general.parameter_count"] === "number" ? humanCount(info["general.parameter_count"]) : "",
    ],
    ["embedding length", text(info[`${architecture}.vision.embedding_length`])],
    ["dimensions", text(info[`${architecture}.vision.projection_dim`])],
  ];
  return rows.filter(([, value]) => value !== "");
}

function parameterRows(parameters: string): Row[] {
  return parameters.split("\n").flatMap((line): Row[] => {
    const match = /^(\S+)\s+(.*)$/.exec(line.trim());
    return match === null ? [] : [[match[1] ?? "", match[2] ?? ""]];
  });
}

function metadataRows(info: Record<string, unknown>): Row[] {
  return Object.keys(info).sort().map((key): Row => [key, text(info[key])]);
}

/** Values that would fill the screen are cut: vocabularies have 100,000 entries. */
function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) {
    const shown = value.slice(0, 3).map((each) => JSON.stringify(each)).join(
      ", ",
    );
    return value.length > 3 ? `[${shown}, ...+${value.length - 3} more]` : `[${shown}]`;
  }
  const line = String(value).replaceAll(/\s+/g, " ");
  return line.length > 100 ? `${line.slice(0, 100)}...` : line;
}

function excerpt(whole: string): string[] {
  const lines = whole.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return lines.length > EXCERPT_LINES ? [...lines.slice(0, EXCERPT_LINES), "..."] : lines;
}
