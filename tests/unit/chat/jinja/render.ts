/** Renders a template in one line, for tests. */

import { JinjaProgram } from "../../../../src/chat/jinja_program.ts";

/** What a source prints with these variables. */
export function render(source: string, variables: Readonly<Record<string, unknown>> = {}): string {
  return new JinjaProgram(source).render(variables);
}

/** What an expression prints. */
export function value(expression: string, variables: Readonly<Record<string, unknown>> = {}): string {
  return render(`{{ ${expression} }}`, variables);
}
