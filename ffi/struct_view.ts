/**
 * Owns access to C structs by field name, at the offsets that the generator computed.
 * Always holds: a write touches only the bytes of its field.
 */
import { LAYOUTS } from "./llama.gen.ts";

/** Names of the structs with a known layout. */
export type StructName = keyof typeof LAYOUTS;

/** Names of the fields of a struct. */
export type FieldName<S extends StructName> = keyof typeof LAYOUTS[S]["fields"] & string;

interface Field {
  readonly offset: number;
  readonly size: number;
  readonly type: string;
}

/** A struct in a buffer that JavaScript owns, off the JavaScript heap so that its address is stable. */
export class StructView<S extends StructName> {
  /** The struct's bytes; pass them by value, or as a `buffer`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #name: S;

  /** @param bytes an existing struct; default: a new one, all zero */
  constructor(name: S, bytes: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(LAYOUTS[name].size))) {
    if (bytes.length !== LAYOUTS[name].size) {
      throw new Error(
        `Cannot view struct ${name}: expected ${LAYOUTS[name].size} bytes, got ${bytes.length}`,
      );
    }
    this.bytes = bytes;
    this.#name = name;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Reads a number or boolean (0 or 1); 64-bit integers and pointers lose precision above 2^53. */
  get(field: FieldName<S>): number {
    const { offset, type } = this.#field(field);
    const view = this.#view;
    switch (type) {
      case "bool":
      case "u8":
        return view.getUint8(offset);
      case "i8":
        return view.getInt8(offset);
      case "i32":
        return view.getInt32(offset, true);
      case "u32":
        return view.getUint32(offset, true);
      case "i64":
        return Number(view.getBigInt64(offset, true));
      case "u64":
      case "usize":
      case "pointer":
        return Number(view.getBigUint64(offset, true));
      case "f32":
        return view.getFloat32(offset, true);
      case "f64":
        return view.getFloat64(offset, true);
      default:
        throw new Error(`Cannot read ${this.#name}.${field}: it is no scalar`);
    }
  }

  /** Writes a number, boolean or address. */
  set(field: FieldName<S>, value: number | boolean | bigint): this {
    const { offset, type } = this.#field(field);
    const view = this.#view;
    switch (type) {
      case "bool":
      case "u8":
      case "i8":
        view.setUint8(offset, Number(value));
        return this;
      case "i32":
        view.setInt32(offset, Number(value), true);
        return this;
      case "u32":
        view.setUint32(offset, Number(value), true);
        return this;
      case "i64":
      case "u64":
      case "usize":
      case "pointer":
        view.setBigUint64(offset, BigInt(value), true);
        return this;
      case "f32":
        view.setFloat32(offset, Number(value), true);
        return this;
      case "f64":
        view.setFloat64(offset, Number(value), true);
        return this;
      default:
        throw new Error(`Cannot write ${this.#name}.${field}: it is no scalar`);
    }
  }

  /** Writes the fields whose value is not `undefined`. */
  setAll(values: Partial<Record<FieldName<S>, number | boolean | bigint | undefined>>): this {
    for (const [field, value] of Object.entries(values)) {
      if (value !== undefined) this.set(field as FieldName<S>, value as number | boolean | bigint);
    }
    return this;
  }

  #field(name: FieldName<S>): Field {
    return (LAYOUTS[this.#name].fields as unknown as Record<string, Field>)[name] as Field;
  }
}
