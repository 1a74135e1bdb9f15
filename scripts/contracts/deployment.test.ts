import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getAddress, keccak256, toHex } from 'viem';
import { bytecode } from '../../contracts/generated/bytecode.ts';
import { channelsAbi } from '../../contracts/generated/channels.ts';
import { chains as generated } from '../../contracts/generated/chains.ts';
import { providersAbi } from '../../contracts/generated/providers.ts';
import { startAnvil, type Anvil } from '../../relay/chain/anvil.ts';
import { chains } from './chains.ts';
import { contractAddress, deploy, deployer, plan, salt } from './deployment.ts';
import { localAccount, localChain, localClients } from './local.ts';

describe('plan', () => {
  test('matches the generated chain entries', () => {
    for (const chain of chains) {
      const entry = generated.find(({ id }) => id === chain.id);
      const planned = chain.roles ? plan(chain, bytecode) : null;
      expect(entry?.contracts ?? null).toEqual(
        planned && {
          channels: contractAddress(planned, 'Channels'),
          providers: contractAddress(planned, 'Providers'),
          disputes: contractAddress(planned, 'Disputes'),
        },
      );
    }
  });

  test('uses the differing EIP-712 names of USDC on Base', () => {
    expect(generated.map(({ id, token }) => [id, token.address, token.name, token.version])).toEqual([
      [8453, '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913', 'USD Coin', '2'],
      [84532, '0x036CbD53842c5426634e7929541eC2318f3dCF7e', 'USDC', '2'],
      [31337, plan(localChain, bytecode).token, 'Test USDC', '2'],
    ]);
    for (const { token } of generated) expect(getAddress(token.address)).toBe(token.address);
  });

  test('never deploys the test token on a public chain', () => {
    for (const chain of chains.filter(({ isLocal }) => !isLocal)) {
      const roles = localChain.roles!;
      const planned = plan({ ...chain, roles }, bytecode);
      expect(planned.steps.map(({ name }) => name)).toEqual(['Channels', 'Providers', 'Disputes']);
      expect(planned.token).toBe(chain.token?.address);
      expect(() => contractAddress(planned, 'TestUSDC')).toThrow('not part');
    }
  });

  test('refuses a chain without governor and treasury', () => {
    expect(() => plan(chains[0]!, bytecode)).toThrow('no governor and treasury');
  });

  test('depends on code, salt and arguments', () => {
    expect(salt).toBe(keccak256(toHex('tabloom contracts 1')));
    const other = { ...localChain, roles: { ...localChain.roles!, treasury: localAccount(5).address } };
    const [one, two] = [plan(localChain, bytecode), plan(other, bytecode)];
    expect(contractAddress(one, 'Channels')).not.toBe(contractAddress(two, 'Channels'));
    expect(contractAddress(one, 'Providers')).toBe(contractAddress(two, 'Providers'));
  });
});

describe('deploy', () => {
  let anvil: Anvil;
  beforeAll(async () => {
    anvil = await startAnvil();
  });
  afterAll(() => anvil.stop());

  test('deploys everything to the planned addresses, once, whoever sends', async () => {
    const { reader, sender } = localClients(anvil.url, localAccount(4));
    const planned = plan(localChain, bytecode);
    await expect(deploy(planned, reader, sender)).resolves.toEqual(['TestUSDC', 'Channels', 'Providers', 'Disputes']);
    const second = localClients(anvil.url, localAccount(5));
    await expect(deploy(planned, second.reader, second.sender)).resolves.toEqual([]);
    const channels = { address: contractAddress(planned, 'Channels'), abi: channelsAbi } as const;
    await expect(reader.readContract({ ...channels, functionName: 'owner' })).resolves.toBe(localChain.roles!.governor);
    await expect(reader.readContract({ ...channels, functionName: 'treasury' })).resolves.toBe(
      localChain.roles!.treasury,
    );
    await expect(reader.readContract({ ...channels, functionName: 'shareBps' })).resolves.toBe(1_000);
    const providers = { address: contractAddress(planned, 'Providers'), abi: providersAbi } as const;
    await expect(reader.readContract({ ...providers, functionName: 'token' })).resolves.toBe(planned.token);
    // Disputes are disabled until governance enables them.
    await expect(reader.readContract({ ...providers, functionName: 'disputes' })).resolves.toMatch(/^0x0{40}$/);
  });

  test('reports a chain without the CREATE2 deployer', async () => {
    const { reader, sender, clock } = localClients(anvil.url);
    const code = await reader.getCode({ address: deployer });
    await clock.setCode({ address: deployer, bytecode: '0x' });
    await expect(deploy(plan(localChain, bytecode), reader, sender)).rejects.toThrow('no CREATE2 deployer');
    await clock.setCode({ address: deployer, bytecode: code! });
  });
});
