import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';

const hashes = { sha256, sha384, sha512 };

/** Whether bytes match a Subresource Integrity string: `sha256-`, `sha384-` or `sha512-` followed by base64. */
export function matchesIntegrity(bytes: Uint8Array, integrity: string): boolean {
  const [, name, expected] = /^(sha256|sha384|sha512)-([A-Za-z0-9+/]+=*)$/.exec(integrity) ?? [];
  if (name === undefined || expected === undefined) return false;
  const digest = hashes[name as keyof typeof hashes](bytes);
  return btoa(String.fromCharCode(...digest)) === expected;
}
