import { expect, test } from 'vitest';
import { offerView } from './network/offer.fixture.ts';
import { kindsText, routePreviewText } from './words.ts';

/** A peer whose bundled model runs on its processor while another one has its GPU. */
const view = offerView('12D3KooWPeerWithTwoEngines', [{ name: 'small' }, { name: 'big' }]);
const [small, big] = view.offer.models;
const engine = { name: 'webllm', build: '1', deviceClass: 'webgpu-apple' };
const both = { ...view, offer: { ...view.offer, models: [small!, { ...big!, engine }] } };

const previewOf = (model: string) =>
  routePreviewText(
    { kind: 'network', offers: [both], model, contextTokens: 1_024, waiting: undefined },
    model === 'any' ? undefined : model,
  );

test('who will answer is said with the engine of the model that is asked, not the offer’s own', () => {
  expect(previewOf('big')).toContain('browser tab (GPU)');
  expect(previewOf('small')).toContain('browser tab (CPU)');
});

test('a peer to choose is shown with all of its engines, or with that of the chosen model', () => {
  expect(kindsText(both.offer)).toBe('browser tab (CPU), browser tab (GPU)');
  expect(kindsText(both.offer, 'big')).toBe('browser tab (GPU)');
  expect(kindsText(view.offer)).toBe('browser tab (CPU)');
});

test('a peer without the chosen model is shown as what it says of itself', () => {
  expect(kindsText(both.offer, 'other')).toBe('browser tab (CPU)');
});
