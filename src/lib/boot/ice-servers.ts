/** `stun:host:port` and `turn:user:secret@host:port` as the browser wants them; what is neither is left out. */
export function toIceServers(texts: readonly string[]): readonly RTCIceServer[] {
  return texts.flatMap((text): RTCIceServer[] => {
    const match = /^(stuns?|turns?):(?:([^:@]+):([^@]+)@)?([^@\s]+)$/.exec(text.trim());
    if (!match) return [];
    const [, scheme, username, credential, host] = match;
    const urls = `${scheme}:${host}`;
    if (scheme!.startsWith('stun')) return [{ urls }];
    return username && credential ? [{ urls, username, credential }] : [];
  });
}
