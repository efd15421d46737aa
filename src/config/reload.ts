// What a reload changes: sending.yaml at once, certificates too; the rest of postilion.yaml waits for a restart.
// Pure: two frozen documents in, the one to put in force and what to tell people out.
import type { Config } from './config.ts';
import { guardConfig } from './guard.ts';
import { type SendingFile, sendingSchema } from './schema.ts';
import { isGroup, isSecret, shownName, shownValue } from './shown-value.ts';

export interface Reload {
  /** What is to be in force. */
  readonly config: Config;
  /** One line each: `caps.connections: 10 -> 20`. */
  readonly changes: readonly string[];
  /** What was changed in a file and waits for a restart. */
  readonly warnings: readonly string[];
  /** Names that are gone: mail of theirs may wait, and is then held. */
  readonly removed: Readonly<Record<'tenants' | 'streams' | 'pools', readonly string[]>>;
}

const LIVE = [...(sendingSchema.shape.kind === 'group' ? sendingSchema.shape.members.keys() : [])];

/** `inForce` is kept wherever the new document cannot be taken over without a restart. */
export function reloadConfig(inForce: Config, loaded: Config): Reload {
  const live = Object.fromEntries(LIVE.map((name) => [name, loaded[name as keyof SendingFile]]));
  // Without a certificate at the start there is no listener that could use one.
  const hadTls = inForce.tls.cert !== undefined;
  const canTakeTls = hadTls && loaded.tls.cert !== undefined;
  const config = guardConfig({
    ...inForce,
    ...live,
    sources: withHostname(loaded, inForce.hostname),
    responses: loaded.responses,
    providers: loaded.providers,
    plans: loaded.plans,
    number: loaded.number,
    ...(canTakeTls ? { tls: { ...loaded.tls, minVersion: inForce.tls.minVersion } } : {}),
  });
  return {
    config,
    changes: differences(inForce, config),
    warnings: differences(config, loaded).map((line) => `${line} (waits for a restart)`),
    removed: {
      tenants: gone(inForce.tenants, loaded.tenants),
      streams: gone(inForce.streams, loaded.streams),
      pools: gone(inForce.pools, loaded.pools),
    },
  };
}

function withHostname(loaded: Config, hostname: string): Config['sources'] {
  return Object.fromEntries(
    Object.entries(loaded.sources).map(([name, source]) => [
      name,
      source.ehlo === loaded.hostname ? { ...source, ehlo: hostname } : source,
    ]),
  );
}

function gone(before: object, after: object): readonly string[] {
  return Object.keys(before).filter((name) => !Object.hasOwn(after, name));
}

/** Secrets are never shown: only that they changed. */
function differences(before: Config, after: Config): string[] {
  const { number: _before, ...older } = before;
  const { number: _after, ...newer } = after;
  return compare([], older, newer);
}

function compare(path: readonly string[], before: unknown, after: unknown): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (path.length === 1 && path[0] === 'responses') return ['responses: changed'];
  if (isGroup(before) && isGroup(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => compare([...path, key], before[key], after[key]));
  }
  const name = shownName(path);
  if (isSecret(path)) return [`${name}: changed`];
  const unit = path.at(-1) ?? '';
  if (before === undefined) return [`${name}: ${isGroup(after) ? 'added' : `set to ${shownValue(unit, after)}`}`];
  if (after === undefined) return [`${name}: removed`];
  return [`${name}: ${shownValue(unit, before)} -> ${shownValue(unit, after)}`];
}
