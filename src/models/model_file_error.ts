/** The one error of this room: a model file that cannot be used, and why. */

/** A file is missing, unreadable or no usable GGUF. The message names the file; `reason` does not. */
export class ModelFileError extends Error {
  override readonly name = "ModelFileError";
  /** Path as it was given. */
  readonly path: string;
  /** What is wrong, as a clause: `the file is empty`. */
  readonly reason: string;

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`Cannot load model "${path}": ${reason}`, options);
    this.path = path;
    this.reason = reason;
  }
}
