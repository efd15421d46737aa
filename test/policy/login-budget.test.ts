import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LOGIN_LIMITS, LoginBudget } from '../../src/policy/login-budget.ts';

const MINUTE = 60_000;
/** Without the slow-down, which would hide the locks. */
const LIMITS = { ...DEFAULT_LOGIN_LIMITS, slowDownFrom: 1000 };

function fail(budget: LoginBudget, address: string, user: string, now: number): readonly string[] {
  equal(budget.ask(address, user, now).answer, 'yes');
  return budget.result(address, user, false, now);
}

test('login budget: the tenth failure in ten minutes locks an address for fifteen', () => {
  const budget = new LoginBudget(LIMITS);
  for (let n = 0; n < 9; n++) deepEqual(fail(budget, '192.0.2.1', `u${n}`, n), []);
  deepEqual(fail(budget, '192.0.2.1', 'u9', 9), ['address']);
  deepEqual(budget.ask('192.0.2.1', 'other', 10), { answer: 'no', why: 'locked', retryMs: 15 * MINUTE - 1 });
  equal(budget.ask('192.0.2.2', 'other', 10).answer, 'yes');
  equal(budget.ask('192.0.2.1', 'other', 9 + 15 * MINUTE).answer, 'yes');
});

test('login budget: the twentieth failure for a user locks it from everywhere', () => {
  const budget = new LoginBudget(LIMITS);
  for (let n = 0; n < 19; n++) deepEqual(fail(budget, `192.0.2.${n}`, 'app', 0), []);
  deepEqual(fail(budget, '192.0.2.99', 'app', 0), ['user']);
  equal(budget.ask('198.51.100.1', 'app', 1).answer, 'no');
  equal(budget.ask('198.51.100.1', 'else', 1).answer, 'yes');
});

test('login budget: failures are forgotten after the window', () => {
  const budget = new LoginBudget(LIMITS);
  for (let n = 0; n < 9; n++) fail(budget, '192.0.2.1', 'app', 0);
  for (let n = 0; n < 9; n++) fail(budget, '192.0.2.1', 'app', 10 * MINUTE);
  equal(budget.ask('192.0.2.1', 'app', 10 * MINUTE).answer, 'yes');
});

test('login budget: checks in flight are charged, wait instead of locking, and a success gives its charge back', () => {
  const budget = new LoginBudget(LIMITS);
  for (let n = 0; n < 10; n++) equal(budget.ask('192.0.2.1', 'app', 0).answer, 'yes');
  equal(budget.ask('192.0.2.1', 'app', 0).answer, 'wait');
  budget.result('192.0.2.1', 'app', true, 1);
  equal(budget.ask('192.0.2.1', 'app', 1).answer, 'yes');
  equal(budget.ask('192.0.2.1', 'app', 1).answer, 'wait');
});

test('login budget: a check whose end is never told counts as failed', () => {
  const budget = new LoginBudget(LIMITS);
  for (let n = 0; n < 10; n++) budget.ask('192.0.2.1', 'app', 0);
  equal(budget.ask('192.0.2.1', 'app', MINUTE).answer, 'wait');
  equal(budget.ask('192.0.2.1', 'app', 12 * MINUTE).answer, 'yes');
});

test('login budget: from the third failure on the next try must wait, twice as long each time', () => {
  const budget = new LoginBudget(DEFAULT_LOGIN_LIMITS);
  for (let n = 0; n < 3; n++) fail(budget, '192.0.2.1', 'app', 0);
  deepEqual(budget.ask('192.0.2.1', 'app', 0), { answer: 'no', why: 'slow-down', retryMs: 1000 });
  fail(budget, '192.0.2.1', 'app', 1000);
  deepEqual(budget.ask('192.0.2.1', 'app', 1000), { answer: 'no', why: 'slow-down', retryMs: 2000 });
});

test('login budget: one host of IPv6 is one address, whatever of its /64 it uses', () => {
  const budget = new LoginBudget(LIMITS);
  for (let n = 0; n < 10; n++) fail(budget, `2001:db8:0:1::${n}`, `u${n}`, 0);
  equal(budget.ask('2001:db8:0:1:ffff::1', 'u', 1).answer, 'no');
  equal(budget.ask('2001:db8:0:2::1', 'u', 1).answer, 'yes');
});

test('login budget: what it remembers is bounded', () => {
  const budget = new LoginBudget({ ...LIMITS, remembered: 3, failuresPerAddress: 1 });
  fail(budget, '192.0.2.1', 'a', 0);
  equal(budget.ask('192.0.2.1', 'a', 1).answer, 'no');
  for (let n = 2; n < 6; n++) budget.ask(`192.0.2.${n}`, `u${n}`, 1);
  equal(budget.ask('192.0.2.1', 'b', 1).answer, 'yes', 'the longest untouched is forgotten');
});
