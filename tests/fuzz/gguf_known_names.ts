/** Names that llama.cpp v0.5.0 knows, for making files that are wrong in ways that it listens to (`llama-arch.cpp`). */

/** Architectures of every kind; the rest differ from these in sizes alone. */
export const ARCHITECTURES = (
  "clip llama llama4 deci falcon grok gpt2 gptj gptneox mpt baichuan starcoder refact bert modern-bert nomic-bert " +
  "nomic-bert-moe neo-bert jina-bert-v2 jina-bert-v3 eurobert bloom stablelm qwen qwen2 qwen2moe qwen2vl qwen3 " +
  "qwen3moe qwen3next qwen3vl qwen35 qwen4exp phi2 phi3 phimoe plamo plamo2 plamo3 codeshell orion internlm2 minicpm " +
  "minicpm3 gemma gemma2 gemma3 gemma3n gemma4 gemma4-assistant gemma-embedding starcoder2 mamba mamba2 maple jamba " +
  "falcon-h1 xverse command-r cohere2 cohere2moe dbrx olmo olmo2 olmoe openelm arctic deepseek deepseek2 deepseek32 " +
  "deepseek4 chatglm glm4 glm4moe glm-dsa bitnet t5 t5encoder jais jais2 nemotron nemotron_h exaone exaone4 " +
  "exaone-moe rwkv6 rwkv6qwen2 rwkv7 arwkv7 granite granitemoe granitehybrid graniteswitch chameleon " +
  "wavtokenizer-dec plm bailingmoe bailingmoe2 bailingmoe3 dots1 arcee afmoe laguna ernie4_5 ernie4_5-moe " +
  "hunyuan-moe hunyuan-dense smollm3 gpt-oss lfm2 dream smallthinker llada seed_oss grovemoe apertus minimax-01 " +
  "hrm_text minimax-m2 cogvlm rnd1 pangu-embedded mistral3 eagle3 dflash mistral4 mimo2 step35 llama-embed " +
  "kimi-linear talkie qwen3tts pockettts (unknown) nonsense"
).split(" ");

/** Hyperparameters that are numbers, behind the architecture and a dot. */
export const NUMBER_KEYS = (
  "vocab_size context_length embedding_length embedding_length_out embedding_length_per_layer_input features_length " +
  "block_count leading_dense_block_count feed_forward_length expert_feed_forward_length " +
  "expert_shared_feed_forward_length expert_count expert_used_count expert_shared_count expert_group_count " +
  "expert_group_used_count expert_gating_func experts_per_group moe_every_n_layers nextn_predict_layers " +
  "n_deepstack_layers pooling_type decoder_start_token_id decoder_block_count rescale_every_n_layers " +
  "time_mix_extra_dim token_shift_count interleave_moe_layer_step full_attention_interval num_loops " +
  "attention.head_count attention.head_count_kv attention.key_length attention.value_length " +
  "attention.group_norm_groups attention.q_lora_rank attention.kv_lora_rank attention.relative_buckets_count " +
  "attention.sliding_window attention.sliding_window_pattern attention.temperature_length attention.key_length_mla " +
  "attention.value_length_mla attention.key_length_swa attention.value_length_swa attention.indexer.head_count " +
  "attention.shared_kv_layers rope.dimension_count rope.dimension_count_swa rope.scaling.original_context_length " +
  "ssm.conv_kernel ssm.inner_size ssm.state_size ssm.time_step_rank ssm.group_count wkv.head_size posnet.block_count " +
  "convnext.block_count block_size shortconv.l_cache dense_2_feat_in dense_2_feat_out dense_3_feat_in dense_3_feat_out"
).split(" ");

/** Hyperparameters with a fraction. */
export const FLOAT_KEYS = (
  "expert_weights_scale logit_scale attn_logit_softcapping router_logit_softcapping final_logit_softcapping " +
  "residual_scale embedding_scale attention.max_alibi_bias attention.clamp_kqv attention.layer_norm_epsilon " +
  "attention.layer_norm_rms_epsilon attention.scale attention.output_scale rope.freq_base rope.freq_base_swa " +
  "rope.scale_linear rope.scaling.factor rope.scaling.attn_factor rope.scaling.yarn_log_multiplier " +
  "rope.scaling.yarn_ext_factor rope.scaling.yarn_attn_factor rope.scaling.yarn_beta_fast rope.scaling.yarn_beta_slow"
).split(" ");

/** Hyperparameters that may be one number for each layer, or are lists. */
export const ARRAY_KEYS = (
  "attention.head_count attention.head_count_kv feed_forward_length expert_used_count rope.dimension_sections " +
  "attention.sliding_window_pattern attention.recurrent_layers classifier.output_labels deepstack_mapping " +
  "swiglu_clamp_exp attention.indexer.types"
).split(" ");

/** Switches. */
export const BOOL_KEYS =
  "attention.causal use_parallel_residual expert_weights_norm swin_norm rope.scaling.finetuned ssm.dt_b_c_rms"
    .split(" ");

/** Kinds of tokenizer. */
export const TOKENIZERS =
  "llama gpt2 bert t5 rwkv plamo2 gemma4 hybriddna whitespace none no_vocab test nonsense".split(" ");

/** Ways to cut text before merging, of which some have code of their own. */
export const PRE_TOKENIZERS = (
  "default llama3 llama-bpe deepseek-llm deepseek-coder deepseek-v3 falcon mpt starcoder gpt-2 jina-v1-en command-r " +
  "qwen2 qwen35 stablelm2 olmo poro-chat chatglm-bpe viking tekken smollm bloom codeshell exaone chameleon minerva-7b " +
  "megrez gpt-4o superbpe trillion granite-docling bailingmoe kimi-k2 hunyuan seed-coder a.x-4.0 gemma4 grok-2 " +
  "afmoe minimax-m2 modern-bert nonsense"
).split(" ");

/** Token ids in the vocabulary's metadata. */
export const TOKEN_ID_KEYS = (
  "bos eos eot eom unknown seperator padding cls mask fim_pre fim_suf fim_mid fim_pad fim_rep fim_sep prefix suffix " +
  "middle"
).split(" ").map((name) => `tokenizer.ggml.${name}_token_id`);

/** Switches of the vocabulary. */
export const TOKENIZER_SWITCHES = (
  "add_bos_token add_eos_token add_sep_token add_space_prefix remove_extra_whitespaces normalizer.lowercase " +
  "normalizer.strip_accents"
).split(" ").map((name) => `tokenizer.ggml.${name}`);
