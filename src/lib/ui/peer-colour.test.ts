import { expect, test } from 'vitest';
import { peerChroma, peerColour, peerHue, peerLightness, peerName } from './peer-colour.ts';

/** OKLCH to linear sRGB, with the matrices from Ottosson's definition. */
function linearRgb(lightness: number, chroma: number, hue: number): readonly [number, number, number] {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

const luminance = ([r, g, b]: readonly [number, number, number]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const contrast = (a: number, b: number) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
const hex = (text: string) => {
  const channel = (at: number) => {
    const value = Number.parseInt(text.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return luminance([channel(1), channel(3), channel(5)]);
};

const hues = Array.from({ length: 360 }, (_, hue) => hue);

test('every hue has 3:1 contrast on each surface of both themes', () => {
  const surfaces = ['#fcfcfb', '#ffffff', '#f3f3f1', '#111113', '#18181b', '#1d1d20'].map(hex);
  const worst = Math.min(
    ...hues.flatMap((hue) => {
      const own = luminance(linearRgb(peerLightness, peerChroma, hue));
      return surfaces.map((surface) => contrast(own, surface));
    }),
  );
  expect(worst).toBeGreaterThanOrEqual(3);
});

test('every hue is within sRGB, so no browser has to map it', () => {
  for (const hue of hues) {
    for (const channel of linearRgb(peerLightness, peerChroma, hue)) {
      expect(channel).toBeGreaterThanOrEqual(0);
      expect(channel).toBeLessThanOrEqual(1);
    }
  }
});

test('the colour is stable for an id and spread over the hue circle for others', () => {
  const peers = Array.from({ length: 400 }, (_, i) => `12D3KooWpeer${i}`);
  expect(peerColour(peers[3]!)).toBe(peerColour(peers[3]!));
  const octants = new Set(peers.map((peer) => Math.floor(peerHue(peer) / 45)));
  expect(octants.size).toBe(8);
});

test('the short name is the id’s suffix', () => {
  expect(peerName('12D3KooWAbCdEfGhIj')).toBe('EfGhIj');
});
