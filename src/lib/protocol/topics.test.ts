import { expect, test } from 'vitest';
import { offersTopic } from './find.ts';
import { auditTopic, gossipTopics } from './topics.ts';
import { wishesTopic } from './wish.ts';

test('what is published on a topic that nodes do not list reaches nobody: all are listed, each once', () => {
  expect(gossipTopics).toEqual(expect.arrayContaining([offersTopic, wishesTopic, auditTopic]));
  expect(new Set(gossipTopics).size).toBe(gossipTopics.length);
});
