/** Embeddings and relevance scores: what is asked for and what comes back, whatever the dialect. */

/** How the vectors of an input's tokens become one (`llama_pooling_type`); `rank` gives a score instead. */
export const POOLINGS = ["none", "mean", "cls", "last", "rank"] as const;
export type Pooling = typeof POOLINGS[number];

/** What the loaded model embeds. */
export interface EmbeddingFacts {
  /** `none`: a vector for each token. `rank`: the model scores pairs of texts and embeds nothing. */
  pooling: Pooling;
  /** Most tokens of one input. */
  maxTokens: number;
}

/** One input: text, or token ids that are taken as they are. */
export type EmbedInput = string | readonly number[];

/** How to embed. */
export interface EmbedOptions {
  /** An input of more than `maxTokens`: its end is dropped, or it is an error. */
  overflow: "truncate" | "error";
  /** Norm to divide by, llama-server's `embd_normalize`: see `normalize()` in `src/pipeline/embedding_norm.ts`. */
  normalize: number;
  /** Keep the first so many numbers, before normalising. */
  dimensions?: number;
  /** Called when the inputs have been read and have a place in the queue. */
  onAccepted?: () => void;
}

/** Euclidean length 1. */
export const EUCLIDEAN = 2;

/** What an input gave. */
export interface Embedding {
  /** One vector; with pooling `none` one for each token. */
  vectors: readonly Float32Array[];
  /** Tokens computed. */
  tokens: number;
}

/** How a model that scores pairs wants to read them: a text with places for both, or tokens around them. */
export interface PairMarks {
  /** Text with `{query}` and `{document}`; the rest is for models without. */
  template: string | undefined;
  before: readonly number[];
  between: readonly number[];
  after: readonly number[];
}

/** How to score. */
export interface RerankOptions {
  /** A pair of more than `maxTokens`: the document's end is dropped, or it is an error. */
  overflow: "truncate" | "error";
  /** Called when the pairs have been read and have a place in the queue. */
  onAccepted?: () => void;
}

/** Scores of documents, in their order. */
export interface Ranking {
  /** The model's raw outputs: higher is more relevant. */
  scores: readonly number[];
  /** Tokens of all pairs. */
  tokens: number;
}
