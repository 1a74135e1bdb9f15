import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { readError, unopened } from './asker-line.ts';

const coded = (code: string) => new TabloomError(code, 'as the net puts it');

test.each([
  ['bad-frame', 'bad-frame', undefined],
  ['frame-too-large', 'bad-frame', undefined],
  ['version', 'version', undefined],
  ['channel-lost', 'peer-lost', 'channel-lost'],
  ['aborted', 'peer-lost', 'aborted'],
])('a channel that ends with %s is reported as %s', (code, reported, reason) => {
  const error = readError(coded(code));
  expect([error.code, error.details?.['reason']]).toEqual([reported, reason]);
});

test.each([
  ['net-offline', 'net-offline', 'own'],
  ['busy', 'busy', 'refusal'],
  ['protocol-unknown', 'version', 'refusal'],
  ['peer-unreachable', 'peer-lost', 'way'],
])('where no channel opens because of %s, the error is %s and the fault is of the %s', (code, reported, fault) => {
  const { error, fault: found } = unopened(coded(code));
  expect([error.code, found]).toEqual([reported, fault]);
});
