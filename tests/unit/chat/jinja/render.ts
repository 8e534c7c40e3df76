/** Renders a template in one line, for tests. */

import { strict as assert } from "node:assert";
import { JinjaProgram } from "../../../../src/chat/jinja_program.ts";

/** What a source prints with these variables. */
export function render(source: string, variables: Readonly<Record<string, unknown>> = {}): string {
  return new JinjaProgram(source).render(variables);
}

/** What an expression prints. */
export function value(expression: string, variables: Readonly<Record<string, unknown>> = {}): string {
  return render(`{{ ${expression} }}`, variables);
}

/** Asserts what each expression prints: expression -> text. */
export function check(
  cases: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, unknown>> = {},
): void {
  for (const [expression, expected] of Object.entries(cases)) {
    assert.equal(value(expression, variables), expected, expression);
  }
}
