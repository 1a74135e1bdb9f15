import { expect, test } from 'vitest';
import { warpsMax, weave } from './cloth.ts';
import { offerView } from './offer.fixture.ts';

test('a peer’s thread passes over the models it serves and under the others', () => {
  const cloth = weave(
    [offerView('B', [{ name: 'small', running: 1 }]), offerView('A', [{ name: 'large' }])],
    ['empty'],
  );
  expect(cloth.warps.map(({ peer, working }) => [peer, working])).toEqual([
    ['A', false],
    ['B', true],
  ]);
  expect(cloth.wefts).toEqual(['empty', 'large', 'small']);
  expect(cloth.crossings.filter(({ over }) => over === 'warp')).toEqual([
    { warp: 0, weft: 1, over: 'warp' },
    { warp: 1, weft: 2, over: 'warp' },
  ]);
  expect(cloth.crossings).toHaveLength(6);
});

test('a draining worker has no thread, and the number of threads is limited', () => {
  expect(weave([offerView('A', [{ name: 'm' }], { draining: true })], []).warps).toEqual([]);
  const many = Array.from({ length: 200 }, (_, i) => offerView(`P${i}`, [{ name: 'm' }]));
  expect(weave(many, []).warps).toHaveLength(warpsMax);
});
