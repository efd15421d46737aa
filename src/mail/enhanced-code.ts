// Enhanced status codes, RFC 3463: `class.subject.detail`.
import type { Brand } from '../base/brand.ts';

export type EnhancedCode = Brand<string, 'EnhancedCode'>;

const CODE = /^([245])\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})(?= |$)/;

/** The code a reply's text begins with, if its class agrees with the reply code (RFC 2034 section 4). */
export function findEnhancedCode(text: string, replyCode: number): EnhancedCode | undefined {
  const found = CODE.exec(text);
  return found !== null && Number(found[1]) === Math.floor(replyCode / 100) ? (found[0] as EnhancedCode) : undefined;
}
