// What the verifier refuses, one small class per refusal; the messages are sentences that a user may read.

export class Refused extends Error {}

/** A text or a value is not written as its format demands; names the place where it can. */
export class Malformed extends Refused {
  constructor(message, { pointer = "", line, column } = {}) {
    const places = [];
    if (pointer) places.push(`at ${pointer}`);
    if (line !== undefined) places.push(`line ${line}, column ${column}`);
    super(places.length ? `${message} (${places.join(", ")})` : message);
  }
}

/** A signature does not hold over these bytes for this key. */
export class SignatureInvalid extends Refused {}

/** A proof does not lead to the root, or a body, a link or a chain is not what was signed. */
export class ProofInvalid extends Refused {}

/** A public key is not one that may be registered. */
export class KeyRefused extends Refused {}

/** Those who had to sign a checkpoint did not. */
export class PolicyUnmet extends Refused {}

/** An entry cannot stand in the log where it stands. */
export class EntryRefused extends Refused {}
