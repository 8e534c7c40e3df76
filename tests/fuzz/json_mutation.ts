/** Changes JSON trees, keeping most of what makes them requests. */

import type { Random } from "../support/random.ts";
import {
  hostileGrammar,
  hostileNumber,
  hostileSchema,
  hostileText,
  hostileValue,
  nested,
} from "./hostile_values.ts";
import { isTable, type JsonNode, Literal, Pairs } from "./json_node.ts";
import type { SchemaValues } from "./schema_value.ts";

/** What mutations draw from. */
export interface MutationSources {
  values: SchemaValues;
  /** Members of this request's schema. */
  own: readonly (readonly [name: string, schema: unknown])[];
  /** Members of all requests of all dialects. */
  all: readonly (readonly [name: string, schema: unknown])[];
}

/** A place in a tree that can be written to. */
interface Place {
  key: string;
  get(): JsonNode;
  set(value: JsonNode): void;
  remove(): void;
}

/** Most places that are looked at; a tree of thousands of items is as good as its first ones. */
const MAX_PLACES = 400;

/** Most nodes that one mutation makes: several in a row could make any number. */
const MAX_NODES = 20_000;

function sizeOf(node: JsonNode): number {
  if (typeof node === "string") return 1 + node.length / 16;
  if (!Array.isArray(node) && !isTable(node)) return 1;
  return Object.values(node).reduce((sum: number, member) => sum + sizeOf(member), 1);
}

function places(root: JsonNode): Place[] {
  const found: Place[] = [];
  const visit = (node: JsonNode) => {
    if (found.length > MAX_PLACES || !(Array.isArray(node) || isTable(node))) return;
    for (const key of Object.keys(node).slice(0, 50)) {
      const holder = node as Record<string, JsonNode>;
      found.push({
        key,
        get: () => holder[key] ?? null,
        set: (value) =>
          Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true }),
        remove: () => Array.isArray(node) ? node.splice(Number(key), 1) : delete holder[key],
      });
      visit(holder[key] ?? null);
    }
  };
  visit(root);
  return found;
}

type Mutation = (root: JsonNode, sources: MutationSources, random: Random) => JsonNode;

/** Changes one place of the tree. */
function atPlace(change: (value: JsonNode, random: Random, place: Place) => JsonNode): Mutation {
  return (root, _sources, random) => {
    const found = places(root);
    if (found.length === 0) return hostileValue(random);
    const place = random.pick(found);
    place.set(change(place.get(), random, place));
    return root;
  };
}

/** Puts a member into the outermost object. */
function withMember(
  choose: (sources: MutationSources, random: Random) => readonly [string, JsonNode] | undefined,
): Mutation {
  return (root, sources, random) => {
    const member = choose(sources, random);
    if (member !== undefined && isTable(root)) root[member[0]] = member[1];
    return root;
  };
}

function drawn(
  members: MutationSources["all"],
  make: (schema: unknown) => JsonNode,
  random: Random,
): readonly [string, JsonNode] | undefined {
  if (members.length === 0) return undefined;
  const [name, schema] = random.pick(members);
  return [name, make(schema)];
}

const sameType = atPlace((value, random) => {
  if (typeof value === "number") return hostileNumber(random);
  if (typeof value === "string") return hostileText(random);
  if (typeof value === "boolean") return !value;
  if (Array.isArray(value) && value.length > 0) {
    const times = Math.min(random.pick([2, 10, 129, 1000, 4000]), Math.ceil(MAX_NODES / sizeOf(value)));
    return Array.from({ length: times }, () => random.pick(value));
  }
  return hostileValue(random);
});

const anyType = atPlace((_value, random) => hostileValue(random));
const wrapped = atPlace((value, random) => nested(value, random.pick([1, 2, 5, 60, 250]), random));
const unwrapped = atPlace((value) =>
  Array.isArray(value) ? value[0] ?? null : isTable(value) ? Object.values(value)[0] ?? null : [value]
);
const asText = atPlace((value) =>
  value instanceof Literal ? value : (JSON.stringify(value) ?? "x").slice(0, MAX_NODES)
);
const removed: Mutation = (root, _sources, random) => {
  const found = places(root);
  if (found.length > 0) random.pick(found).remove();
  return root;
};
const swapped: Mutation = (root, _sources, random) => {
  const found = places(root);
  if (found.length > 1) random.pick(found).set(structuredCloneNode(random.pick(found).get()));
  return root;
};
const doubled: Mutation = (root, _sources, random) => {
  if (!isTable(root) || Object.keys(root).length === 0) return root;
  const entries = Object.entries(root);
  const [key] = random.pick(entries);
  entries.splice(random.int(0, entries.length), 0, [key, hostileValue(random)]);
  return new Pairs(entries);
};
const crowded: Mutation = (root, _sources, random) => {
  if (isTable(root)) {
    for (let i = random.pick([100, 2000, 20_000]); i > 0; i--) root[`x${i}`] = i;
  }
  return root;
};

const MUTATIONS: readonly (readonly [weight: number, mutation: Mutation])[] = [
  [26, sameType],
  [12, anyType],
  [6, removed],
  [5, swapped],
  [4, wrapped],
  [3, unwrapped],
  [3, asText],
  [3, doubled],
  [1, crowded],
  [10, withMember(({ own, values }, random) => drawn(own, (schema) => values.make(schema, random), random))],
  [8, withMember(({ own }, random) => drawn(own, () => hostileValue(random), random))],
  [6, withMember(({ all, values }, random) => drawn(all, (schema) => values.make(schema, random), random))],
  [3, withMember(({ all }, random) => drawn(all, () => hostileValue(random), random))],
  [2, withMember((_sources, random) => [hostileText(random), hostileValue(random)])],
  [4, withMember((_sources, random) => ["grammar", hostileGrammar(random)])],
  [3, withMember((_sources, random) => ["json_schema", hostileSchema(random)])],
  [3, withMember((_sources, random) => ["format", hostileSchema(random)])],
  [
    4,
    withMember((
      _sources,
      random,
    ) => ["response_format", {
      type: "json_schema",
      json_schema: { name: "x", schema: hostileSchema(random) },
    }]),
  ],
  [2, withMember((_sources, random) => ["stream", random.next() < 0.7])],
];

const WEIGHTS = MUTATIONS.reduce((sum, [weight]) => sum + weight, 0);

/** A copy that can be changed. */
export function structuredCloneNode(node: JsonNode): JsonNode {
  if (node instanceof Literal) return node;
  if (node instanceof Pairs) {
    return new Pairs(node.entries.map(([key, value]) => [key, structuredCloneNode(value)]));
  }
  if (Array.isArray(node)) return node.map(structuredCloneNode);
  if (isTable(node)) {
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, structuredCloneNode(value)]));
  }
  return node;
}

/** Applies some mutations. @returns the changed tree; `root` is changed, too */
export function mutate(root: JsonNode, sources: MutationSources, random: Random): JsonNode {
  const count = random.pick([1, 1, 1, 2, 2, 3, 5]);
  for (let i = 0; i < count; i++) {
    let at = random.next() * WEIGHTS;
    const [, mutation] = MUTATIONS.find(([weight]) => (at -= weight) < 0) ?? MUTATIONS[0]!;
    root = mutation(root, sources, random);
  }
  return root;
}
