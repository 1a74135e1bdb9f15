import { commandNames, commands } from './commands.ts';
import { standardOf, type Settings } from './setting.ts';

/** The parts of docs/OPERATING.md that the tables of this folder say, by the name of their markers. */
export const manualParts: Readonly<Record<string, () => string>> = { commands: commandRows, settings: settingTables };

/** The document with the parts between its markers replaced. @throws if a marker is missing. */
export function withManual(document: string): string {
  return Object.entries(manualParts).reduce((text, [name, write]) => {
    const begin = `<!-- ${name}:begin (written by \`npm run diagram\`) -->`;
    const end = `<!-- ${name}:end -->`;
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/OPERATING.md has lost the markers of its ${name}`);
    return `${text.slice(0, from + begin.length)}\n\n${write()}\n\n${text.slice(to)}`;
  }, document);
}

function commandRows(): string {
  const rows = commandNames.map((name) => {
    const { meaning, switches }: { readonly meaning: string; readonly switches: object } = commands[name];
    const further = Object.entries(switches).map(([word, does]) => ` \`--${word}\`: ${String(does)}.`);
    return [`\`${name}\``, `${meaning}${further.join('')}`];
  });
  return table(['command', 'what it does'], rows);
}

/** A table for each set of commands that read the same settings. Those of one name mean the same everywhere. */
function settingTables(): string {
  const all = commandNames.filter((name) => !('settingsOf' in commands[name]));
  const variables = [...new Set(all.flatMap((name) => Object.keys(commands[name].settings)))];
  const groups = new Map<string, string[][]>();
  for (const variable of variables) {
    const readers = all.filter((name) => variable in commands[name].settings);
    const settings = readers.map((name) => (commands[name].settings as Settings)[variable]!);
    const flag = settings[0]!.flag;
    const standards = [...new Set(settings.map(standardOf))].filter((shown) => shown !== '—');
    const heading = readers.length === all.length ? 'Of every command' : `Of ${inWords(readers)}`;
    const row = [
      `\`${variable}\``,
      flag ? `\`--${flag.name}\`` : '—',
      standards.join(', ') || '—',
      settings[0]!.meaning,
    ];
    groups.set(heading, [...(groups.get(heading) ?? []), row]);
  }
  return [...groups]
    .map(([heading, rows]) => `${heading}:\n\n${table(['variable', 'flag', 'default', 'meaning'], rows)}`)
    .join('\n\n');
}

const inWords = (names: readonly string[]) =>
  names
    .map((name) => `\`${name}\``)
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1');

/** Columns as wide as their widest cell, as the formatter of this project wants them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
