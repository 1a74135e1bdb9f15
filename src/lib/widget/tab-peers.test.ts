import { expect, test } from 'vitest';
import { tabPeers } from './tab-peers.ts';

const worker = (peer: string, role: string, name = 'demo', more = {}) => ({
  peer,
  role,
  models: [{ name, kinds: ['chat'], ...more }],
});

test('tabs that serve the model for nothing, and no relay’s own models', () => {
  const workers = [
    worker('a', 'tab'),
    worker('b', 'native'),
    worker('c', 'tab', 'other'),
    worker('d', 'tab', 'demo', { price: {} }),
    worker('e', 'tab', 'demo', { kinds: ['embedding'] }),
  ];
  expect(tabPeers({ workers }, 'demo')).toEqual(['a']);
  expect(tabPeers({ workers }, 'auto')).toEqual(['a', 'c']);
});

test('at most eight', () => {
  const workers = Array.from({ length: 20 }, (_, index) => worker(`p${index}`, 'tab'));
  expect(tabPeers({ workers }, 'demo')).toHaveLength(8);
});

test.each([undefined, null, 7, {}, { workers: 'x' }, { workers: [null, {}, { role: 'tab', peer: 1 }] }])(
  '%j names nobody',
  (network) => expect(tabPeers(network, 'auto')).toEqual([]),
);
