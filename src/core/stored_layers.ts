/** What a model has beside its weights: the other layers of a stored model, and files that lie beside a plain one. */

/** A message that every conversation with the model begins with. */
export interface StoredMessage {
  role: string;
  content: string;
}

/** See the module comment. */
export interface StoredLayers {
  /** Template as it was stored, Jinja or Go; `ModelCard.chatTemplate` is always Jinja. */
  template?: string;
  /** System message of conversations that bring none. */
  system?: string;
  /** Ollama's options by name, for requests that leave them out. `stop` is an array. */
  parameters?: Readonly<Record<string, unknown>>;
  messages?: readonly StoredMessage[];
  licenses: readonly string[];
  /** Absolute paths of LoRA adapters (GGUF). */
  adapters: readonly string[];
  /** Absolute paths of multimodal projectors (GGUF). */
  projectors: readonly string[];
  /** Name of the model that this one was made from. */
  parentModel?: string;
}
