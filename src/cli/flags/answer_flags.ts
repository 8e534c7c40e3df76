/** Flags of answers, for requests that do not say: the group "Answers" of `--help`. */

import { DEFAULT_SAMPLING, RANDOM_SEED } from "../../core/sampling_params.ts";
import { type Flag, sampling, setting } from "./flag.ts";
import { decimal, someOf, wholeNumber } from "./flag_value.ts";

const COUNT = 2 ** 31 - 1;

const ANY = decimal(-Infinity, Infinity);

/** Defaults of sampling, for requests that do not say. */
export const ANSWER_FLAGS: readonly Flag[] = [
  setting(
    ["-n", "--n-predict", "--predict"],
    "predict",
    "N",
    wholeNumber(-1, COUNT),
    {
      env: "LLAMA_ARG_N_PREDICT",
      group: "Answers",
      help: "tokens of an answer when the request sets no limit; -1 no limit",
    },
  ),
  setting(
    ["--reasoning-budget"],
    "reasoningBudget",
    "N",
    wholeNumber(-1, COUNT),
    {
      env: "LLAMA_ARG_THINK_BUDGET",
      group: "Answers",
      help: "most tokens of reasoning; 0 no reasoning, -1 no limit",
    },
  ),
  sampling(
    ["--temperature", "--temp"],
    "temperature",
    "N",
    decimal(0, Infinity),
    {
      env: "LLAMA_ARG_TEMPERATURE",
      help: "temperature, 0 always takes the likeliest token",
    },
  ),
  sampling(["--top-k"], "topK", "N", wholeNumber(-1, COUNT), {
    env: "LLAMA_ARG_TOP_K",
    help: "only the K likeliest tokens, 0 all",
  }),
  sampling(["--top-p"], "topP", "N", decimal(0, 1), {
    env: "LLAMA_ARG_TOP_P",
    help: "only the likeliest tokens that together reach this probability, 1 all",
  }),
  sampling(["--min-p"], "minP", "N", decimal(0, 1), {
    env: "LLAMA_ARG_MIN_P",
    help: "only tokens with at least this fraction of the best one's probability",
  }),
  sampling(["--typical", "--typical-p"], "typicalP", "N", decimal(0, 1), {
    help: "locally typical sampling, 1 off",
  }),
  sampling(["--top-nsigma", "--top-n-sigma"], "topNSigma", "N", ANY, {
    help: "top-n-sigma sampling, -1 off",
  }),
  sampling(["-s", "--seed"], "seed", "N", {
    expected: `a whole number from -1 to ${RANDOM_SEED}`,
    parse(value) {
      const seed = wholeNumber(-1, RANDOM_SEED).parse(value);
      return seed === -1 ? RANDOM_SEED : seed;
    },
  }, {
    help: "seed of the random numbers, -1 draws one for each request",
    shown: "-1",
  }),
  sampling(["--repeat-penalty"], "repeatPenalty", "N", decimal(0, Infinity), {
    env: "LLAMA_ARG_REPEAT_PENALTY",
    help: "penalty of repeated tokens, 1 off",
  }),
  sampling(["--repeat-last-n"], "repeatLastN", "N", wholeNumber(-1, COUNT), {
    help: "tokens that penalties look back at, 0 off, -1 the whole context",
  }),
  sampling(["--presence-penalty"], "presencePenalty", "N", ANY, {
    env: "LLAMA_ARG_PRESENCE_PENALTY",
    help: "penalty of tokens that have occurred, 0 off",
  }),
  sampling(["--frequency-penalty"], "frequencyPenalty", "N", ANY, {
    env: "LLAMA_ARG_FREQUENCY_PENALTY",
    help: "penalty of tokens by how often they occurred, 0 off",
  }),
  sampling(["--dynatemp-range"], "dynatempRange", "N", decimal(0, Infinity), {
    help: "range of the dynamic temperature, 0 off",
  }),
  sampling(["--dynatemp-exp"], "dynatempExponent", "N", ANY, {
    help: "exponent of the dynamic temperature",
  }),
  sampling(["--xtc-probability"], "xtcProbability", "N", decimal(0, 1), {
    help: "XTC probability, 0 off",
  }),
  sampling(["--xtc-threshold"], "xtcThreshold", "N", decimal(0, 1), {
    help: "XTC threshold, above 0.5 off",
  }),
  sampling(["--dry-multiplier"], "dryMultiplier", "N", decimal(0, Infinity), {
    help: "DRY multiplier, 0 off",
  }),
  sampling(["--dry-base"], "dryBase", "N", decimal(1, Infinity), {
    help: "DRY base",
  }),
  sampling(
    ["--dry-allowed-length"],
    "dryAllowedLength",
    "N",
    wholeNumber(0, COUNT),
    {
      help: "longest repetition that DRY lets pass",
    },
  ),
  sampling(
    ["--dry-penalty-last-n"],
    "dryPenaltyLastN",
    "N",
    wholeNumber(-1, COUNT),
    {
      help: "tokens that DRY looks back at, 0 off, -1 the whole context",
    },
  ),
  sampling(["--mirostat"], "mirostat", "0|1|2", {
    expected: "0, 1 or 2",
    parse: (
      value,
    ) => (value === "0" ? 0 : value === "1" ? 1 : value === "2" ? 2 : undefined),
  }, { help: "Mirostat sampling, 0 off" }),
  sampling(["--mirostat-lr"], "mirostatEta", "N", decimal(0, Infinity), {
    help: "Mirostat learning rate (eta)",
  }),
  sampling(["--mirostat-ent"], "mirostatTau", "N", decimal(0, Infinity), {
    help: "Mirostat target entropy (tau)",
  }),
  sampling(
    ["--samplers"],
    "samplers",
    "NAME;...",
    someOf(DEFAULT_SAMPLING.samplers, ";"),
    {
      help: "samplers to use, in their order",
      shown: DEFAULT_SAMPLING.samplers.join(";"),
    },
  ),
];
