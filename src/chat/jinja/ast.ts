/** The tree of a parsed template. `at` is the offset in the source, for messages. */

/** Something with a value. */
export type Expression =
  | { type: "literal"; at: number; value: string | number | boolean | null; float?: boolean }
  | { type: "name"; at: number; name: string }
  | { type: "list"; at: number; items: readonly Expression[]; tuple: boolean }
  | { type: "dict"; at: number; entries: readonly (readonly [Expression, Expression])[] }
  | { type: "unary"; at: number; operator: "not" | "-" | "+"; operand: Expression }
  | { type: "binary"; at: number; operator: string; left: Expression; right: Expression }
  | { type: "condition"; at: number; test: Expression; then: Expression; otherwise?: Expression }
  | { type: "filter"; at: number; operand: Expression; call: Application }
  | { type: "test"; at: number; operand: Expression; negated: boolean; call: Application }
  | { type: "attribute"; at: number; object: Expression; name: string }
  | { type: "item"; at: number; object: Expression; key: Expression }
  | { type: "slice"; at: number; object: Expression; bounds: readonly (Expression | undefined)[] }
  | { type: "call"; at: number; callee: Expression; args: readonly Argument[] };

/** A filter or test with its arguments. */
export interface Application {
  name: string;
  args: readonly Argument[];
}

/** An argument of a call; `*list` is spread. */
export interface Argument {
  name?: string;
  spread?: boolean;
  value: Expression;
}

/** A parameter of a macro or call block. */
export interface Parameter {
  name: string;
  fallback?: Expression;
}

/** What an assignment or a loop binds. */
export type Target =
  | { type: "names"; names: readonly string[]; tuple: boolean }
  | { type: "member"; object: Expression; name: string };

/** A part of the template's body. */
export type Statement =
  | { type: "text"; at: number; text: string }
  | { type: "print"; at: number; value: Expression }
  | { type: "if"; at: number; test: Expression; then: Body; otherwise: Body }
  | {
    type: "for";
    at: number;
    target: Target & { type: "names" };
    iterable: Expression;
    filter?: Expression;
    body: Body;
    otherwise: Body;
  }
  | { type: "set"; at: number; target: Target; value: Expression | Body }
  | { type: "macro"; at: number; name: string; parameters: readonly Parameter[]; body: Body }
  | {
    type: "call_block";
    at: number;
    call: Expression & { type: "call" };
    parameters: readonly Parameter[];
    body: Body;
  }
  | { type: "filter_block"; at: number; call: Application; body: Body }
  | { type: "break"; at: number }
  | { type: "continue"; at: number };

/** Statements in order. */
export type Body = readonly Statement[];
