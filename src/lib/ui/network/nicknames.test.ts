import { expect, test } from 'vitest';
import { nicknamesOf } from './nicknames.ts';
import { offerView } from './offer.fixture.ts';

test('names are those of peers that are here and have chosen one', () => {
  const view = offerView('12D3A', [{ name: 'm' }]);
  const named = { ...view, offer: { ...view.offer, nickname: 'Ada' } };
  const leaving = { ...named, offer: { ...named.offer, peer: '12D3B', draining: true } };
  expect([...nicknamesOf([named, leaving, offerView('12D3C', [{ name: 'm' }])])]).toEqual([['12D3A', 'Ada']]);
});
