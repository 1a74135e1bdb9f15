/**
 * A peer's colour, the same everywhere. OKLCH (Ottosson 2020) with fixed lightness and chroma, chosen so that every hue
 * has a contrast of at least 3:1 on light and dark backgrounds and is within sRGB; only the hue depends on the peer.
 * Colour is never the only cue: the peer's short name is shown next to it.
 */
export const peerLightness = 0.62;
export const peerChroma = 0.1;

/** CSS colour. */
export const peerColour = (peer: string): string => hueColour(peerHue(peer));

/** CSS colour of a hue in degrees, as light and as strong as those of peers. */
export const hueColour = (hue: number): string => `oklch(${peerLightness} ${peerChroma} ${hue})`;

/**
 * Hue in degrees, 0 to 359, by FNV-1a over the peer id. A hash rather than a prefix, because ids share their first
 * characters.
 */
export function peerHue(peer: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < peer.length; i++) hash = Math.imul(hash ^ peer.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % 360;
}

/** The last six characters, because Ed25519 peer ids all start alike. */
export const peerName = (peer: string): string => peer.slice(-6);
