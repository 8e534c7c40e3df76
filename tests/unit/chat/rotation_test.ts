import { strict as assert } from "node:assert";
import { rotateMessages } from "../../../src/chat/rotation.ts";
import type { ChatMessage } from "../../../src/core/chat_message.ts";

const size = (messages: readonly ChatMessage[]) =>
  messages.reduce((sum, message) => sum + message.content.length, 0);

/** Letters name roles, for example `suatauu`; every message measures 10. */
function conversation(roles: string): ChatMessage[] {
  const names = { s: "system", u: "user", a: "assistant", t: "tool" } as const;
  return [...roles].map((letter, i) => ({
    role: names[letter as keyof typeof names],
    content: String(i).padStart(10, "."),
  }));
}

async function rotatedRoles(roles: string, budget: number): Promise<string | null> {
  const result = await rotateMessages(conversation(roles), size, budget);
  return result === null ? null : result.messages.map((message) => message.role[0]).join("");
}

Deno.test("rotateMessages() returns a conversation that fits as it is", async () => {
  const messages = conversation("suaua");
  assert.deepEqual(await rotateMessages(messages, size, 50), { messages, messagesDropped: 0 });
});

Deno.test("rotateMessages() drops whole turns, oldest first, and counts messages", async () => {
  const result = await rotateMessages(conversation("suauau"), size, 40);
  assert.deepEqual(result?.messages.map((message) => message.content.at(-1)), ["0", "3", "4", "5"]);
  assert.equal(result?.messagesDropped, 2);
});

Deno.test("rotateMessages() drops a tool result together with its call", async () => {
  assert.equal(await rotatedRoles("uatatauau", 40), "uau");
  assert.equal(await rotatedRoles("uauatat", 50), "uatat");
});

Deno.test("rotateMessages() keeps system messages wherever they stand", async () => {
  assert.equal(await rotatedRoles("suasuau", 30), "ssu");
});

Deno.test("rotateMessages() drops what stands before the first user message with the first turn", async () => {
  assert.equal(await rotatedRoles("aauau", 30), "uau".slice(0, 3));
  assert.equal(await rotatedRoles("aauau", 10), "u");
});

Deno.test("rotateMessages() gives null when the last turn alone does not fit", async () => {
  assert.equal(await rotatedRoles("suau", 19), null);
  assert.equal(await rotatedRoles("su", 19), null);
  assert.equal(await rotatedRoles("s", 9), null);
  assert.equal(await rotatedRoles("", -1), null);
});

Deno.test("rotateMessages() measures O(log turns) times", async () => {
  let calls = 0;
  const messages = conversation("ua".repeat(1000));
  const measure = (some: readonly ChatMessage[]) => (calls++, size(some));
  const result = await rotateMessages(messages, measure, 10_000);
  assert.equal(result?.messages.length, 1000);
  assert.ok(calls <= 18, `${calls} calls`);
});

Deno.test("rotateMessages() never measures much more than fits, after the whole conversation", async () => {
  const messages = conversation("ua".repeat(10_000));
  const sizes: number[] = [];
  const measure = (some: readonly ChatMessage[]) => (sizes.push(size(some)), size(some));
  await rotateMessages(messages, measure, 1000);
  assert.ok(sizes.slice(1).every((measured) => measured <= 4 * 1000), String(sizes));
});

Deno.test("rotateMessages() is minimal and keeps its promises on random conversations", async () => {
  let state = 7;
  const next = (
    below: number,
  ) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0, (state >>> 8) % below);
  for (let round = 0; round < 2000; round++) {
    const roles = "s".repeat(next(2)) +
      Array.from({ length: 1 + next(12) }, () => "uuaats"[next(6)]).join("");
    const messages = conversation(roles).map((message) => ({
      ...message,
      content: "x".repeat(1 + next(20)),
    }));
    const budget = next(150);
    const result = await rotateMessages(messages, size, budget);
    const expected = bruteForce(messages, budget);
    assert.deepEqual(result?.messages ?? null, expected, `${roles} budget ${budget}`);
    if (result) assert.equal(result.messagesDropped, messages.length - result.messages.length);
  }
});

/** Tries every number of dropped turns, from none. A turn begins at each user message after the first spoken one. */
function bruteForce(messages: readonly ChatMessage[], budget: number): ChatMessage[] | null {
  const spoken = messages.filter((message) => message.role !== "system");
  const starts = [0, ...spoken.flatMap((message, i) => message.role === "user" && i > 0 ? [i] : [])];
  for (const start of spoken.length === 0 ? [0] : starts) {
    const kept = new Set(spoken.slice(start));
    const candidate = messages.filter((message) => message.role === "system" || kept.has(message));
    if (size(candidate) <= budget) return candidate;
  }
  return null;
}
