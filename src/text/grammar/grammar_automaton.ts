/**
 * Walks a grammar character by character, following all ways at once. A way is a stack of places where the grammar goes
 * on; equal stacks are one object, and a state is the set of stacks that are open at a point of the text. States, and
 * what comes after them, are kept and shared by all answers under the grammar, so a state is worked out once.
 *
 * Always holds: the same characters lead to the same stacks whatever way they are cut into tokens; work that is not kept
 * from before is counted, and more than `MAX_WORK` of it between two calls of `startWork()` is refused. So no grammar
 * holds up its caller for long, however ambiguous it is: stacks that are equal are followed once.
 */

import type { CodeSet } from "./code_set.ts";
import { GrammarError } from "./grammar_error.ts";
import { type GrammarProgram, Kind } from "./grammar_program.ts";

/**
 * Steps from one place to another, and stacks put together, in one piece of work; a stack that is new counts as
 * `NEW_STACK` of them. Measured: less than 0.1 s.
 */
export const MAX_WORK = 600_000;
const NEW_STACK = 8;
/** Stacks and states that are kept; then the automaton begins anew, with what is open in an answer. */
const MAX_KEPT = 200_000;
/** Stacks of one answer that are open at once, and what lies below them. */
const MAX_LIVE = 250_000;
/** States with at most so many stacks compare each of them; larger ones look characters up. */
const FEW = 8;

/** A way through the grammar: the place of the next symbol, and what follows its sequence. */
class Stack {
  /** Closed or reached in a walk with this number. */
  mark = 0;
  /** What is open after the character or token at its top. */
  next: GrammarState | undefined;

  constructor(readonly id: number, readonly at: number, readonly below: Stack | undefined) {}
}

/** The stacks of a large state by the set of characters that they go on with. */
interface StateIndex {
  groups: Stack[][];
  /** Groups of one character only. */
  single: Map<number, number>;
  others: { group: number; set: CodeSet }[];
  /** Groups that go on together, by their numbers, to what they lead to. */
  joined: Map<string, GrammarState>;
}

/** What is open at a point of the text. */
export class GrammarState {
  /** The text may end here. */
  readonly accepting: boolean;
  /** Stacks that go on with a character. */
  readonly characters: readonly Stack[];
  /** Stacks that go on with a token. */
  readonly tokens: readonly Stack[];
  /** Known continuations, where several stacks go on together. */
  next: Map<number, GrammarState | undefined> | undefined;
  /** Of a large state. */
  index: StateIndex | undefined;

  constructor(readonly owner: object, stacks: readonly Stack[], symbols: Int32Array) {
    this.accepting = stacks.some((stack) => stack.at < 0);
    this.characters = stacks.filter((stack) => stack.at >= 0 && (symbols[stack.at]! & 3) === Kind.set);
    this.tokens = stacks.filter((stack) => stack.at >= 0 && (symbols[stack.at]! & 3) === Kind.token);
  }
}

/** Everything that is kept; replaced as a whole when it has grown too large. */
class Memory {
  readonly bottom = new Stack(0, -1, undefined);
  readonly stacks = new Map<number, Stack>();
  readonly states = new Map<string | number, GrammarState>();
  /** Continuations that states hold. */
  continuations = 0;
  limit = MAX_KEPT;

  get size(): number {
    return this.stacks.size + this.states.size + this.continuations;
  }
}

/** See the module comment. */
export class GrammarAutomaton {
  readonly program: GrammarProgram;
  #memory = new Memory();
  #mark = 0;
  #work = 0;
  #start: GrammarState;

  /** @throws GrammarError when too many ways are open at the beginning */
  constructor(program: GrammarProgram) {
    this.program = program;
    this.#start = this.#begin();
  }

