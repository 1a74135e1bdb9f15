import type { Claim } from './claim.ts';

/** What people who run models in a browser complain about most, each as what must be so here instead. */
export const complaints: readonly Claim[] = [
  {
    row: 'complaint 1',
    claim: 'An interrupted download goes on where it stopped, and nothing broken stays',
    proofs: [
      ['src/lib/engine/files/fetch-file.test.ts', 'resumes after a broken connection, ranges %s'],
      ['src/lib/engine/files/fetch-file.test.ts', 'rejects wrong stored pieces and recovers on the next attempt'],
      ['src/lib/engine/files/fetch-mlc.test.ts', 'resumes at the missing shard'],
      ['tests/e2e/alone.spec.ts', 'a model file cut short is a coded message; a retry gets the whole one'],
    ],
  },
  {
    row: 'complaint 2',
    claim: 'A load can be cancelled',
    proofs: [
      ['src/lib/boot/library.test.ts', 'a load can be cancelled and leaves nothing on screen'],
      ['src/lib/engine/files/fetch-file.test.ts', 'keeps what has arrived when cancelled'],
      ['tests/e2e/tabs.spec.ts', 'D9: Cancel ends sharing while the speed is measured, and nothing is announced'],
    ],
  },
  {
    row: 'complaint 3',
    claim: 'A full disk is said, with what to do, and leaves nothing half-written',
    proofs: [
      ['src/lib/engine/files/fetch-file.test.ts', 'reports a full quota'],
      ['src/lib/storage/indexeddb.test.ts', 'a full device is reported, and nothing is half written'],
      ['tests/e2e/alone.spec.ts', 'a full disk is a coded message that says what to do; nothing half-written stays'],
    ],
  },
  {
    row: 'complaint 4',
    claim: 'A private window, or a browser that stores nothing, still answers',
    proofs: [
      ['src/lib/storage/indexeddb.test.ts', 'a missing or forbidden database is reported by its code'],
      [
        'tests/e2e/alone.spec.ts',
        'D4: a browser that keeps nothing and throws at the look is told of in a sentence, and everything works',
      ],
    ],
  },
  {
    row: 'complaint 5',
    claim: 'One stored model can be deleted, and the others stay',
    proofs: [
      ['src/lib/boot/library.test.ts', 'files are deleted, but not those of a model in use'],
      [
        'src/lib/engine/files/fetch-mlc.test.ts',
        'are listed with their size and deleted one by one, a shared library last of all',
      ],
    ],
  },
  {
    row: 'complaint 6',
    claim: 'A lost device is said with advice, and the engine starts again by itself',
    proofs: [
      ['workers/webllm/watch-devices.test.ts', 'a lost device is reported with advice'],
      [
        'src/lib/boot/run-sharing.test.ts',
        'lost again soon after, it says so and waits for the person; later it is loaded again',
      ],
      [
        'tests/e2e/alone.spec.ts',
        'an engine that dies while lending is started once more by itself; dying again, it says so and waits',
      ],
    ],
  },
  {
    row: 'complaint 7',
    claim: 'What would not fit into memory is refused before it is downloaded',
    proofs: [
      ['src/lib/boot/model-view.test.ts', 'what the engine’s own check refuses does not fit'],
      ['src/lib/boot/model-limits.test.ts', 'a model that takes more memory than allowed is refused'],
      ['src/lib/ui/share/preflight.test.ts', 'a GPU on battery that no model fits'],
    ],
  },
  {
    row: 'complaint 8',
    claim: 'A phone asks others, and loads nothing large',
    proofs: [
      ['src/lib/boot/model-view.test.ts', 'a phone runs nothing large; room counts only for what is missing'],
      [
        'src/lib/ui/share/preflight.test.ts',
        'an emulated adapter is not called a GPU, and a phone is advised to ask others',
      ],
    ],
  },
  {
    row: 'complaint 9',
    claim: 'A device without f16 gets the f32 build by itself',
    proofs: [
      ['src/lib/boot/library.test.ts', 'one of the two builds of a model is listed, by the device'],
      ['src/lib/engine/fit.test.ts', 'include one of each pair'],
    ],
  },
  {
    row: 'complaint 10',
    claim: 'Progress has bytes and time, and the size before the first byte',
    proofs: [
      ['src/lib/engine/progress.test.ts', 'progress reports bytes, elapsed time and an estimate of the remaining time'],
      ['src/lib/boot/library.test.ts', 'a load says its size before the first byte comes'],
    ],
  },
  {
    row: 'complaint 11',
    claim: 'A model of one’s own can be added by address',
    proofs: [
      ['src/lib/boot/library.test.ts', 'an own model is kept over a reload, and a bad one is refused with a code'],
      [
        'src/lib/boot/own-model.test.ts',
        'a GGUF file has the size that its server states and the hash that its owner gave',
      ],
    ],
  },
  {
    row: 'complaint 12',
    claim: 'The page stays usable while its device answers',
    proofs: [['tests/e2e/tabs.spec.ts', 'two tabs of one browser: both ask, one lends, and the other can take over']],
    lacks: 'how long the page is held up while a model runs, which is measured and not tested',
  },
  {
    row: 'complaint 13',
    claim: 'One device shares once, however many tabs it has open, and their models share its memory',
    proofs: [
      ['src/lib/boot/library.test.ts', 'two who want the same model share one load'],
      [
        'src/lib/boot/library.test.ts',
        'what other tabs have in memory counts, but for small models, and what this one has claims its own',
      ],
      ['src/lib/boot/memory-claims.test.ts', 'a tab knows what other tabs have in memory, and does not count its own'],
      ['tests/e2e/tabs.spec.ts', 'two tabs of one browser: both ask, one lends, and the other can take over'],
    ],
  },
  {
    row: 'complaint 14',
    claim: 'Where nobody answers it is said why, and what can be done',
    proofs: [
      ['src/lib/state/target.test.ts', 'reports why no route is available'],
      ['src/lib/ui/doctor/checks.test.ts', 'the report says what to do, and why a worker is not asked'],
      [
        'tests/e2e/story.spec.ts',
        'A lends its engine; B reads an answer that streams directly from A; curl does too; Stop ends it on A',
      ],
    ],
  },
  {
    row: 'complaint 15',
    claim: 'A long chat stays quick: blocks that are whole are not read again',
    proofs: [
      ['src/lib/ui/markdown/blocks.test.ts', 'the blocks join to the text, and growth changes only the last block'],
      [
        'src/lib/state/conversation.svelte.test.ts',
        'five thousand turns are opened, shown and asked after; the newest that fit are sent',
      ],
    ],
  },
];
