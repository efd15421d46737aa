// Warm-up plans: the shipped ones, or the operator's in their place, and those of own-warmup.yaml, which take the place of
// shipped ones of the same name. What they contradict themselves in is told with its line.
import { OTHER } from '../flow/warmup.ts';
import { type Read, readFile, SHIPPED } from './shipped-file.ts';
import { type Finding, type Problem, settingText, suggestion, whole } from './problem.ts';
import { type PlanSetting, type WarmupFile, warmupSchema } from './schema-warmup.ts';

export type Plans = Readonly<Record<string, PlanSetting>>;

/** Names that plans may use; absent: their file is broken, and they are not judged. */
export interface KnownNames {
  readonly streams?: readonly string[];
  readonly providers?: readonly string[];
}

/** `shown`: the folder as the operator named it; `folder` absent: the shipped file alone. */
export function loadPlans(
  known: KnownNames,
  folder?: string,
  shown = folder,
): { readonly plans: Plans } | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const given = folder === undefined ? undefined : read(folder, shown ?? folder, 'warmup.yaml', problems);
  const own = folder === undefined ? undefined : read(folder, shown ?? folder, 'own-warmup.yaml', problems);
  const shipped = given ?? (problems.length > 0 ? undefined : read(SHIPPED, SHIPPED, 'warmup.yaml', problems));
  if (problems.length > 0) return { problems };
  if (shipped === undefined) return { problems: [whole(SHIPPED, 'has no warmup.yaml: the program is not whole')] };
  for (const file of own === undefined ? [shipped] : [shipped, own]) {
    for (const { path, at, message } of conflictsOf(file.value, known)) {
      problems.push({ file: file.shown, ...file.yaml().locate(path, at), setting: settingText(path), message });
    }
  }
  return problems.length > 0 ? { problems } : { plans: { ...shipped.value.plans, ...own?.value.plans } };
}

/** Sources that name a plan which is not there. */
export function unknownPlans(
  sources: Readonly<Record<string, { readonly warmup?: string }>>,
  plans: Plans,
): readonly Finding[] {
  const names = Object.keys(plans);
  return Object.entries(sources).flatMap(([source, { warmup }]): Finding[] => {
    if (warmup === undefined || names.includes(warmup)) return [];
    const message = `'${warmup}' is not among plans of warmup.yaml; ${suggestion(warmup, names)}`;
    return [{ path: ['sources', source, 'warmup'], at: 'value', message }];
  });
}

interface Pools {
  readonly pools: Readonly<Record<string, { readonly sources: readonly { readonly source: string }[] }>>;
  readonly sources: Readonly<Record<string, { readonly warmup?: string }>>;
  readonly plans: Plans;
}

/** Pools whose warm sources get nothing while a new one beside them waits for its budget. */
export function waitingPools({ pools, sources, plans }: Pools): readonly string[] {
  return Object.entries(pools).flatMap(([name, pool]) => {
    const planOf = ({ source }: { readonly source: string }): string => sources[source]?.warmup ?? '';
    const waiting = pool.sources.find((member) => plans[planOf(member)]?.overflow === 'wait');
    const warm = pool.sources.find((member) => planOf(member) === '');
    if (waiting === undefined || warm === undefined) return [];
    return [
      `pools.${name}: while ${waiting.source} warms up, ${warm.source} sends nothing, for plan ${planOf(waiting)} says overflow: wait; give ${waiting.source} a pool of its own, or a plan with overflow: pool`,
    ];
  });
}

function read(folder: string, shown: string, name: string, problems: Problem[]): Read<WarmupFile> | undefined {
  return readFile(warmupSchema, folder, shown, name, problems);
}

function conflictsOf({ plans }: WarmupFile, known: KnownNames): readonly Finding[] {
  return Object.entries(plans).flatMap(([name, plan]) => planConflicts(['plans', name], plan, known));
}

function planConflicts(path: readonly string[], plan: PlanSetting, { streams, providers }: KnownNames): Finding[] {
  const found: Finding[] = [];
  const tell = (below: readonly (string | number)[], message: string): void => {
    found.push({ path: [...path, ...below], at: 'value', message });
  };
  const ladders: (readonly [
    readonly string[],
    readonly number[],
    { readonly used: number; readonly sample: number },
  ])[] = [[['stages'], plan.stages, plan.gates]];
  if (plan.total !== undefined) ladders.push([['total'], plan.total, plan.gates]);
  for (const [provider, variant] of Object.entries(plan.providers)) {
    const gates = { ...plan.gates, ...variant.gates };
    ladders.push([['providers', provider, 'stages'], variant.stages ?? plan.stages, gates]);
    if (providers === undefined || provider === OTHER || providers.includes(provider)) continue;
    const message = `'${provider}' is not among providers; ${suggestion(provider, providers)}`;
    found.push({ path: [...path, 'providers', provider], at: 'key', message });
  }
  for (const [below, stages, gates] of ladders) {
    for (let at = 1; at < stages.length; at++) {
      if ((stages[at] as number) > (stages[at - 1] as number)) continue;
      tell([...below, at], `${stages[at]} is not more than the stage before, ${stages[at - 1]}`);
    }
    const first = stages[0] as number;
    if (first < gates.sample) {
      tell(
        [...below, 0],
        `${first} a day can never show ${gates.sample} answers: the first stage would never end (gates.sample)`,
      );
    }
  }
  if (plan.windowMs > plan.dayMs) tell(['window'], 'is longer than the day');
  plan.exceptStreams.forEach((stream, at) => {
    if (streams === undefined || streams.includes(stream)) return;
    tell(['except_streams', at], `'${stream}' is not among streams of sending.yaml; ${suggestion(stream, streams)}`);
  });
  return found;
}
