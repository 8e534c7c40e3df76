/** `/props`: what the server runs and what it can do. */

import type { ModelCard, ModelSession, TemplateFacts } from "../../core/inference_service.ts";
import type { ServiceStatus } from "../../core/service_status.ts";
import type { Settings } from "../shared/settings.ts";
import { briefSettings, defaultGeneration, PLAIN_OPTIONS } from "./generation_settings.ts";

/** Where llama-server's clients put an image into a text; images are refused here. */
const MEDIA_MARKER = "<__media__>";

/** Everything about the loaded model and the server's settings. */
export function encodeProps(
  service: Pick<
    ModelSession,
    "nCtx" | "specialTokens" | "detokenize" | "templateFacts"
  >,
  card: ModelCard,
  status: ServiceStatus,
  { version, defaults }: Settings,
): unknown {
  const { bos, eos } = service.specialTokens();
  const text = (token: number) => token < 0 ? "" : service.detokenize([token], { special: true });
  const generation = defaultGeneration(
    defaults.sampling,
    defaults.maxTokens,
    defaults.nKeep ?? 0,
  );
  return {
    default_generation_settings: {
      params: briefSettings(generation, PLAIN_OPTIONS),
      n_ctx: service.nCtx,
    },
    total_slots: status.parallel,
    model_alias: card.id,
    model_ftype: card.quantization,
    model_path: card.path,
    modalities: { vision: false, video: false, audio: false },
    media_marker: MEDIA_MARKER,
    memory: {
      can_shift: status.memory.canShift,
      can_share_prefix: status.memory.canSharePrefix,
      reason: status.memory.reason,
    },
    endpoint_slots: true,
    endpoint_props: false,
    endpoint_metrics: true,
    ui: false,
    ui_settings: {},
    chat_template: card.chatTemplate,
    chat_template_caps: templateCaps(service.templateFacts()),
    bos_token: text(bos),
    eos_token: text(eos),
    build_info: `llamacpp-server ${version}`,
    is_sleeping: false,
    cors_proxy_enabled: false,
  };
}

function templateCaps(facts: TemplateFacts): Record<string, boolean> {
  return {
    supports_object_arguments: facts.objectArguments,
    supports_parallel_tool_calls: facts.toolCalls,
    supports_preserve_reasoning: false,
    supports_reasoning_effort: false,
    supports_string_content: !facts.typedContent,
    supports_system_role: facts.system,
    supports_tool_calls: facts.toolCalls,
    supports_tools: facts.tools,
    supports_typed_content: facts.typedContent,
  };
}
