import { m } from '#messages';
import { toolNames, type ToolName } from '#lib/state/tools/toolbox.ts';

const titles: Readonly<Record<ToolName, () => string>> = {
  calculator: m.tool_calculator,
  clock: m.tool_clock,
  javascript: m.tool_javascript,
};

/** A name that a model has made up is shown as it is. */
export function toolTitle(name: string): string {
  const known = toolNames.find((one) => one === name);
  return known ? titles[known]() : name;
}
