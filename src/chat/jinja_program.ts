/**
 * One compiled Jinja template and the globals that chat templates expect. Knows Jinja, knows nothing of chats.
 * Compiling happens once; every rendering gets a fresh environment, so renderings never see each other.
 */

import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { formatTime } from "./strftime.ts";

/** A template called `raise_exception(message)`: it refuses this conversation, in its own words. */
export class TemplateRefusal extends Error {
  override readonly name = "TemplateRefusal";
}

/** Variables that callers cannot replace: the language's constants and functions. */
const GLOBALS: Readonly<Record<string, unknown>> = Object.freeze({
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range,
  raise_exception: raiseException,
  strftime_now: (format: unknown) => formatTime(new Date(), String(format)),
});

/** Most elements of one `range()`; a template that asks for more is broken and would block the event loop. */
const RANGE_MAX = 100_000;

/** A compiled template. */
export class JinjaProgram {
  readonly source: string;
  readonly #program: ReturnType<typeof parse>;

  /** @throws SyntaxError or Error of the Jinja library when the source does not parse */
  constructor(source: string) {
    this.source = source;
    // The block options are those that transformers gives to Jinja2 for chat templates.
    this.#program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  }

  /**
   * Renders with plain JSON-like values and functions.
   * @throws TemplateRefusal when the template raised; any other error is a fault of template, library or values
   */
  render(variables: Readonly<Record<string, unknown>>): string {
    const environment = new Environment();
    for (const [name, value] of Object.entries(GLOBALS)) environment.set(name, value);
    for (const [name, value] of Object.entries(variables)) {
      if (!Object.hasOwn(GLOBALS, name)) environment.set(name, value);
    }
    return String(new Interpreter(environment).run(this.#program).value);
  }
}

function raiseException(message: unknown): never {
  throw new TemplateRefusal(String(message));
}

function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (![from, to, step].every(Number.isFinite) || step === 0) {
    throw new Error(`Cannot evaluate range(${from}, ${to}, ${step})`);
  }
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (count > RANGE_MAX) throw new Error(`Cannot evaluate range(): ${count} elements, at most ${RANGE_MAX}`);
  return Array.from({ length: count }, (_, i) => from + i * step);
}
