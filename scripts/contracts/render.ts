import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hex } from 'viem';
import { deployed, readArtifact, type DeployedName } from './artifacts.ts';
import { projectRoot } from '../tasks/tool.ts';
import { chains, testToken } from './chains.ts';
import { contractAddress, deployer, plan, salt } from './deployment.ts';

const header = '// Generated from the contracts by `npm run contracts:generate`. Do not edit.\n';

const fileOf: Readonly<Record<DeployedName, string>> = {
  Channels: 'channels',
  Providers: 'providers',
  Disputes: 'disputes',
  TestUSDC: 'test-usdc',
};

/** All generated files by name. Deterministic. */
export async function renderAll(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const bytecode: Record<string, Hex> = {};
  for (const name of Object.keys(deployed) as DeployedName[]) {
    const artifact = await readArtifact(name);
    bytecode[name] = artifact.bytecode;
    const constant = `${name === 'TestUSDC' ? 'testUsdc' : name.toLowerCase()}Abi`;
    files.set(`${fileOf[name]}.ts`, `${header}\nexport const ${constant} = ${json(artifact.abi)} as const;\n`);
  }
  const codes = bytecode as Record<DeployedName, Hex>;
  files.set('bytecode.ts', renderBytecode(codes));
  files.set('chains.ts', renderChains(codes));
  files.set('deployment.ts', renderDeployment(codes));
  files.set('typed-data.ts', await renderTypedData());
  files.set('words.ts', await renderWords());
  return files;
}

function renderBytecode(bytecode: Readonly<Record<DeployedName, Hex>>): string {
  const note =
    '/** Creation code without constructor arguments. Large: for deploying and for tests, never for a page. */';
  return `${header}\n${note}\nexport const bytecode = ${json(bytecode)} as const;\n`;
}

/** What a program that starts a local chain puts on it. */
export function renderDeployment(bytecode: Readonly<Record<DeployedName, Hex>>): string {
  const { steps } = plan(
    chains.find(({ isLocal }) => isLocal)!,
    bytecode,
  );
  const rows = steps.map(({ name, address, initCode }) => ({
    name,
    address,
    args: `0x${initCode.slice(bytecode[name].length)}`,
  }));
  return `${header}
/** For the CREATE2 deployer. */
export const deploymentSalt = '${salt}';

/** The contracts of a local chain, in order: creation code is the bytecode of that name, followed by \`args\`. */
export const localDeployment = ${json(rows)} as const;
`;
}

function renderChains(bytecode: Readonly<Record<DeployedName, Hex>>): string {
  const entries = chains.map((chain) => {
    const { roles, token, ...rest } = chain;
    const planned = roles ? plan(chain, bytecode) : null;
    const contracts = planned && {
      channels: contractAddress(planned, 'Channels'),
      providers: contractAddress(planned, 'Providers'),
      disputes: contractAddress(planned, 'Disputes'),
    };
    return { ...rest, token: token ?? { address: planned?.token, ...testToken }, roles, contracts };
  });
  return `${header}
export type TokenEntry = {
  readonly address: \`0x\${string}\`;
  readonly symbol: string;
  /** EIP-712 domain name and version: they differ between chains. */
  readonly name: string;
  readonly version: string;
  readonly decimals: number;
};

export type ChainEntry = {
  readonly id: number;
  readonly name: string;
  readonly rpcUrl: string;
  readonly explorerUrl: string | null;
  readonly isLocal: boolean;
  /** Blocks after which a transaction counts as settled. */
  readonly confirmations: number;
  readonly token: TokenEntry;
  readonly roles: { readonly governor: \`0x\${string}\`; readonly treasury: \`0x\${string}\` } | null;
  /** \`null\` where the contracts have not been deployed. */
  readonly contracts: {
    readonly channels: \`0x\${string}\`;
    readonly providers: \`0x\${string}\`;
    readonly disputes: \`0x\${string}\`;
  } | null;
};

/** The CREATE2 deployer all addresses follow from. */
export const create2Deployer = '${deployer}';

export const chains: readonly ChainEntry[] = ${json(entries)};
`;
}

