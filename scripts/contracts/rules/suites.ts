/**
 * A process of its own that holds the compiled tests and runs them for one mutant after another, as its parent asks. The
 * parent ends it when a mutant takes too long.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';

/** Runs the tests of these files with one mutant awake; 0 for none. */
export type Request = { readonly mutant: number; readonly files: readonly string[] };

/** The tests that failed, by name. */
export type Reply = { readonly mutant: number; readonly failed: readonly string[]; readonly passed: number };

type Artifact = {
  readonly id: { readonly name: string; readonly solcVersion: string; readonly source: string };
  readonly contract: Record<string, unknown>;
};
type TestResult = { readonly name: string; readonly status: string };
type Edr = {
  readonly EdrContext: new () => {
    registerSolidityTestRunnerFactory: (chain: string, factory: unknown) => Promise<void>;
    runSolidityTests: (
      chain: string,
      artifacts: readonly Artifact[],
      suites: readonly Artifact['id'][],
      config: object,
      tracing: object,
      onSuite: (suite: { readonly testResults: readonly TestResult[] }) => void,
    ) => Promise<unknown>;
  };
  readonly l1SolidityTestRunnerFactory: () => unknown;
  readonly l1GenesisState: (hardfork: unknown) => unknown;
  readonly l1HardforkFromString: (name: string) => unknown;
  readonly L1_CHAIN_TYPE: string;
  readonly OSAKA: string;
};

const [artifactsPath, root] = process.argv.slice(2) as [string, string];
// Through Hardhat, whose own it is, so that both are always of one version.
const hardhat = createRequire(import.meta.url).resolve('hardhat/package.json');
const edr = createRequire(hardhat)('@nomicfoundation/edr') as Edr;

/** The chain's rules as of the tests of every change: Hardhat's default. */
const hardfork = edr.OSAKA;

const context = new edr.EdrContext();
await context.registerSolidityTestRunnerFactory(edr.L1_CHAIN_TYPE, edr.l1SolidityTestRunnerFactory());
const artifacts = await readArtifacts(artifactsPath);

process.on('message', (request: Request) => void answer(request));
process.send?.('ready');

async function answer({ mutant, files }: Request): Promise<void> {
  const suites = artifacts.filter(({ id, contract }) => {
    if (!files.includes(basename(id.source)) || contract['bytecode'] === '0x') return false;
    return /"name":"test/.test(contract['abi'] as string);
  });
  const failed: string[] = [];
  let passed = 0;
  let left = suites.length;
  // The last suites may be reported after the run has ended.
  const reported = Promise.withResolvers<void>();
  if (left === 0) reported.resolve();
  await context.runSolidityTests(
    edr.L1_CHAIN_TYPE,
    artifacts,
    suites.map(({ id }) => id),
    {
      projectRoot: root,
      hardfork,
      isolate: false,
      blockTimestamp: 1_800_000_000n,
      blockCoinbase: Buffer.from(mutant.toString(16).padStart(40, '0'), 'hex'),
      disableBlockGasLimit: true,
      disableTransactionGasCap: true,
      fsPermissions: [],
      localPredeploys: edr.l1GenesisState(edr.l1HardforkFromString(hardfork)),
      fuzz: { runs: 8, seed: '0x7461626c6f6f6d' },
      invariant: { runs: 1, depth: 1 },
      excludeTestPattern: '^(invariant|test_walk)_',
    },
    { buildInfos: [], ignoreContracts: true },
    ({ testResults }) => {
      for (const { name, status } of testResults) {
        if (status === 'Failure') failed.push(name.replace(/\(.*/, ''));
        else passed += 1;
      }
      if (--left === 0) reported.resolve();
    },
  );
  await reported.promise;
  process.send?.({ mutant, failed, passed } satisfies Reply);
}

async function readArtifacts(folder: string): Promise<readonly Artifact[]> {
  const found: Artifact[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.json') || entry.parentPath.includes('build-info')) continue;
    const artifact = JSON.parse(await readFile(join(entry.parentPath, entry.name), 'utf8')) as Record<string, unknown>;
    if (typeof artifact['contractName'] !== 'string') continue;
    found.push({
      id: {
        name: artifact['contractName'],
        solcVersion: '0.8.37',
        source: (artifact['inputSourceName'] ?? artifact['sourceName']) as string,
      },
      contract: {
        abi: JSON.stringify(artifact['abi']),
        bytecode: artifact['bytecode'],
        linkReferences: artifact['linkReferences'],
        deployedBytecode: artifact['deployedBytecode'],
        deployedLinkReferences: artifact['deployedLinkReferences'],
      },
    });
  }
  return found;
}
