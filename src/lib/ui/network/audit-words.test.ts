import { expect, test } from 'vitest';
import { listingText } from '../models/model-words.ts';
import { auditText } from './audit-words.ts';

test('audits are told count by count, failures among them, and no margin where none was measured', () => {
  const counted = { peer: '12D3', receipts: 200, audited: 5, validators: 4, convictions: 0 };
  expect(auditText(counted)).toBe('re-scored: 5 · 2.5% of receipts · validators: 4 · convictions: 0');
  expect(auditText({ ...counted, receipts: 0, audited: 0, margin: 0.01234, convictions: 1 })).toBe(
    're-scored: 0 · 0% of receipts · validators: 4 · margin: 0.012 nats · convictions: 1',
  );
});

test('a model is said to be checked only where somebody has signed that, or the catalogue has it', () => {
  const model = { name: 'm', peers: 1, listed: true, listings: [] };
  const by = { by: '12D3KooWabcdef', until: Date.UTC(2027, 0, 15, 12) };
  expect(listingText(model)).toBe('In the catalogue');
  expect(listingText({ ...model, listings: [by] })).toBe('Checked by abcdef, listed until Jan 15, 2027');
  expect(listingText({ ...model, listed: false, listings: [by] })).toBe('Not checked');
});
