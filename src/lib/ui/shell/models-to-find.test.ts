import { expect, test } from 'vitest';
import { emptyLibrary } from '#lib/state/library.ts';
import { modelView } from '../models/model-view.fixture.ts';
import { offerView } from '../network/offer.fixture.ts';
import { answersNow, modelsToFind } from './models-to-find.ts';

test('what answers now comes first, also what only peers have, and each model once', () => {
  const models = ['alpha', 'beta', 'gamma'].map((name) => modelView({ name, title: name.toUpperCase() }));
  const offers = [
    offerView('A', [{ name: 'gamma' }, { name: 'unlisted' }]),
    offerView('B', [{ name: 'gamma' }]),
    offerView('C', [{ name: 'beta' }], { draining: true }),
  ];
  const found = modelsToFind({ ...emptyLibrary, models, loaded: ['beta'] }, { offers });
  expect(found).toEqual([
    { name: 'beta', title: 'BETA', peers: 0, here: true },
    { name: 'gamma', title: 'GAMMA', peers: 2, here: false },
    { name: 'unlisted', title: 'unlisted', peers: 1, here: false },
    { name: 'alpha', title: 'ALPHA', peers: 0, here: false },
  ]);
  expect(found.map(answersNow)).toEqual([true, true, true, false]);
});
