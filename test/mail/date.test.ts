import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { formatDate } from '../../src/mail/date.ts';

test('dates: as RFC 5322 section 3.3 has them, and anew with each second', () => {
  const at = Date.UTC(2026, 10, 1, 9, 5, 7);
  equal(formatDate(at), 'Sun, 1 Nov 2026 09:05:07 +0000');
  equal(formatDate(at + 999), 'Sun, 1 Nov 2026 09:05:07 +0000');
  equal(formatDate(at + 1000), 'Sun, 1 Nov 2026 09:05:08 +0000');
  equal(formatDate(at), 'Sun, 1 Nov 2026 09:05:07 +0000');
});
