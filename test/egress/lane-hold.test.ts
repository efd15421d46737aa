// After a refusal that may be about the pace: nothing begins on that lane before the scheduler has taken it in.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { LaneHolds, mayBeAboutPace } from '../../src/egress/lane-hold.ts';
import { startSink } from '../support/fake-net.ts';
import { grantTo, startStage } from './stage.ts';

const CONTENT = 'Subject: x\r\n\r\nhello\r\n';
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('lane hold: which refusals may be about the pace', () => {
  const about = (code: number, enhanced?: string): boolean =>
    mayBeAboutPace({ code, lines: [''], ...(enhanced !== undefined && { enhanced }) });
  for (const [code, enhanced] of [[421], [450], [451, '4.7.1'], [550], [554, '5.7.1'], [452, '4.3.1']] as const) {
    ok(about(code, enhanced), `${code} ${enhanced}`);
  }
  for (const [code, enhanced] of [[250], [354], [550, '5.1.1'], [452, '4.2.2'], [550, '5.2.1']] as const) {
    ok(!about(code, enhanced), `${code} ${enhanced}`);
  }
  ok(!mayBeAboutPace(undefined));
});

test('lane hold: a lane goes on when its last refusal is taken in, and nobody else is woken', () => {
  const holds = new LaneHolds();
  const woken: string[] = [];
  const session = (name: string) => ({ proceed: () => woken.push(name) });
  const gone = session('gone');
  holds.join('a', session('a1'));
  holds.join('a', gone);
  holds.join('b', session('b1'));
  holds.leave('a', gone);
  for (const id of ['r1', 'r2', 'r3']) holds.hold('a', id);
  for (const id of ['r1', 'r1', 'other']) holds.release(id);
  holds.releaseBut((id) => id === 'r3');
  deepEqual([holds.isHeld('a'), holds.isHeld('b'), woken], [true, false, []]);
  holds.release('r3');
  deepEqual([holds.isHeld('a'), woken], [false, ['a1']]);
});

test('lane hold: what was granted before a throttling reply is not begun until that is taken in, and can be recalled', async () => {
  const refusals: (() => void)[] = [];
  const sink = await startSink({
    script: (verb, _, { connection, socket }) => {
      if (verb !== 'DOT' || connection !== 1 || refusals.length > 0) return undefined;
      refusals.push(() => socket.write('451 4.7.0 too fast\r\n'));
      return { raw: '' };
    },
  });
  const stage = startStage();
  const { commands } = stage.egress;
  for (const [session, lane] of [
    ['one', 'lane'],
    ['two', 'lane'],
    ['three', 'lane'],
    ['other', 'elsewhere'],
  ] as const) {
    commands.open(grantTo(sink.port, { session, lane }));
  }
  commands.deliver('one', stage.attempt('m1', CONTENT));
  while (refusals.length === 0) await turn();
  commands.deliver('one', stage.attempt('m2', CONTENT));
  commands.deliver('two', stage.attempt('m3', CONTENT));
  await stage.until(() => stage.reports.length === 1);
  refusals[0]?.();
  await stage.until(() => stage.reports.length === 2);
  // On their way when the reply was read: one to a session that is up, one to a session that has no connection yet.
  commands.deliver('two', stage.attempt('m4', CONTENT));
  commands.deliver('three', stage.attempt('m5', CONTENT));
  commands.deliver('other', stage.attempt('m6', CONTENT));
  await sink.received(2);
  for (let n = 0; n < 20; n++) await turn();
  deepEqual(
    stage.reports.map(({ attempt }) => attempt),
    ['a-m3', 'a-m1', 'a-m6'],
  );
  equal(sink.connections, 3, 'no connection is opened for what is held');
  commands.recall('two');
  commands.recall('two');
  deepEqual(
    stage.returned.map(({ notBegun }) => notBegun),
    [['a-m4'], []],
  );
  commands.acknowledge(['a-m1']);
  await stage.until(() => stage.reports.length === 5);
  deepEqual(
    stage.reports.slice(3).map(({ attempt }) => attempt),
    ['a-m2', 'a-m5'],
  );
  // The connection of what was recalled serves on.
  commands.deliver('two', stage.attempt('m4', CONTENT));
  await stage.until(() => stage.reports.length === 6);
  equal(sink.connections, 4);
  await stage.egress.stop();
  await sink.close();
});

test('lane hold: a refused connection holds its lane too; a new scheduler that does not know of it lets go', async () => {
  const script = (verb: string, _: string, { connection }: { readonly connection: number }) =>
    verb === 'GREETING' && connection === 2 ? '421 4.7.0 too many connections' : undefined;
  const sink = await startSink({ script });
  const stage = startStage();
  const { commands } = stage.egress;
  for (const session of ['one', 'two']) commands.open(grantTo(sink.port, { session }));
  commands.deliver('one', stage.attempt('m1', CONTENT));
  await stage.until(() => stage.reports.length === 1);
  commands.deliver('two', stage.attempt('m2', CONTENT));
  await stage.until(() => stage.closed.length === 1);
  equal(stage.closed[0]?.failure?.reply?.code, 421);
  commands.deliver('one', stage.attempt('m3', CONTENT));
  for (let n = 0; n < 20; n++) await turn();
  equal(stage.reports.length, 1);
  equal(stage.egress.hello().held.length, 1);
  await stage.until(() => stage.reports.length === 2);
  await stage.egress.stop();
  await sink.close();
});
