import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bundleProgram, externalPackages } from './bundle.ts';

export interface StageInput {
  readonly root: string;
  /** Is made anew. */
  readonly folder: string;
  /** The built pages. */
  readonly pages: string;
}

/** What of the repository the program comes with, besides itself and its pages. */
const documents = [
  'LICENSE',
  'CHANGELOG.md',
  'docs/OPERATING.md',
  'docs/GATEWAY.md',
  'docs/ROUTING.md',
  'docs/WIDGET.md',
];

/** Writes the package as it is published: the program, its pages, the bundled model, and a manifest of its own. */
export async function stagePackage({ root, folder, pages }: StageInput): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'docs'), { recursive: true });
  await bundleProgram(root, folder);
  cpSync(pages, join(folder, 'build'), {
    recursive: true,
    filter: (file) => basename(file) !== '.stamp' && !file.endsWith('.map'),
  });
  cpSync(join(root, 'static/models'), join(folder, 'static/models'), { recursive: true });
  for (const file of documents) cpSync(join(root, file), join(folder, file));
  // That of the repository is for those who have the repository.
  cpSync(join(root, 'scripts/package/README.md'), join(folder, 'README.md'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(root), undefined, 2)}\n`);
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * The package's own manifest: that of the repository names what pages and tests are made with. It stays private, so that
 * `npm publish` refuses it; who publishes takes that out on purpose.
 */
function manifest(root: string): object {
  const read = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'));
  const { name, version, description, license, dependencies } = read('package.json') as Manifest;
  const [webrtc, llama] = externalPackages;
  return {
    name,
    version,
    description,
    license,
    private: true,
    type: 'module',
    bin: { [name]: 'relay/main.js' },
    files: ['relay', 'build', 'static/models', 'docs', 'CHANGELOG.md', 'THIRD-PARTY.md'],
    engines: { node: '>=22.18' },
    // As the repository has it, by way of @libp2p/webrtc.
    dependencies: { [webrtc]: (read(`node_modules/${webrtc}/package.json`) as Manifest).version },
    // Only for models in this process: a provider before a model server does without its hundreds of megabytes.
    peerDependencies: { [llama]: dependencies[llama] },
    peerDependenciesMeta: { [llama]: { optional: true } },
  };
}
