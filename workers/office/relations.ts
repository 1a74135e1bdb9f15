import { readXml } from './xml.ts';
import type { Zip } from './zip.ts';

export interface Relations {
  /** Paths within the archive. */
  readonly byId: ReadonlyMap<string, string>;
  /** The first of each kind; a kind is the last part of its address. */
  readonly byType: ReadonlyMap<string, string>;
}

/** What a file of an OPC package refers to (ECMA-376, part 2, 9). What lies outside of the package is left out. */
export async function readRelations(zip: Zip, of: string): Promise<Relations> {
  const slash = of.lastIndexOf('/') + 1;
  const folder = of.slice(0, slash);
  const byId = new Map<string, string>();
  const byType = new Map<string, string>();
  readXml((await zip.text(`${folder}_rels/${of.slice(slash)}.rels`)) ?? '', {
    open(name, attribute) {
      const [id, type, target] = [attribute('Id'), attribute('Type'), attribute('Target')];
      if (name !== 'Relationship' || !id || !type || !target || attribute('TargetMode') === 'External') return;
      const path = resolve(folder, target);
      byId.set(id, path);
      const kind = type.slice(type.lastIndexOf('/') + 1);
      if (!byType.has(kind)) byType.set(kind, path);
    },
  });
  return { byId, byType };
}

function resolve(folder: string, target: string): string {
  const steps: string[] = [];
  for (const step of (target.startsWith('/') ? target : folder + target).split('/')) {
    if (step === '..') steps.pop();
    else if (step !== '' && step !== '.') steps.push(step);
  }
  return steps.join('/');
}