  /** The beginning of the text. */
  get start(): GrammarState {
    if (this.#start.owner !== this.#memory) this.#start = this.#begin();
    return this.#start;
  }

  /** A new piece of work begins; memory is looked after. @returns the state as it is known now */
  startWork(state: GrammarState): GrammarState {
    this.#work = 0;
    if (this.#memory.size > this.#memory.limit) this.#memory = new Memory();
    return state.owner === this.#memory ? state : this.#adopt(state);
  }

  /** After one more character; undefined where the grammar does not allow it. @throws GrammarError after too much work */
  step(state: GrammarState, code: number): GrammarState | undefined {
    const { characters } = state;
    if (characters.length > FEW) return this.#kept(state, code, () => this.#stepLarge(state, code));
    const { symbols, sets } = this.program;
    let first: Stack | undefined;
    let several = false;
    for (const stack of characters) {
      if (!sets[symbols[stack.at]! >> 2]!.has(code)) continue;
      if (first === undefined) first = stack;
      else several = true;
    }
    if (first === undefined) return undefined;
    if (!several) return this.#after(first);
    return this.#kept(
      state,
      code,
      () => this.#join(characters.filter((stack) => sets[symbols[stack.at]! >> 2]!.has(code))),
    );
  }

  /** After a token that a rule asks for by number; undefined where none does. */
  stepToken(state: GrammarState, token: number): GrammarState | undefined {
    const matching = state.tokens.filter((stack) => {
      const value = this.program.symbols[stack.at]! >> 2;
      return (value >> 1 === token) !== ((value & 1) === 1);
    });
    this.#spend(state.tokens.length);
    return matching.length === 0 ? undefined : this.#join(matching);
  }

  /** What two walks lead to. */
  union(a: GrammarState | undefined, b: GrammarState | undefined): GrammarState | undefined {
    if (a === undefined || b === undefined || a === b) return a ?? b;
    const ends = a.accepting || b.accepting ? [this.#memory.bottom] : [];
    const stacks = [...a.characters, ...a.tokens, ...b.characters, ...b.tokens, ...ends];
    this.#spend(stacks.length);
    return this.#state([...new Set(stacks)]);
  }

  /** True when a character of the range may come next. */
  meets(state: GrammarState, low: number, high: number): boolean {
    const { symbols, sets } = this.program;
    this.#spend(state.characters.length);
    return state.characters.some((stack) => sets[symbols[stack.at]! >> 2]!.meets(low, high));
  }

  #begin(): GrammarState {
    this.#work = 0;
    const { symbols, rules, root } = this.program;
    const { bottom } = this.#memory;
    return this.#close(
      rules[root]!.map((at) => symbols[at] === Kind.end ? bottom : this.#stack(at, bottom)),
    );
  }

  #spend(work: number): void {
    this.#work += work;
    if (this.#work > MAX_WORK) {
      throw new GrammarError(
        `it is too ambiguous: one token takes more than ${MAX_WORK} steps through its rules`,
      );
    }
  }

