import type { Row } from './curve.ts';
import { manner } from './tables.ts';
import { failedShare } from './windows.ts';

const sizes = [8, 16, 32, 64, 128, 256, 512, 1_024] as const;
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];
const [width, height, left, top, plotWidth, plotHeight] = [900, 420, 60, 20, 440, 340];

/** Share of audits that convict, by their tokens, greedy and uncalibrated; as SVG. */
export function plotCurve(rows: readonly Row[]): string {
  const x = (tokens: number) => left + (plotWidth * Math.log2(tokens / sizes[0])) / Math.log2(sizes.at(-1)! / sizes[0]);
  const y = (share: number) => top + plotHeight * (1 - share);
  const lines = rows
    .filter(({ temperature }) => temperature === 0)
    .map(({ title, answers, isHonest }) => ({
      title: isHonest ? `Honest: ${title.split(', read')[0]}` : title.split(/[:;,]/)[0]!,
      isHonest,
      points: sizes
        .map((tokens) => ({ tokens, share: failedShare(answers, tokens, { manner: manner(0) }) }))
        .filter(({ share }) => share.of > 0)
        .map(({ tokens, share }) => `${x(tokens).toFixed(1)},${y(share.count / share.of).toFixed(1)}`),
    }));
  const text = (at: readonly [number, number], said: string, anchor = 'start') =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}">${said.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`;
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<path d="M${left} ${y(share)}h${plotWidth}" stroke="#ccc"/>${text([left - 8, y(share) + 4], `${share * 100} %`, 'end')}`,
  );
  const ticks = sizes.map((tokens) => text([x(tokens), top + plotHeight + 18], String(tokens), 'middle'));
  const drawn = lines.map(({ title, isHonest, points }, at) => {
    const colour = isHonest ? '#777' : colours[at % colours.length]!;
    const legendY = top + 12 + at * 22;
    const dash = isHonest ? ' stroke-dasharray="4 4"' : '';
    return [
      `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
      `<path d="M${left + plotWidth + 20} ${legendY - 4}h24" stroke="${colour}" stroke-width="2"${dash}/>`,
      text([left + plotWidth + 50, legendY], title),
    ].join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    '<title>Share of audits that convict, by audited tokens</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...grid,
    ...ticks,
    text([left + plotWidth / 2, top + plotHeight + 40], 'tokens of one audit', 'middle'),
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}
