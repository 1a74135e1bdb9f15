import type { Live } from '#lib/base/live.ts';
import type { ChatTool } from '#lib/protocol/kinds/chat.ts';

/** A server of tools (MCP) that the user has added, as pages see it: what it is opened with stays behind the port. */
export interface ToolServerView {
  readonly id: string;
  readonly url: string;
  /** What it is called by: host and port of its address. */
  readonly host: string;
  readonly hasSecret: boolean;
  /** Whether each call waits until the user has agreed. */
  readonly askFirst: boolean;
  readonly tools: readonly ServerTool[];
  /** Number of its tools that were left out, since they are too many or cannot be described to a model. */
  readonly leftOut: number;
}

export interface ServerTool {
  /** As the server calls it. */
  readonly name: string;
  /** As the model calls it: no other tool here has this name. */
  readonly offered: string;
  readonly description: string;
  /** A JSON Schema for an object, as JSON text. */
  readonly parameters: string;
  readonly allowed: boolean;
}

/**
 * Tools of servers that the user adds. Errors of those that speak to a server: `tool-server-unreachable`, `-redirects`, `-refused`,
 * `-failed`, `-slow`, `-flood`, `-bad`; `part-missing`, `aborted`.
 */
export interface ToolServersPort {
  readonly view: Live<readonly ToolServerView[]>;
  /**
   * Asks the server what tools it has, and keeps it, with none of them allowed. @param secret a token, or a header as `Name: value`;
   * empty for none. @throws `tool-server-address`, `tool-server-known`, `too-many-tool-servers`, and those of the server.
   */
  add(url: string, secret: string): Promise<void>;
  /** Asks again; tools that are described in other words than before are no longer allowed. */
  refresh(id: string): Promise<void>;
  change(id: string, change: { readonly askFirst?: boolean; readonly allowed?: readonly string[] }): Promise<void>;
  remove(id: string): Promise<void>;
  /**
   * @param offered name of an allowed tool. @param text of its arguments, as JSON. @returns what it gave, as text.
   * @throws `tool-unknown`, `tool-arguments`, `tool-call-failed`, and those of the server.
   */
  call(offered: string, text: string, options: { readonly signal: AbortSignal }): Promise<string>;
}

/** A tool that may be called now, and whose server it is of. */
export interface OfferedServerTool {
  readonly server: ToolServerView;
  readonly tool: ServerTool;
}

/** The allowed tools of these servers. */
export const allowedTools = (
  servers: readonly ToolServerView[],
  chosen: readonly string[],
): readonly OfferedServerTool[] =>
  servers
    .filter(({ id }) => chosen.includes(id))
    .flatMap((server) => server.tools.filter(({ allowed }) => allowed).map((tool) => ({ server, tool })));

export const toChatTool = ({ tool }: OfferedServerTool): ChatTool => ({
  name: tool.offered,
  description: tool.description,
  parameters: tool.parameters,
});
