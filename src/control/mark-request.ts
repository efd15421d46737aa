// Marks in requests: which mail is held, moved or cancelled. Checked here; the scheduler takes them as they are.
import { NAME_CHARS_MAX } from './api.ts';
import { Refused } from './http-server.ts';

const name = { type: 'string', minLength: 1, maxLength: NAME_CHARS_MAX };
export const MARK = { type: 'object', required: ['mark'], properties: { mark: name }, additionalProperties: false };
export const MOVE = {
  type: 'object',
  required: ['mark'],
  properties: { mark: name, pool: name },
  additionalProperties: false,
};

const CAMPAIGN = String.raw`campaign\/[^/]+\/.+`;
const FORM = new RegExp(String.raw`^(?:all|(?:tenant|stream|domain|pool|route)\/[^/]+|${CAMPAIGN})$`, 's');
const MOVABLE = new RegExp(String.raw`^(?:(?:tenant|stream)\/[^/]+|${CAMPAIGN})$`, 's');
const OF_CAMPAIGN = new RegExp(`^${CAMPAIGN}$`, 's');

/** Mail that can be held. */
export function markOf(mark = ''): string {
  if (FORM.test(mark)) return mark.startsWith('domain/') ? mark.toLowerCase() : mark;
  return wrong(mark, 'all, or tenant/, stream/, domain/, pool/ or route/NAME, or campaign/TENANT/NAME');
}

/** Mail that can be moved to another pool. */
export function movableOf(mark = ''): string {
  return MOVABLE.test(mark) ? mark : wrong(mark, 'tenant/NAME, stream/NAME or campaign/TENANT/NAME');
}

export function campaignOf(mark = ''): string {
  return OF_CAMPAIGN.test(mark) ? mark : wrong(mark, 'campaign/TENANT/NAME');
}

function wrong(mark: string, forms: string): never {
  throw new Refused('bad-request', `'${mark}' is not a mark of this kind: ${forms}`);
}
