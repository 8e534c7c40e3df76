/** The mix of a soak. A request is made from a seeded random number, so that a run can be repeated. */

import type { Random } from "../../support/random.ts";
import {
  anthropic,
  chat,
  completion,
  grammarChat,
  longAnswer,
  longChat,
  native,
  ollama,
  responses,
  twoAnswers,
} from "./generations.ts";
import type { SoakRequest, TrafficOptions } from "./request.ts";
import { bad, embedding, poll, slotAction, textService, unload } from "./services.ts";

type Maker = (random: Random, options: TrafficOptions) => SoakRequest;

/** Kinds with their weights. */
const MAKERS: readonly [weight: number, make: Maker][] = [
  [5, chat],
  [2, twoAnswers],
  [3, grammarChat],
  [4, completion],
  [5, ollama],
  [4, anthropic],
  [4, native],
  [2, responses],
  [2, longChat],
  [1, longAnswer],
  [3, embedding],
  [1, slotAction],
  [0.5, unload],
  [1, textService],
  [3, bad],
  [2, poll],
];
const TOTAL_WEIGHT = MAKERS.reduce((sum, [weight]) => sum + weight, 0);

/** The next request of a client. */
export function nextRequest(random: Random, options: TrafficOptions): SoakRequest {
  let at = random.next() * TOTAL_WEIGHT;
  for (const [weight, make] of MAKERS) {
    at -= weight;
    if (at < 0) return make(random, options);
  }
  return poll(random);
}
