// What is wrong with a configuration, and where: one line each that says what to do.
import { nearestName } from './nearest.ts';
import { type AnySetting, type Issue } from './setting.ts';
import { shown } from './units.ts';
import type { Path, Place } from './yaml-file.ts';

export interface Problem extends Place {
  /** As the operator knows it: the folder that was given, and the name. */
  readonly file: string;
  /** Setting, with dots; '' for the file as a whole. */
  readonly setting: string;
  readonly message: string;
}

/** `file:line:column: setting: message`, as editors and terminals can follow. */
export function problemText(problem: Problem): string {
  const where = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  return problem.setting === '' ? `${where}: ${problem.message}` : `${where}: ${problem.setting}: ${problem.message}`;
}

/** About a file as a whole. */
export function whole(file: string, message: string): Problem {
  return { file, line: 0, column: 0, setting: '', message };
}

export function settingText(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += `${text === '' ? '' : '.'}${shown(part)}`;
  }
  return text;
}

export interface Finding {
  readonly path: Path;
  readonly at: 'key' | 'value';
  readonly message: string;
}

/** What the schema found, in words. */
export function findingsOf(root: AnySetting, issue: Issue): readonly Finding[] {
  const { path, what } = issue;
  if ('message' in what) return [{ path, at: 'value', message: what.message }];
  if ('name' in what) {
    const { shape } = settingAt(root, path.slice(0, -1)) ?? {};
    const pattern = shape?.kind === 'map' ? `; names match ${shape.name.source}` : '';
    return [{ path, at: 'key', message: `'${shown(what.name)}' cannot be a name here${pattern}` }];
  }
  const known = knownNames(root, path);
  return what.unknown.map((name) => ({
    path: [...path, name],
    at: 'key',
    message: `no such setting; ${suggestion(name, known)}`,
  }));
}

/** `did you mean X?` or what there is. */
export function suggestion(wrong: string, known: readonly string[]): string {
  const nearest = nearestName(wrong, known);
  if (nearest !== undefined) return `did you mean ${nearest}?`;
  return known.length === 0 ? 'there is none' : `known: ${known.join(', ')}`;
}

function knownNames(root: AnySetting, path: Path): readonly string[] {
  const { shape } = settingAt(root, path) ?? {};
  return shape?.kind === 'group' ? [...shape.members.keys()] : [];
}

export function settingAt(root: AnySetting, path: Path): AnySetting | undefined {
  let at: AnySetting | undefined = root;
  for (const step of path) {
    if (at === undefined) return undefined;
    const { shape }: AnySetting = at;
    if (shape.kind === 'group') at = shape.members.get(String(step));
    else at = shape.kind === 'value' ? undefined : shape.item;
  }
  return at;
}
