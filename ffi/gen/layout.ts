/**
 * Owns the mapping from C types to the FFI's native types and to memory layouts of the 64-bit platforms
 * (LP64 and LLP64 agree for every type that llama.h uses: there is no `long` in it).
 */
import type { CRecord, CType, Declarations } from "./c_declarations.ts";

/** A native type of `Deno.dlopen`: a name or a struct by value. */
export type NativeType = string | { struct: NativeType[]; name: string };

/** Size, alignment and how to read the value; `type` is `bytes` for arrays, unions and nested structs. */
export interface Slot {
  size: number;
  align: number;
  type: string;
}

/** A struct's layout in bytes. */
export interface Layout {
  size: number;
  align: number;
  fields: { name: string; offset: number; size: number; type: string; c: string }[];
}

const SCALARS: Record<string, Slot> = {
  "_Bool": { size: 1, align: 1, type: "bool" },
  "bool": { size: 1, align: 1, type: "bool" },
  "char": { size: 1, align: 1, type: "i8" },
  "int8_t": { size: 1, align: 1, type: "i8" },
  "uint8_t": { size: 1, align: 1, type: "u8" },
  "int16_t": { size: 2, align: 2, type: "i16" },
  "uint16_t": { size: 2, align: 2, type: "u16" },
  "int": { size: 4, align: 4, type: "i32" },
  "int32_t": { size: 4, align: 4, type: "i32" },
  "unsigned": { size: 4, align: 4, type: "u32" },
  "int unsigned": { size: 4, align: 4, type: "u32" },
  "uint32_t": { size: 4, align: 4, type: "u32" },
  "int64_t": { size: 8, align: 8, type: "i64" },
  "uint64_t": { size: 8, align: 8, type: "u64" },
  "size_t": { size: 8, align: 8, type: "usize" },
  "float": { size: 4, align: 4, type: "f32" },
  "double": { size: 8, align: 8, type: "f64" },
};
const POINTER: Slot = { size: 8, align: 8, type: "pointer" };

/** Structs that llama.h defines but that callers handle by address only. */
const BY_ADDRESS = new Set(["llama_sampler", "llama_sampler_i", "ggml_tensor", "ggml_cgraph"]);

/** Follows typedefs to a scalar, pointer, record, enum or array. */
export function resolve(type: CType, declarations: Declarations): CType {
  if (type.kind !== "named" || type.name in SCALARS || type.name === "void") return type;
  const target = declarations.typedefs.get(type.name);
  if (target === undefined) throw new Error(`Cannot resolve C type "${type.name}"`);
  return resolve(target, declarations);
}

/** The memory slot of a value of this type. */
export function slotOf(type: CType, declarations: Declarations): Slot {
  const resolved = resolve(type, declarations);
  switch (resolved.kind) {
    case "named": {
      const scalar = SCALARS[resolved.name];
      if (scalar === undefined) throw new Error(`Cannot lay out C type "${resolved.name}"`);
      return scalar;
    }
    case "enum": {
      const values = declarations.enums.get(resolved.name);
      const signed = values === undefined || [...values.values()].some((value) => value < 0);
      return { size: 4, align: 4, type: signed ? "i32" : "u32" };
    }
    case "pointer":
      return POINTER;
    case "array": {
      if (Number.isNaN(resolved.length)) throw new Error("Cannot lay out an array of unknown length");
      const element = slotOf(resolved.of, declarations);
      return { size: element.size * resolved.length, align: element.align, type: "bytes" };
    }
    case "record": {
      const layout = layoutOf(resolved.name, declarations);
      return { size: layout.size, align: layout.align, type: "bytes" };
    }
    case "function":
      throw new Error("Cannot lay out a function");
  }
}

/** Lays out a struct or union with natural alignment. */
export function layoutOf(name: string, declarations: Declarations): Layout {
  const record = fieldsOf(name, declarations);
  let offset = 0;
  let end = 0;
  let align = 1;
  const fields: Layout["fields"] = [];
  for (const field of record.fields) {
    const slot = slotOf(field.type, declarations);
    offset = record.union ? 0 : Math.ceil(offset / slot.align) * slot.align;
    align = Math.max(align, slot.align);
    if (field.name !== "") {
      fields.push({ name: field.name, offset, size: slot.size, type: slot.type, c: field.c });
    }
    offset += slot.size;
    end = Math.max(end, offset);
  }
  return { size: Math.ceil(end / align) * align, align, fields };
}

/** The FFI type of a parameter or result; `undefined` when it cannot be passed (an array or union by value). */
export function nativeTypeOf(
  type: CType,
  declarations: Declarations,
  where: "parameter" | "result" | "field",
): NativeType | undefined {
  const resolved = resolve(type, declarations);
  if (resolved.kind === "named") return resolved.name === "void" ? "void" : SCALARS[resolved.name]?.type;
  if (resolved.kind === "enum") return slotOf(resolved, declarations).type;
  if (resolved.kind === "record") return structType(resolved.name, declarations);
  if (resolved.kind !== "pointer") return undefined;
  if (where !== "parameter") return "pointer";
  return parameterPointer(resolved.to, declarations);
}

/** Data the caller owns travels as `buffer`, native objects and user data as `pointer`, callbacks as `function`. */
function parameterPointer(to: CType, declarations: Declarations): string {
  if (to.kind === "function") return "function";
  if (to.kind === "named" && (to.name === "void" || to.name === "FILE")) return "pointer";
  const target = resolve(to, declarations);
  if (target.kind === "function") return "function";
  if (target.kind === "record") {
    const opaque = declarations.records.get(target.name)?.fields === undefined || BY_ADDRESS.has(target.name);
    return opaque ? "pointer" : "buffer";
  }
  return "buffer";
}

function structType(name: string, declarations: Declarations): NativeType | undefined {
  const record = fieldsOf(name, declarations);
  if (record.union) return undefined;
  const struct: NativeType[] = [];
  for (const field of record.fields) {
    const native = nativeTypeOf(field.type, declarations, "field");
    if (native === undefined) return undefined;
    struct.push(native);
  }
  return { struct, name };
}

function fieldsOf(
  name: string,
  declarations: Declarations,
): CRecord & { fields: NonNullable<CRecord["fields"]> } {
  const record = declarations.records.get(name);
  if (record?.fields === undefined) throw new Error(`Cannot lay out "struct ${name}": it has no definition`);
  return { union: record.union, fields: record.fields };
}
