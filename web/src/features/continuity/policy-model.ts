export type Mode = 'off' | 'suggest' | 'automatic';

export interface OpenHours {
  days: string[];
  from: string;
  to: string;
}

/** What to do when a channel fails. Costs are millionths of the workspace's currency. */
export interface Policy {
  mode: Mode;
  hold_first_s: number;
  order: string[];
  exclude: string[];
  proof_min: 'claimed' | 'invited' | 'verified';
  cost_message_max: number | null;
  cost_incident_max: number | null;
  live_hours: number;
  quiet: { tz: string; open: OpenHours[] } | null;
  lines: Record<string, string>;
  templates: Record<string, string>;
  costs: Record<string, number>;
  sandbox_suggests: boolean;
  settle_min: number;
}

/** What the hub says where a workspace has no line of its own. */
export const DEFAULT_LINE = '{{ channel }} is having trouble, so {{ business }} is answering you here.';

/** The first line as a customer reads it. Other double braces stay as they are written. */
export function preview(line: string, channel: string, business: string): string {
  return line.replace(/\{\{ ?channel ?\}\}/g, channel).replace(/\{\{ ?business ?\}\}/g, business);
}

/** `0.05` for 50000 millionths; empty for no limit. */
export const money = (millionths: number | null | undefined): string =>
  millionths === null || millionths === undefined ? '' : String(millionths / 1e6);

/** Millionths of an amount that was typed; null for none; undefined where it is no amount. */
export function millionths(typed: string): number | null | undefined {
  const text = typed.trim().replace(',', '.');
  if (text === '') return null;
  const amount = Number(text);
  return Number.isFinite(amount) && amount >= 0 ? Math.round(amount * 1e6) : undefined;
}

/** Moves an item of a list by one place. */
export function moved<T>(list: readonly T[], at: number, by: 1 | -1): T[] {
  const next = [...list];
  const [item] = next.splice(at, 1);
  if (item !== undefined) next.splice(at + by, 0, item);
  return next;
}
