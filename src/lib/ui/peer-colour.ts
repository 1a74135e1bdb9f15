/**
 * The colour of a peer, the same everywhere it appears. OKLCH (Ottosson 2020) at one lightness and one chroma, so that
 * every hue keeps a contrast of at least 3:1 on the light and on the dark paper and lies inside sRGB; only the hue
 * comes from the key. Colour never says anything alone: the peer's short name stands beside it.
 */
export const peerLightness = 0.62;
export const peerChroma = 0.1;

/** CSS colour. */
export const peerColour = (peer: string): string => `oklch(${peerLightness} ${peerChroma} ${peerHue(peer)})`;

/** Degrees, 0 to 359, by FNV-1a over the peer id; ids share their first characters, so a hash and not a prefix. */
export function peerHue(peer: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < peer.length; i++) hash = Math.imul(hash ^ peer.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % 360;
}

/** The last six characters: peer ids of our keys all begin alike. */
export const peerName = (peer: string): string => peer.slice(-6);
