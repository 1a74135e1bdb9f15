import { commandNames, commands, type CommandName } from './commands.ts';
import { standardOf, type Setting, type Settings } from './setting.ts';

/** The commands with their summaries, a line each. */
export const commandTable = (): string =>
  commandNames.map((name) => `  ${name.padEnd(17)} ${commands[name].summary}`).join('\n');

/**
 * The text of `--help`: flags first, then the variables that have none.
 * @param program how the program is called here.
 */
export function helpOf(name: CommandName, program = 'npm start --'): string {
  const { settings, switches }: { readonly settings: Settings; readonly switches: Readonly<Record<string, string>> } =
    commands[name];
  const rows = Object.entries(settings);
  const flags = [
    ...rows.flatMap(([variable, setting]) => flagRow(variable, setting)),
    ...Object.entries(switches).map(([word, does]) => row(`--${word}`, does)),
    row('--help', 'show this text'),
    row('--version', 'show the version, where no command is named'),
  ];
  const others = rows.filter(([, { flag }]) => !flag).map(([variable, setting]) => variableRow(variable, setting));
  return [
    `Usage: ${program} ${name} ${'operand' in commands[name] ? '[file] ' : ''}[flags]`,
    `\n${name}: ${commands[name].summary}.\n`,
    ...flags,
    '\nEnvironment variables; a flag overrides its own, in brackets above:\n',
    ...others,
    `\nCommands:\n${commandTable()}`,
    '\nMore in docs/OPERATING.md.',
  ].join('\n');
}

const nameWidth = 25;
const lineWidth = 100;

function flagRow(variable: string, { flag, ...setting }: Setting): readonly string[] {
  if (!flag) return [];
  const shown = `--${flag.name}${flag.argument === undefined ? '' : ` <${flag.argument}>`}`;
  const standard = flag.argument === undefined ? '' : inBrackets(setting);
  return [row(shown, `${flag.help}${standard} [${variable}]`)];
}

/** The first sentence of what it means says enough here. */
function variableRow(variable: string, setting: Setting): string {
  const sentence = plain(setting.meaning).match(/^.*?\.(?= [A-Z]|$)/s)?.[0] ?? plain(setting.meaning);
  return row(variable, `${sentence.replace(/\.$/, '')}${inBrackets(setting)}`);
}

function inBrackets(setting: Setting): string {
  const standard = standardOf(setting);
  return standard === '—' ? '' : ` (${plain(standard)})`;
}

/** Markdown without its marks. */
const plain = (markdown: string) => markdown.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');

/** A name and its text, which goes on below itself where it is too long. */
function row(name: string, text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last !== '' && last.length + 1 + word.length > lineWidth - nameWidth - 3) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line, index) => `  ${(index === 0 ? name : '').padEnd(nameWidth)} ${line}`).join('\n');
}
