// Which format each of llama.cpp's templates has. The templates are not in this repository: the test runs where its sources
// are (LLAMA_CPP_SRC, default .tools/llama.cpp).

import { strictEqual } from "node:assert";
import { selectFormat } from "../../../../src/chat/formats/select_format.ts";
import { LLAMA_CPP_SOURCE } from "../../../support/paths.ts";

const FOLDER = `${LLAMA_CPP_SOURCE}/models/templates`;

/** Templates by format. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  apertus: ["Apertus-8B-Instruct"],
  apriel: ["Apriel-1.6-15b-Thinker-fixed", "unsloth-Apriel-1.5"],
  cohere_moe: ["Cohere2MoE"],
  command_r7b: ["CohereForAI-c4ai-command-r7b-12-2024-tool_use"],
  command_r_plus: ["CohereForAI-c4ai-command-r-plus-tool_use"],
  deepseek: [
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B",
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B",
    "deepseek-ai-DeepSeek-V3.1",
    "llama-cpp-deepseek-r1",
  ],
  deepseek_dsml: [
    "deepseek-ai-DeepSeek-V3.2",
    "deepseek-ai-DeepSeek-V4-Flash-0731",
    "deepseek-ai-DeepSeek-V4",
  ],
  firefunction: ["fireworks-ai-llama-3-firefunction-v2"],
  functionary_3_1: ["meetkai-functionary-medium-v3.1"],
  functionary_3_2: ["meetkai-functionary-medium-v3.2"],
  gemma_4: ["google-gemma-4-31B-it-interleaved", "google-gemma-4-31B-it"],
  generic_json: [
    "HuggingFaceTB-SmolLM3-3B",
    "google-gemma-2-2b-it",
    "llama-cpp-rwkv-world",
    "microsoft-Phi-3.5-mini-instruct",
  ],
  gigachat_3: ["GigaChat3-10B-A1.8B"],
  gigachat_3_1: ["GigaChat3.1-10B-A1.8B"],
  glm: ["GLM-4.6", "GLM-4.7-Flash", "Spark2.5"],
  granite_3: ["ibm-granite-granite-3.3-2B-Instruct"],
  harmony: ["openai-gpt-oss-120b"],
  hermes: [
    "Bielik-11B-v3.0-Instruct",
    "MiMo-VL",
    "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use",
    "NousResearch-Hermes-3-Llama-3.1-8B-tool_use",
    "Qwen-QwQ-32B",
    "Qwen-Qwen2.5-7B-Instruct",
    "Qwen-Qwen3-0.6B",
    "Reka-Edge",
    "ibm-granite-granite-4.0",
    "ibm-granite-granite-4.1",
  ],
  hy3: ["tencent-Hy3"],
  kimi_k2: ["Kimi-K2-Instruct", "Kimi-K2-Thinking", "moonshotai-Kimi-K2"],
  kimi_k3: ["Kimi-K3"],
  laguna: ["poolside-Laguna-S-2.1", "poolside-Laguna-XS-2.1", "poolside-Laguna-XS.2"],
  lfm2: ["LFM2-8B-A1B", "LFM2.5-8B-A1B", "LFM2.5-Instruct"],
  ling: ["inclusionai-ling-3.0-flash"],
  llama3: [
    "meta-llama-Llama-3.1-8B-Instruct",
    "meta-llama-Llama-3.2-3B-Instruct",
    "meta-llama-Llama-3.3-70B-Instruct",
  ],
  minicpm: ["openbmb-MiniCPM5-1B"],
  minimax_m1: ["MiniMax-M1"],
  minimax_m2: ["MiniMax-M2"],
  minimax_m3: ["MiniMax-M3"],
  mistral: [
    "Mistral-Small-3.2-24B-Instruct-2506",
    "mistralai-Ministral-3-14B-Reasoning-2512",
    "mistralai-Mistral-Nemo-Instruct-2407",
    "unsloth-mistral-Devstral-Small-2507",
  ],
  muse: ["muse-glimmer"],
  nemotron_2: ["NVIDIA-Nemotron-Nano-v2"],
  qwen3_coder: ["NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "Qwen3-Coder", "Qwen3.5-4B", "StepFun3.5-Flash"],
  seed_oss: ["ByteDance-Seed-OSS"],
  solar: ["upstage-Solar-Open-100B"],
};

function templateNames(): string[] {
  try {
    return [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(".jinja"));
  } catch {
    return [];
  }
}

const names = templateNames();

for (const [format, templates] of Object.entries(TABLE)) {
  Deno.test({
    name: `selectFormat() finds ${format} in ${templates.join(", ")}`,
    ignore: names.length === 0,
    fn: () => {
      for (const template of templates) {
        strictEqual(
          selectFormat(Deno.readTextFileSync(`${FOLDER}/${template}.jinja`)).name,
          format,
          template,
        );
      }
    },
  });
}

Deno.test({
  name: "selectFormat() has a row for every template of llama.cpp",
  ignore: names.length === 0,
  fn: () => {
    const listed = Object.values(TABLE).flat().map((name) => `${name}.jinja`);
    strictEqual(names.filter((name) => !listed.includes(name)).join(", "), "");
  },
});

Deno.test("selectFormat() gives a template that knows no tools the generic format", () => {
  strictEqual(
    selectFormat("{% for message in messages %}{{ message.content }}{% endfor %}").name,
    "generic_json",
  );
});
