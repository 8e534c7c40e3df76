/** Flags of the model, and of where models are kept: the group "Model" of `--help`. */

import { LOAD_MODES } from "../serve_options.ts";
import { chatTemplateValue } from "./chat_template_value.ts";
import { type Flag, setting } from "./flag.ts";
import { duration, list, nonEmpty, oneOf, scaledFiles } from "./flag_value.ts";

/** The model and where it is computed. */
export const MODEL_FLAGS: readonly Flag[] = [
  setting(["-m", "--model"], "model", "FILE", nonEmpty("a file name"), {
    env: "LLAMA_ARG_MODEL",
    group: "Model",
    help: "GGUF file to load",
    shown: "the embedded demonstration model",
  }),
  setting(
    ["-a", "--alias"],
    "alias",
    "NAME,...",
    list("one or more names with commas between them", ","),
    {
      env: "LLAMA_ARG_ALIAS",
      group: "Model",
      help: "names that requests may call the model by; it is listed under the first",
      shown: "the file's name",
    },
  ),
  setting(["--chat-template"], "chatTemplate", "JINJA", chatTemplateValue, {
    env: "LLAMA_ARG_CHAT_TEMPLATE",
    group: "Model",
    help: "chat template in place of the model's own; also a name: chatml",
  }),
  setting(
    ["--chat-template-file"],
    "chatTemplateFile",
    "FILE",
    nonEmpty("a file name"),
    {
      env: "LLAMA_ARG_CHAT_TEMPLATE_FILE",
      group: "Model",
      help: "file with a chat template in place of the model's own",
    },
  ),
  setting(
    ["--lora"],
    "lora",
    "FILE,...",
    list("one or more files with commas between them", ","),
    {
      group: "Model",
      help: "LoRA adapters to apply",
      shown: "none",
    },
  ),
  setting(["--lora-scaled"], "loraScaled", "FILE:SCALE,...", scaledFiles, {
    group: "Model",
    help: "LoRA adapters to apply with a scale",
    shown: "none",
  }),
  {
    kind: "switch",
    names: ["--lora-init-without-apply"],
    key: "loraInitWithoutApply",
    constant: true,
    group: "Model",
    help: "load LoRA adapters with scale 0; POST /lora-adapters changes it",
  },
  setting(["-lm", "--load-mode"], "loadMode", "MODE", oneOf(LOAD_MODES), {
    env: "LLAMA_ARG_LOAD_MODE",
    group: "Model",
    help: `how the file comes into memory: ${LOAD_MODES.join(", ")}`,
  }),
  {
    kind: "switch",
    names: ["--no-mmap"],
    key: "loadMode",
    constant: "none",
    group: "Model",
    help: "the same as --load-mode none",
  },
  {
    kind: "switch",
    names: ["--mlock"],
    key: "loadMode",
    constant: "mmap+mlock",
    group: "Model",
    help: "the same as --load-mode mmap+mlock",
  },
  setting(
    ["--models-dir"],
    "modelsDir",
    "DIR,...",
    list("one or more folders with commas between them", ","),
    {
      env: "LLAMA_ARG_MODELS_DIR",
      group: "Model",
      help: "folders of GGUF files that requests may name",
      shown: "none",
    },
  ),
  setting(["--models-store"], "modelsStore", "DIR", nonEmpty("a folder"), {
    env: "LLAMACPP_SERVER_MODELS",
    group: "Model",
    help: "folder that pulled and created models are stored in",
    shown: "~/.llamacpp-server/models",
  }),
  setting(["--ollama-models"], "ollamaModels", "DIR", nonEmpty("a folder"), {
    group: "Model",
    help: "Ollama's store, read in place",
    shown: "$OLLAMA_MODELS or ~/.ollama/models",
  }),
  {
    kind: "switch",
    names: ["--no-model-discovery"],
    key: "discoverModels",
    constant: false,
    group: "Model",
    help: "do not look for models of Ollama, Hugging Face, LM Studio and llama.cpp",
  },
  setting(["--keep-alive"], "keepAlive", "DURATION", duration, {
    env: "LLAMACPP_KEEP_ALIVE",
    foreignEnv: "OLLAMA_KEEP_ALIVE",
    group: "Model",
    help:
      "how long an idle model stays loaded when no request says, -1 for ever; that of --model always does",
    shown: "5m",
  }),
  setting(["--lib-dir"], "libDir", "DIR", nonEmpty("a folder"), {
    env: "LLAMACPP_LIB_DIR",
    group: "Model",
    help: "folder with libllama and the ggml libraries",
    shown: "lib/<os>-<arch>",
  }),
];
