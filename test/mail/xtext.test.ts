// xtext and enhanced codes: small grammars, whole tables.
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findEnhancedCode } from '../../src/mail/enhanced-code.ts';
import { decodeXtext, encodeXtext, isCleanXtext, isXtext } from '../../src/mail/xtext.ts';

test('xtext: what is encoded decodes to the same octets and is clean when they are', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (text) => {
      const encoded = encodeXtext(text);
      equal(isXtext(encoded), true);
      equal(Buffer.from(decodeXtext(encoded), 'latin1').toString(), Buffer.from(text).toString());
      equal(isCleanXtext(encoded), !/[\x00-\x1f\x7f]/.test(text));
    }),
  );
});

test('xtext: only the grammar passes', () => {
  for (const text of ['', 'a b', 'a=b', 'a+', 'a+0', 'a+0g', 'a+0d', '\u00fc']) equal(isXtext(text), false, text);
  equal(isCleanXtext('a+0D+0Ab'), false);
  equal(isCleanXtext('a+20b'), true);
});

test('enhanced code: only one whose class agrees with the reply counts', () => {
  equal(findEnhancedCode('5.7.1 no', 550), '5.7.1');
  equal(findEnhancedCode('5.7.1', 550), '5.7.1');
  for (const text of ['4.7.1 no', '5.7', '5.7.1x', '5.07.1 no', '3.1.1 x', '', ' 5.7.1']) {
    equal(findEnhancedCode(text, 550), undefined, text);
  }
});
