// What a walk through the spool found, for people.
import { countText, countedText } from './progress.ts';
import type { SpoolFindings } from './spool-tools.ts';
import { printable } from './table.ts';

export function findingsText({ messages, deliveries, troubles }: SpoolFindings): string {
  const lines = troubles.map(({ file, offset, text }) => {
    const place = offset === undefined ? file : `${file} at octet ${countText(offset)}`;
    return `${printable(place)}: ${printable(text)}\n`;
  });
  const found = troubles.length === 0 ? 'all is whole' : `${countText(troubles.length)} damaged`;
  return `${lines.join('')}${countedText(messages, 'message')} with ${countedText(deliveries, 'delivery', 'deliveries')}; ${found}\n`;
}
