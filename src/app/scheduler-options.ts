// The configuration as the scheduler is told it.
import type { Config } from '../config/config.ts';
import { routeTableOf } from '../config/route-table.ts';
import type { OwnBreaker } from '../config/schema-breaker.ts';
import type { BreakerPolicy } from '../policy/campaign-breaker.ts';
import { DEFAULT_LOGIN_LIMITS } from '../policy/login-budget.ts';
import {
  DEFAULT_SCHEDULER_LIMITS,
  NO_BREAKER,
  type SchedulerOptions,
  type SourcePolicy,
  type UserLimits,
} from '../scheduler/options.ts';
import { defaultLaneCaps, meterCapsOf, ownerCapsOf, providerPolicyOf } from './caps-options.ts';

function byName<From, To>(entries: Readonly<Record<string, From>>, to: (from: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(entries).map(([name, from]) => [name, to(from)]));
}

/** What is not written stays away, so that something else can say it. */
function breakerOf(written: OwnBreaker): Partial<BreakerPolicy> {
  const { enabled, windowMs, sample, bounceShare, spamShare, blockShare } = written;
  return {
    ...(enabled !== undefined && { isEnabled: enabled }),
    ...(windowMs !== undefined && { windowMs }),
    ...(sample !== undefined && { sampleMin: sample }),
    ...(bounceShare !== undefined && { bounceShare }),
    ...(spamShare !== undefined && { spamShare }),
    ...(blockShare !== undefined && { blockShare }),
  };
}

export function schedulerOptionsOf(config: Config): SchedulerOptions {
  const { logins } = config;
  const limited = Object.entries(config.users).filter(([, { rate, recipients }]) => rate ?? recipients);
  return {
    sources: byName(config.sources, ({ caps, ...source }): SourcePolicy => ({ ...source, caps: meterCapsOf(caps) })),
    pools: byName(config.pools, ({ sources, overflow }) => ({
      members: sources,
      ...(overflow === undefined ? {} : { overflow }),
    })),
    defaultPool: 'default',
    streams: byName(config.streams, ({ priority, weight, retryDelaysMs, duplicates, lifetimeMs, caps, breaker }) => ({
      priority,
      weight,
      retryDelaysMs,
      duplicates,
      lifetimeMs,
      ...ownerCapsOf(caps),
      breaker: breakerOf(breaker),
    })),
    tenants: byName(config.tenants, ({ weight, caps, breaker }) => ({
      weight,
      ...ownerCapsOf(caps),
      breaker: breakerOf(breaker),
    })),
    breaker: { ...NO_BREAKER, ...breakerOf(config.breaker) },
    users: Object.fromEntries(
      limited.map(([name, { rate, recipients }]): [string, UserLimits] => [
        name,
        { ...(rate === undefined ? {} : { rate }), ...(recipients === undefined ? {} : { recipients }) },
      ]),
    ),
    providers: byName(config.providers, (provider) => providerPolicyOf(provider, config.caps)),
    routes: routeTableOf(config),
    plans: config.plans,
    caps: { ...defaultLaneCaps(config), totalConnections: config.caps.totalConnections },
    logins: {
      ...DEFAULT_LOGIN_LIMITS,
      failuresPerAddress: logins.failuresPerAddress,
      failuresPerUser: logins.failuresPerUser,
      windowMs: logins.windowMs,
      lockMs: logins.lockMs,
      slowDownFrom: logins.slowDownFrom,
      slowDownMaxMs: logins.slowDownMaxMs,
    },
    limits: { ...DEFAULT_SCHEDULER_LIMITS, queueMax: config.limits.queue, stopMs: config.stopMs + 5_000 },
  };
}
