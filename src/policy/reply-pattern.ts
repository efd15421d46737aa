// What replies that say the same of different people have in common: addresses, numbers, hosts and marks become one sign
// each, so that a list of replies stays short and names nobody.

/** Of a reply so much counts. */
export const PATTERN_CHARS_MAX = 160;

const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/https?:\/\/\S+/gi, 'URL'],
  [/<[^<>\s]*>/g, '<…>'],
  [/[^\s<>()[\],;:"']+@[^\s<>()[\],;:"']+/g, '…@…'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, 'IP'],
  [/\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7}\b/gi, 'IP'],
  [/\b(?:[a-z0-9-]+\.)+[a-z]{2,}\b/gi, 'HOST'],
  // Marks of a queue or a transaction: letters and digits mixed.
  [/\b(?=[a-z0-9_-]*\d)(?=[a-z0-9_-]*[a-z])[a-z0-9_-]{6,}\b/gi, 'ID'],
  [/\d{4,}/g, 'N'],
];

/** `text`: in one line, codes first. */
export function replyPattern(text: string): string {
  let short = text.slice(0, 4 * PATTERN_CHARS_MAX);
  for (const [what, sign] of SIGNS) short = short.replace(what, sign);
  return short.replace(/\s+/g, ' ').trim().slice(0, PATTERN_CHARS_MAX);
}
