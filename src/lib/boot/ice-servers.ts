const form = /^(stuns?|turns?):(?:([^:@]+):([^@]+)@)?([^@\s]+)$/;

/** `stun:host:port` and `turn:user:secret@host:port` as the browser wants them; what is neither is left out. */
export const toIceServers = (texts: readonly string[]): readonly RTCIceServer[] =>
  texts.flatMap((text) => toIceServer(text) ?? []);

/** Undefined for what is no such address. */
export function toIceServer(text: string): RTCIceServer | undefined {
  const match = form.exec(text.trim());
  if (!match) return undefined;
  const [, scheme, username, credential, host] = match;
  const urls = `${scheme}:${host}`;
  if (scheme!.startsWith('stun')) return { urls };
  return username && credential ? { urls, username, credential } : undefined;
}
