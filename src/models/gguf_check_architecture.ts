/**
 * What single architectures insist on. libllama asserts it while loading or building a graph (`src/models/*.cpp`, v0.5.0),
 * so a file that says otherwise would end the process.
 */

/** Files of these are no language models by themselves, in the words of an error. */
export const NO_MODELS: Readonly<Record<string, string>> = {
  clip: "it is a multimodal projector (--mmproj), not a model",
  eagle3: "it is a draft for speculative decoding and needs its target model",
  dflash: "it is a draft for speculative decoding and needs its target model",
  "gemma4-assistant": "it is a draft for speculative decoding and needs its target model",
  dream: "diffusion language models are not supported",
  llada: "diffusion language models are not supported",
  "llada-moe": "diffusion language models are not supported",
  rnd1: "diffusion language models are not supported",
  t5: "models with an encoder and a decoder are not supported",
  "wavtokenizer-dec": "it makes sound, not text",
};

/** `general.type` of files that are no models, in the words of an error. */
export const OTHER_KINDS: Readonly<Record<string, string>> = {
  adapter: "it is a LoRA adapter, not a model (--lora)",
  mmproj: NO_MODELS.clip!,
  imatrix: "it is an importance matrix, not a model",
};

const names = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** Keys, values and the rotated part of a head have one size. */
export const WHOLE_HEAD_ROPE = names(
  "apertus arcee arctic baichuan chameleon codeshell cogvlm cohere2moe dbrx deci deepseek dots1 ernie4_5 ernie4_5-moe " +
    "exaone exaone-moe exaone4 falcon granite granite_swa graniteswitch grok grovemoe hunyuan-moe hunyuan_vl hy_v3 " +
    "internlm2 jais2 llama llama4 maincoder mellum mistral3 nemotron olmo olmo2 olmoe orion paddleocr pangu-embedded " +
    "plamo qwen2 qwen2moe qwen2vl qwen3 qwen3moe qwen3vl qwen3vlmoe seed_oss smallthinker smollm3 starcoder2 talkie " +
    "xverse",
);

/** Keys and values of a head have one size; less of it may be rotated. */
export const EQUAL_HEADS = names(
  "afmoe bailingmoe2 bert bitnet bloom chatglm cohere2 command-r eurobert glm4 glm4moe gpt2 gptneox granitehybrid jais " +
    "modern-bert mpt nemotron_h nemotron_h_moe neo-bert openelm phi2 phi3 qwen qwen35 qwen35moe qwen3next refact " +
    "stablelm starcoder",
);

/** Cannot be without experts. */
export const NEEDS_EXPERTS = names("bailingmoe2 glm4moe grovemoe smallthinker");

/** The state is twice as wide as the model. */
export const DOUBLE_STATE = names("jamba granitehybrid");

/** May give out embeddings of another width than their own. */
export const PROJECTS = names("lfm2 lfm2moe");

/** Have no attention, so no heads; the others divide by their number. */
export const WITHOUT_HEADS = names("mamba mamba2 rwkv6 rwkv6qwen2 rwkv7 arwkv7");
