// Caps as settings: the same words for a lane, a group, a source, a tenant and a stream.
import { count, rate } from './kinds.ts';
import { group, list } from './setting.ts';

export function newConnections(doc: string) {
  return rate(doc, { optional: 'no limit', example: '60/m' });
}

export function connectionsPerAddress(doc: string, optional: string) {
  return count(doc, { optional, example: 20, min: 1, max: 100_000 });
}

/** In each period of its length; spaced. */
export function rates(doc: string) {
  return list(
    `${doc} One rate or several, each in any period of its length, spaced evenly.`,
    rate('A rate.', { example: '600/m' }),
    { optional: 'no limit', example: ['600/m', '20000/h'], single: true, min: 1 },
  );
}

export const burst = count('Recipients that may go at once after a pause. A restart gives no more.', {
  optional: '1',
  example: 10,
  min: 1,
  max: 1_000_000,
});

/** Of something that connections belong to. */
export function meterCaps(doc: string) {
  return group(doc, {
    connections: count('Connections open at a time.', { optional: 'no limit', example: 50, min: 1, max: 100_000 }),
    newConnections: newConnections('Connections opened.'),
    rate: rates('Recipients.'),
    burst,
  });
}

/** Of a tenant or a stream: connections serve the mail of all. */
export function ownerCaps(doc: string) {
  return group(doc, { rate: rates('Recipients.'), burst });
}
