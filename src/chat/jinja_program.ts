/**
 * One compiled Jinja template. Knows Jinja, knows nothing of chats. Compiling happens once; every rendering gets its own
 * variables, so renderings never see each other.
 */

import type { Body } from "./jinja/ast.ts";
import type { Surroundings } from "./jinja/builtin.ts";
import { globalFunctions } from "./jinja/globals.ts";
import { renderBody } from "./jinja/interpreter.ts";
import { parseTemplate } from "./jinja/parser.ts";
import { Scope } from "./jinja/scope.ts";
import type { UsageLog } from "./jinja/usage_log.ts";
import { toValue } from "./jinja/value.ts";

export { TemplateRefusal } from "./jinja/globals.ts";
export { RenderLimit } from "./jinja/interpreter.ts";
export type { UsageLog } from "./jinja/usage_log.ts";

/** A compiled template. */
export class JinjaProgram {
  readonly source: string;
  readonly #body: Body;

  /** @throws JinjaError when the source does not parse; the message has line and column */
  constructor(source: string) {
    this.source = source;
    this.#body = parseTemplate(source);
  }

  /**
   * Renders with JSON-like data; values of `jinja/value.ts` pass as they are. The global functions cannot be replaced.
   * @param options.now the moment that the template takes for now
   * @param options.usage log of what the template looks at
   * @throws TemplateRefusal when the template raised; JinjaError or another error is a fault of template or data
   */
  render(
    variables: Readonly<Record<string, unknown>>,
    { now = new Date(), usage }: { now?: Date; usage?: UsageLog } = {},
  ): string {
    const around: Surroundings = { now, ...(usage === undefined ? {} : { usage }) };
    const scope = new Scope();
    for (const [name, data] of Object.entries(variables)) {
      if (data !== undefined) scope.set(name, toValue(data));
    }
    for (const [name, value] of globalFunctions(around)) scope.set(name, value);
    return renderBody(this.#body, new Scope(scope), around);
  }
}