/** The EIP-712 types, extracted from the strings the contracts hash, so that the two cannot diverge. */
async function renderTypedData(): Promise<string> {
  const channels = await typesIn('ChannelMessages.sol');
  const disputes = await typesIn('Disputes.sol');
  const token = await typesIn('tokens/TestUSDC.sol');
  const receive = fields('address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce');
  return `${header}
/** EIP-712 domain of channel messages; add \`chainId\` and \`verifyingContract\`. */
export const channelsDomain = ${json(await domainIn('Channels.sol'))} as const;
export const channelsTypes = ${json(channels)} as const;

/** EIP-712 domain of validators' votes; add \`chainId\` and \`verifyingContract\`. */
export const disputesDomain = ${json(await domainIn('Disputes.sol'))} as const;
export const disputesTypes = ${json(disputes)} as const;

/** Signed under the token's own domain: name and version of the chain's token entry. */
export const tokenTypes = ${json({ ReceiveWithAuthorization: receive, ...token })} as const;
`;
}

async function renderWords(): Promise<string> {
  const channels = await source('IChannels.sol');
  const disputes = await source('IDisputes.sol');
  return `${header}
/** Why a claim was skipped, by its number in \`ClaimSkipped\`. */
export const refusals = ${json(words(channels, 'Refusal'))} as const;

/** How a channel was closed, by its number in \`ChannelClosed\`. */
export const closings = ${json(words(channels, 'Closing'))} as const;

/** By number: phase, outcome and verdict of a dispute. */
export const phases = ${json(words(disputes, 'Phase'))} as const;
export const outcomes = ${json(words(disputes, 'Outcome'))} as const;
export const verdicts = ${json(words(disputes, 'Verdict'))} as const;

/** The numbers of bonds and disputes, as the sources state them: times in seconds, \`…Bps\` in hundredths of a percent. */
export const courtRules = ${json(await courtNumbers())} as const;
`;
}

async function courtNumbers(): Promise<Record<string, number>> {
  const files = ['Disputes.sol', 'Validators.sol', 'Providers.sol'];
  const found = await Promise.all(files.map(async (file) => constants(await source(file))));
  return Object.assign({}, ...found) as Record<string, number>;
}

/** Every public constant that is a number, or days, by its name in camel case. */
function constants(text: string): Record<string, number> {
  const found = text.matchAll(/uint256 public constant (\w+) = ([\d_]+)( days)?;/g);
  return Object.fromEntries(
    [...found].map(([, name, digits, days]) => [
      name!.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      Number(digits!.replaceAll('_', '')) * (days ? 86_400 : 1),
    ]),
  );
}

const source = (file: string) => readFile(join(projectRoot, 'contracts', file), 'utf8');
const json = (value: unknown) => JSON.stringify(value, null, 2);

const fields = (list: string) =>
  list.split(',').map((field) => {
    const [type, name] = field.trim().split(' ');
    return { name, type };
  });

/** Every `keccak256('Name(type field,...)')` in a source. */
async function typesIn(file: string): Promise<Record<string, ReturnType<typeof fields>>> {
  const found = (await source(file)).matchAll(/keccak256\(\s*'(\w+)\(([^)]*)\)'\s*\)/g);
  const types = Object.fromEntries([...found].map(([, name, list]) => [name!, fields(list!)]));
  if (Object.keys(types).length === 0) throw new Error(`${file}: no typed messages found`);
  return types;
}

async function domainIn(file: string): Promise<{ name: string; version: string }> {
  const [, name, version] = /EIP712\('([^']+)', '([^']+)'\)/.exec(await source(file)) ?? [];
  if (!name || !version) throw new Error(`${file}: no EIP-712 domain found`);
  return { name, version };
}

/** The members of a Solidity enum, in kebab case. */
function words(text: string, name: string): string[] {
  const [, body] = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(text) ?? [];
  if (!body) throw new Error(`enum ${name} not found`);
  return body.split(',').map((word) =>
    word
      .trim()
      .replace(/(?<=[a-z])(?=[A-Z])/g, '-')
      .toLowerCase(),
  );
}
