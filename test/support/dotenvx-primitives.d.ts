/** Types of the three functions used of `@dotenvx/primitives`, which ships none. The rest of it is left out on purpose:
 *  its parser runs commands that it finds in values. */
declare module "@dotenvx/primitives" {
  /** secp256k1, hex; the public key compressed. */
  export function keypair(privateKey?: string): { publicKey: string; privateKey: string };
  /** Returns `encrypted:` and base64; each call another text. */
  export function encrypt(publicKey: string, value: string): string;
  /** Throws an Error with a `code` such as WRONG_PRIVATE_KEY. */
  export function decrypt(privateKey: string, value: string): string;
}
