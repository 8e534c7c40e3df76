/**
 * Rotation before prefill: which messages of a conversation to drop so that the prompt leaves room to answer. Pure:
 * the caller brings the measure. Whole turns go, oldest first; system messages and the last turn always stay.
 */

import type { ChatMessage } from "../core/chat_message.ts";

/** A conversation that fits. */
export interface RotatedMessages {
  messages: readonly ChatMessage[];
  /** Messages left out; 0 when the whole conversation fits. */
  messagesDropped: number;
}

/**
 * Drops as few of the oldest turns as possible. A turn is a user message and everything up to the next one, so a tool
 * result never loses its call; what stands before the first user message (a greeting) is a turn of its own.
 *
 * @param measure prompt tokens of a conversation; called O(log turns) times, but for the first
 * time with conversations of few times the budget. Assumed not to grow when a turn is dropped
 * @param budget most prompt tokens allowed
 * @returns null when even the last turn with the system messages exceeds the budget
 */
export async function rotateMessages(
  messages: readonly ChatMessage[],
  measure: (messages: readonly ChatMessage[]) => number | Promise<number>,
  budget: number,
): Promise<RotatedMessages | null> {
  if (await measure(messages) <= budget) {
    return { messages, messagesDropped: 0 };
  }
  const turns = turnOfEachMessage(messages);
  const last = turns.reduce((most, turn) => Math.max(most, turn), 0);
  const without = (dropped: number) => messages.filter((_, i) => turns[i]! < 0 || turns[i]! >= dropped);

  // Invariant: dropping `low` turns is too few; dropping `high` turns fits, once `best` is set.
  let [low, high] = [0, last];
  if (last === 0 || await measure(without(last)) > budget) return null;
  let best = without(last);
  // From the end first, four times as many turns each time: what is measured is never much more than what fits.
  for (let kept = 4; high - low > 1;) {
    const galloping = low === 0 && last + 1 - kept > 0;
    const middle = galloping ? last + 1 - kept : (low + high) >> 1;
    kept *= 4;
    const candidate = without(middle);
    if (await measure(candidate) <= budget) [high, best] = [middle, candidate];
    else low = middle;
  }
  return { messages: best, messagesDropped: messages.length - best.length };
}

/** Number of the turn each message belongs to, from 0; -1 for system messages. */
function turnOfEachMessage(messages: readonly ChatMessage[]): number[] {
  let turn = 0;
  let begun = false;
  return messages.map((message) => {
    if (message.role === "system") return -1;
    if (message.role === "user" && begun) turn++;
    begun = true;
    return turn;
  });
}
