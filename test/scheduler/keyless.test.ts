import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Domain } from '../../src/flow/message.ts';
import { Keyless } from '../../src/scheduler/keyless.ts';

test('keyless: a thousand From domains are told apart, further ones are counted together', () => {
  const keyless = new Keyless();
  for (let n = 0; n < 1500; n++) keyless.saw({ fromDomain: `d${n}.example` as Domain });
  keyless.saw({ fromDomain: 'd7.example' as Domain });
  deepEqual(keyless.most(2), [
    { domain: 'others', messages: 500 },
    { domain: 'd7.example', messages: 2 },
  ]);
  equal(keyless.most(5000).length, 1001);
});
