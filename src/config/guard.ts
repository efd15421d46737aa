// What every holder of a configuration needs and the schema does not: made safe after a channel, rights looked up. Kept
// apart, so that a process which is sent its configuration does not load what only reads files.
import type { Config } from './config.ts';
import type { UserRights } from './schema-sending.ts';

/** Maps by name: their look-up must not find what every object inherits. */
export const MAPS = ['tenants', 'streams', 'users', 'domains', 'credentials', 'sources', 'pools', 'providers'] as const;

/** Plain JSON, as made or as it came over a channel, with guards: frozen, and its maps find only their own names. */
export function guardConfig(received: unknown): Config {
  return freeze(received as Config);
}

/** Rights of a user; one that sending.yaml does not name is not restricted. */
export function rightsOf(config: Config, user: string): UserRights {
  return config.users[user] ?? config.unrestricted;
}

function freeze(config: Config): Config {
  const guarded: Record<string, unknown> = { ...config };
  for (const name of MAPS) guarded[name] = Object.assign(Object.create(null), config[name]);
  return freezeDeep(guarded as unknown as Config);
}

function freezeDeep<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const below of Object.values(value)) freezeDeep(below);
  }
  return value;
}
