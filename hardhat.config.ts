import { createRequire } from 'node:module';
import { defineConfig } from 'hardhat/config';

/** The compiler lies in node_modules: nothing is downloaded, and the bytecode is the same on every machine. */
const solc = createRequire(import.meta.url).resolve('solc/soljson.js');

/** A fixed seed keeps a green run green. The deep run takes its seed from outside, so each night walks elsewhere. */
const seed = process.env['CONTRACTS_SEED'] ?? '0x7461626c6f6f6d';

/** Where the sources are. The coverage and mutation runs point this at an altered copy, and never at the originals. */
const sources = process.env['CONTRACTS_SOURCES'] ?? './contracts';
const work = process.env['CONTRACTS_WORK'] ?? '.';

/**
 * `release` is what is deployed: through the intermediate language, a fifteenth less gas a claim, but minutes for the
 * tests. `fast` compiles the same meaning several times quicker, for tests, mutants and coverage. The deep run and the
 * tests on a real chain use `release`.
 */
const compiler = process.env['CONTRACTS_COMPILER'] ?? 'release';
if (compiler !== 'release' && compiler !== 'fast') {
  throw new Error(`CONTRACTS_COMPILER is ${compiler}; use release or fast`);
}

/** Small clock and plenty of gas: tests speak of seconds relative to the block they start in. */
const shared = { blockTimestamp: 1_800_000_000n, isolate: false } as const;

/** How hard to try: `quick` for the mutants and for working, `deep` for the night, and the middle for every change. */
const efforts = {
  quick: { fuzz: { runs: 32, seed }, invariant: { runs: 20, depth: 50, failOnRevert: true } },
  ci: { fuzz: { runs: 256, seed }, invariant: { runs: 100, depth: 50, failOnRevert: true } },
  deep: { fuzz: { runs: 10_000, seed }, invariant: { runs: 1_000, depth: 100, failOnRevert: true } },
} as const;
const wanted = process.env['CONTRACTS_EFFORT'] ?? 'ci';
if (!Object.hasOwn(efforts, wanted)) throw new Error(`CONTRACTS_EFFORT is ${wanted}; use quick, ci or deep`);
const effort = efforts[wanted as keyof typeof efforts];

export default defineConfig({
  paths: {
    sources,
    tests: { solidity: `${sources}/test` },
    cache: `${work}/cache`,
    artifacts: `${work}/artifacts`,
  },
  solidity: {
    compilers: [
      {
        version: '0.8.37',
        path: solc,
        settings: {
          evmVersion: 'cancun',
          viaIR: compiler === 'release',
          optimizer: { enabled: compiler === 'release', runs: 1_000_000 },
          metadata: { bytecodeHash: 'none', appendCBOR: false },
        },
      },
    ],
  },
  test: { solidity: { profiles: { default: { ...shared, ...effort } } } },
});
