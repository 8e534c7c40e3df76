/** Why a JSON Schema cannot be turned into a grammar. */

/** A schema that cannot be honoured. The message names the pointer and the reason. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";

  /**
   * @param pointer JSON pointer of the offending keyword or schema; "" is the whole schema
   * @param reason what is wrong, as a sentence without its stop
   */
  constructor(readonly pointer: string, readonly reason: string, options?: ErrorOptions) {
    super(`The JSON schema cannot be honoured at ${JSON.stringify(`#${pointer}`)}: ${reason}`, options);
  }
}