  #kept(state: GrammarState, code: number, work: () => GrammarState | undefined): GrammarState | undefined {
    const kept = state.next ??= new Map();
    const known = kept.get(code);
    if (known !== undefined || kept.has(code)) return known;
    const next = work();
    kept.set(code, next);
    this.#memory.continuations++;
    return next;
  }

  #stepLarge(state: GrammarState, code: number): GrammarState | undefined {
    const { groups, single, others, joined } = state.index ??= this.#makeIndex(state);
    this.#spend(others.length + 1);
    const matching = others.filter(({ set }) => set.has(code)).map(({ group }) => group);
    const alone = single.get(code);
    if (alone !== undefined) matching.push(alone);
    if (matching.length === 0) return undefined;
    const key = matching.join();
    let next = joined.get(key);
    if (next === undefined) joined.set(key, next = this.#join(matching.flatMap((group) => groups[group]!)));
    return next;
  }

  #makeIndex(state: GrammarState): StateIndex {
    const { symbols, sets } = this.program;
    const bySet = new Map<number, number>();
    const index: StateIndex = { groups: [], single: new Map(), others: [], joined: new Map() };
    this.#spend(state.characters.length);
    for (const stack of state.characters) {
      const number = symbols[stack.at]! >> 2;
      const group = bySet.get(number);
      if (group !== undefined) {
        index.groups[group]!.push(stack);
        continue;
      }
      const added = index.groups.push([stack]) - 1;
      bySet.set(number, added);
      const set = sets[number]!;
      // One character may be two sets by their writing, "a" and [a].
      if (set.single >= 0 && !index.single.has(set.single)) index.single.set(set.single, added);
      else index.others.push({ group: added, set });
    }
    return index;
  }

  /** What is open after the tops of these stacks. */
  #join(stacks: readonly Stack[]): GrammarState {
    if (stacks.length === 1) return this.#after(stacks[0]!);
    const all: Stack[] = [];
    const states = stacks.map((stack) => this.#after(stack));
    const mark = ++this.#mark;
    const { bottom } = this.#memory;
    for (const { characters, tokens, accepting } of states) {
      this.#spend(characters.length + tokens.length + 1);
      for (const stack of characters) add(stack);
      for (const stack of tokens) add(stack);
      if (accepting) add(bottom);
    }
    return this.#state(all);

    function add(stack: Stack): void {
      if (stack.mark === mark) return;
      stack.mark = mark;
      all.push(stack);
    }
  }

  /** What is open after the top of the stack. */
  #after(stack: Stack): GrammarState {
    return stack.next ??= this.#close([this.#rest(stack)]);
  }

  /** The stack without its top symbol. */
  #rest(stack: Stack): Stack {
    const at = stack.at + 1;
    return this.program.symbols[at] === Kind.end ? stack.below! : this.#stack(at, stack.below!);
  }

  /** Follows rules until every stack goes on with a character or token, or ends. */
  #close(from: readonly Stack[]): GrammarState {
    const { symbols, rules } = this.program;
    const mark = ++this.#mark;
    const queue: Stack[] = [];
    const found: Stack[] = [];
    const push = (stack: Stack): void => {
      if (stack.mark === mark) return;
      stack.mark = mark;
      if (stack.at >= 0 && (symbols[stack.at]! & 3) === Kind.rule) queue.push(stack);
      else found.push(stack);
    };
    from.forEach(push);
    for (let stack = queue.pop(); stack !== undefined; stack = queue.pop()) {
      const starts = rules[symbols[stack.at]! >> 2]!;
      this.#spend(2 + 2 * starts.length);
      const rest = this.#rest(stack);
      for (const at of starts) push(symbols[at] === Kind.end ? rest : this.#stack(at, rest));
    }
    return this.#state(found);
  }

  #stack(at: number, below: Stack): Stack {
    const { stacks } = this.#memory;
    const key = below.id * this.program.symbols.length + at;
    let stack = stacks.get(key);
    if (stack === undefined) {
      this.#spend(NEW_STACK);
      stacks.set(key, stack = new Stack(stacks.size + 1, at, below));
    }
    return stack;
  }

  /** The one state of these stacks. */
  #state(found: readonly Stack[]): GrammarState {
    const { states } = this.#memory;
    const key = found.length === 1 ? found[0]!.id : Int32Array.from(found, ({ id }) => id).sort().join();
    this.#spend(found.length);
    let state = states.get(key);
    if (state === undefined) {
      state = new GrammarState(this.#memory, found, this.program.symbols);
      states.set(key, state);
    }
    return state;
  }

  /** A state of an earlier memory in this one. */
  #adopt(state: GrammarState): GrammarState {
    const known = new Map<Stack, Stack>();
    const { bottom } = this.#memory;
    const copied = [...state.characters, ...state.tokens].map((stack) => {
      const path: Stack[] = [];
      let below: Stack | undefined = stack;
      while (below !== undefined && below.at >= 0 && !known.has(below)) {
        path.push(below);
        below = below.below;
      }
      let copy = below === undefined || below.at < 0 ? bottom : known.get(below)!;
      this.#work = 0;
      for (const one of path.reverse()) {
        if (known.size >= MAX_LIVE) {
          throw new GrammarError(
            `it is too ambiguous, or nested too deep: the text keeps more than ${MAX_LIVE} places open`,
          );
        }
        known.set(one, copy = this.#stack(one.at, copy));
        this.#work = 0;
      }
      return copy;
    });
    // What is open in an answer is kept whatever its size, so there must be room beside it.
    this.#memory.limit = Math.max(this.#memory.limit, 2 * this.#memory.size);
    const adopted = this.#state(state.accepting ? [...copied, bottom] : copied);
    this.#work = 0;
    return adopted;
  }
}
