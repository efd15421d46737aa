// The client session with arrays: what goes in, what must come out. No socket, no clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Mailbox } from '../../src/flow/message.ts';
import type { Reply } from '../../src/flow/reply.ts';
import {
  canBegin,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  outstanding,
  startSession,
  step,
} from '../../src/smtp/client-session.ts';
import { ReplyParser } from '../../src/smtp/reply-parser.ts';
import type { Transaction } from '../../src/smtp/transaction.ts';

function reply(text: string): Reply {
  const { replies } = new ReplyParser().feed(Buffer.from(`${text.replaceAll('\n', '\r\n')}\r\n`));
  assert.equal(replies.length, 1, text);
  return replies[0] as Reply;
}

function transaction(id: string, mailboxes = ['one@b.c'], changes: Partial<Transaction> = {}): Transaction {
  return {
    id,
    reversePath: 'me@a.b' as Mailbox,
    recipients: mailboxes.map((mailbox, index) => ({ index, mailbox: mailbox as Mailbox })),
    size: 10,
    has8bit: false,
    is8bitMime: false,
    hasUtf8Header: false,
    requireTls: false,
    ...changes,
  };
}

/** A string is a reply; effects come out in one line each. */
type Input = string | ClientEvent;

class Player {
  state: ClientState;

  constructor(state = startSession('relay.test', 'opportunistic')) {
    this.state = state;
  }

  play(...inputs: readonly Input[]): string[] {
    return inputs.flatMap((input) => {
      const event: ClientEvent = typeof input === 'string' ? { on: 'reply', reply: reply(input) } : input;
      const { state, effects } = step(this.state, event);
      this.state = state;
      return effects.map(show);
    });
  }
}

function show(effect: ClientEffect): string {
  switch (effect.do) {
    case 'send':
      return `C: ${effect.text.trimEnd().replaceAll('\r\n', ' | ')}`;
    case 'failed':
      return `failed at ${effect.phase}: ${effect.reply?.code ?? effect.error?.kind}`;
    case 'settled': {
      const results = effect.results.map(
        (one) => `${one.index}:${one.decidedAt}:${one.reply?.code ?? one.error?.kind}`,
      );
      return `settled ${effect.transaction.id} ${results.join(' ')}${effect.mayHaveBeenDelivered ? ' maybe' : ''}`;
    }
    case 'unbegun':
      return `unbegun ${effect.transaction.id}`;
    default:
      return effect.do;
  }
}

const PIPELINING = '250-mx\n250-PIPELINING\n250-SIZE 1000\n250-8BITMIME\n250-SMTPUTF8\n250 DSN';
const PLAIN = '250 mx';
const begin = (one: Transaction): ClientEvent => ({ on: 'begin', transaction: one });
const closed: ClientEvent = { on: 'lost', error: { kind: 'closed', text: '' } };
const timeout: ClientEvent = { on: 'lost', error: { kind: 'timeout', text: '' } };
const dot: ClientEvent = { on: 'dot' };

function up(ehlo = PIPELINING): Player {
  const player = new Player();
  assert.deepEqual(player.play('220 mx'), ['C: EHLO relay.test']);
  assert.deepEqual(player.play(ehlo), ['up']);
  return player;
}

test('client session: the envelope goes in one write when PIPELINING is offered', () => {
  const player = up();
  assert.deepEqual(player.play(begin(transaction('t', ['x@b.c', 'y@b.c']))), [
    'C: MAIL FROM:<me@a.b> SIZE=10 | RCPT TO:<x@b.c> | RCPT TO:<y@b.c> | DATA',
  ]);
  assert.equal(outstanding(player.state), 4);
  assert.deepEqual(player.play('250 ok', '250 ok', '550 no', '354 go'), ['content']);
  assert.deepEqual(player.play(dot, '250 queued'), ['settled t 0:dot:250 1:rcpt:550']);
  assert.ok(canBegin(player.state));
  assert.deepEqual(player.play({ on: 'quit' }, '221 bye'), ['C: QUIT', 'end']);
});

test('client session: without PIPELINING one command at a time', () => {
  const player = up(PLAIN);
  assert.deepEqual(
    player.play(begin(transaction('t', ['x@b.c', 'y@b.c'])), '250 ok', '450 later', '250 ok', '354 go', dot, '250 ok'),
    [
      'C: MAIL FROM:<me@a.b>',
      'C: RCPT TO:<x@b.c>',
      'C: RCPT TO:<y@b.c>',
      'C: DATA',
      'content',
      'settled t 0:rcpt:450 1:dot:250',
    ],
  );
});

test('client session: a refused EHLO is followed by HELO, and then by plain MAIL', () => {
  const player = new Player();
  assert.deepEqual(player.play('220 old', '502 what', '250 old', begin(transaction('t'))), [
    'C: EHLO relay.test',
    'C: HELO relay.test',
    'up',
    'C: MAIL FROM:<me@a.b>',
  ]);
});

for (const [name, inputs, want] of [
  ['a refusing greeting', ['554 go away'], ['failed at greeting: 554', 'end']],
  ['421 for a greeting', ['421 busy'], ['failed at greeting: 421', 'end']],
  ['a temporary refusal of EHLO', ['220 x', '421 later'], ['C: EHLO relay.test', 'failed at ehlo: 421', 'end']],
  [
    'a refused HELO',
    ['220 x', '500', '550 no'],
    ['C: EHLO relay.test', 'C: HELO relay.test', 'failed at ehlo: 550', 'end'],
  ],
  ['a close before the greeting', [closed], ['failed at greeting: closed', 'abort']],
  ['silence after EHLO', ['220 x', timeout], ['C: EHLO relay.test', 'failed at ehlo: timeout', 'abort']],
] as const satisfies readonly (readonly [string, readonly Input[], readonly string[]])[]) {
  test(`client session: ${name} fails the opening`, () => {
    assert.deepEqual(new Player().play(...inputs), want);
  });
}

const TLS_OFFERED = '250-mx\n250-PIPELINING\n250 STARTTLS';

test('client session: STARTTLS when offered, and what was learnt before it is forgotten', () => {
  const player = new Player();
  assert.deepEqual(player.play('220 x', TLS_OFFERED, '220 go', { on: 'secured', security: 'encrypted' }, PLAIN), [
    'C: EHLO relay.test',
    'C: STARTTLS',
    'handshake',
    'C: EHLO relay.test',
    'up',
  ]);
  assert.equal(player.state.facts.offer.pipelining, false);
  assert.equal(player.state.facts.security, 'encrypted');
});

test('client session: a refused STARTTLS goes on without when that is allowed', () => {
  assert.deepEqual(new Player().play('220 x', TLS_OFFERED, '454 no').at(-1), 'up');
  const strict = new Player(startSession('relay.test', 'required'));
  assert.deepEqual(strict.play('220 x', TLS_OFFERED, '454 no').at(-2), 'failed at starttls: 454');
  const stripped = new Player(startSession('relay.test', 'required'));
  assert.deepEqual(stripped.play('220 x', PLAIN).at(-2), 'failed at starttls: tls');
  const never = new Player(startSession('relay.test', 'none'));
  assert.deepEqual(never.play('220 x', TLS_OFFERED), ['C: EHLO relay.test', 'up']);
});

test('client session: replies behind the one to STARTTLS end the session, encrypted or not', () => {
  const player = new Player();
  const injected = player.play('220 x', TLS_OFFERED, '220 go', { on: 'unsolicited', reply: reply('250 injected') });
  assert.deepEqual(injected.slice(-2), ['failed at starttls: protocol', 'abort']);
});

test('client session: credentials by PLAIN or LOGIN, only under TLS unless the route has none', () => {
  const secret = { user: 'u', password: 'p' };
  const login = new Player(startSession('r', 'none', secret));
  assert.deepEqual(login.play('220 x', '250-x\n250 AUTH LOGIN', '334 VXNlcg==', '334 UGFzcw==', '235 ok'), [
    'C: EHLO r',
    'C: AUTH LOGIN',
    'C: dQ==',
    'C: cA==',
    'up',
  ]);
  const plain = new Player(startSession('r', 'none', secret));
  assert.deepEqual(plain.play('220 x', '250-x\n250 AUTH PLAIN LOGIN', '535 no'), [
    'C: EHLO r',
    'C: AUTH PLAIN AHUAcA==',
    'failed at auth: 535',
    'end',
  ]);
  const open = new Player(startSession('r', 'opportunistic', secret));
  assert.deepEqual(open.play('220 x', '250-x\n250 AUTH PLAIN').at(-2), 'failed at auth: protocol');
});

test('client session: parameters only where they are offered', () => {
  const rich = transaction('t', ['x@b.c'], {
    has8bit: true,
    ret: 'hdrs',
    envid: 'e+3D1',
    recipients: [{ index: 0, mailbox: 'x@b.c' as Mailbox, notify: ['success', 'delay'], orcpt: 'rfc822;x@b.c' }],
  });
  assert.deepEqual(up().play(begin(rich)), [
    'C: MAIL FROM:<me@a.b> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=e+3D1 | ' +
      'RCPT TO:<x@b.c> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@b.c | DATA',
  ]);
  assert.deepEqual(up(PLAIN).play(begin({ ...rich, has8bit: false, is8bitMime: true })), ['C: MAIL FROM:<me@a.b>']);
  const utf8 = transaction('t', ['j\u00f6@b.c']);
  assert.match(up().play(begin(utf8))[0] ?? '', /^C: MAIL FROM:<me@a.b> SIZE=10 SMTPUTF8 \| RCPT TO:<jö@b.c>/);
  assert.deepEqual(
    up()
      .play(begin({ ...transaction('t'), reversePath: '' }))[0]
      ?.slice(0, 14),
    'C: MAIL FROM:<',
  );
});

for (const [name, changes, want] of [
  ['8-bit content', { has8bit: true }, 'no-8bitmime'],
  ['a UTF-8 header', { hasUtf8Header: true }, 'no-smtputf8'],
  ['a UTF-8 reverse-path', { reversePath: '\u00fc@a.b' as Mailbox }, 'no-smtputf8'],
  ['REQUIRETLS', { requireTls: true }, 'no-requiretls'],
  ['a line end in a mailbox', { reversePath: 'a\r\nRSET' as Mailbox }, 'protocol'],
] as const) {
  test(`client session: ${name} that the server cannot take fails without a command, and the session goes on`, () => {
    const player = up(PLAIN);
    assert.deepEqual(player.play(begin(transaction('t', ['x@b.c'], changes))), [`settled t 0:mail:${want}`]);
    assert.deepEqual(player.play(begin(transaction('u'))), ['C: MAIL FROM:<me@a.b>']);
  });
}

test('client session: over the SIZE of the server is too large, at it is not', () => {
  assert.deepEqual(up().play(begin(transaction('t', undefined, { size: 1001 }))), ['settled t 0:mail:too-large']);
  assert.equal(up().play(begin(transaction('t', undefined, { size: 1000 }))).length, 1);
});

test('client session: REQUIRETLS needs TLS, a verified certificate and the extension', () => {
  const offer = '250-x\n250 REQUIRETLS';
  const mail = begin(transaction('t', undefined, { requireTls: true }));
  for (const [security, ehlo, want] of [
    ['verified', offer, /MAIL FROM:<me@a.b> REQUIRETLS$/],
    ['encrypted', offer, /no-requiretls/],
    ['verified', PLAIN, /no-requiretls/],
  ] as const) {
    const player = new Player();
    const effects = player.play('220 x', TLS_OFFERED, '220 go', { on: 'secured', security }, ehlo, mail);
    assert.match(effects.at(-1) ?? '', want);
  }
});

for (const [name, inputs, want] of [
  ['MAIL refused, with pipelining', ['550 no', '503 x', '503 x'], ['settled t 0:mail:550']],
  ['every RCPT refused', ['250', '550 no', '554 no recipients'], ['settled t 0:rcpt:550']],
  ['DATA refused', ['250', '250', '451 later'], ['settled t 0:data:451']],
  ['nobody accepted and yet 354', ['250', '550', '354 go'], ['settled t 0:rcpt:550', 'C: .']],
  ['MAIL refused and yet 354', ['550', '250', '354 go'], ['settled t 0:mail:550', 'C: .']],
  ['content refused', ['250', '250', '354', dot, '552 5.3.4 too big'], ['content', 'settled t 0:dot:552']],
  ['refused before the dot was written', ['250', '250', '354', '552 no'], ['content', 'settled t 0:data:552', 'abort']],
  ['421 to MAIL', ['421 bye'], ['settled t 0:mail:421', 'end']],
  ['421 to RCPT', ['250', '421 bye'], ['settled t 0:rcpt:421', 'end']],
  ['421 to DATA', ['250', '250', '421 bye'], ['settled t 0:data:421', 'end']],
  ['421 to the dot', ['250', '250', '354', dot, '421 bye'], ['content', 'settled t 0:dot:421', 'end']],
  ['a close at MAIL', [closed], ['settled t 0:mail:closed', 'abort']],
  ['a close at RCPT', ['250', closed], ['settled t 0:rcpt:closed', 'abort']],
  ['a close at DATA', ['250', '250', closed], ['settled t 0:data:closed', 'abort']],
  ['a close in the content', ['250', '250', '354', closed], ['content', 'settled t 0:data:closed', 'abort']],
  ['a lost 250', ['250', '250', '354', dot, closed], ['content', 'settled t 0:dot:closed maybe', 'abort']],
  ['silence after the dot', ['250', '250', '354', dot, timeout], ['content', 'settled t 0:dot:timeout maybe', 'abort']],
  ['250 to DATA', ['250', '250', '250'], ['settled t 0:data:protocol', 'abort']],
  ['354 to MAIL', ['354'], ['settled t 0:mail:protocol', 'abort']],
  ['354 to the dot', ['250', '250', '354', dot, '354'], ['content', 'settled t 0:dot:protocol maybe', 'abort']],
] as const satisfies readonly (readonly [string, readonly Input[], readonly string[]])[]) {
  test(`client session: ${name} settles by state`, () => {
    const player = up();
    player.play(begin(transaction('t')));
    assert.deepEqual(player.play(...inputs), want);
  });
}

test('client session: a transaction left open is reset in front of the next MAIL, in the same write', () => {
  const player = up();
  player.play(begin(transaction('t')), '250', '550 no', '503 x');
  assert.deepEqual(player.play(begin(transaction('u'))), [
    'C: RSET | MAIL FROM:<me@a.b> SIZE=10 | RCPT TO:<one@b.c> | DATA',
  ]);
  assert.equal(outstanding(player.state), 4);
  assert.deepEqual(player.play('250 reset', '250', '250', '354', dot, '250 ok'), ['content', 'settled u 0:dot:250']);
  assert.match(player.play(begin(transaction('v')))[0] ?? '', /^C: MAIL/);
});

test('client session: after a refused MAIL there is nothing to reset', () => {
  const player = up();
  player.play(begin(transaction('t')), '550 no', '503 x', '503 x');
  assert.match(player.play(begin(transaction('u')))[0] ?? '', /^C: MAIL/);
});

test('client session: without pipelining RSET has its own round trip', () => {
  const player = up(PLAIN);
  player.play(begin(transaction('t')), '250', '550 no');
  assert.deepEqual(player.play(begin(transaction('u')), '250 reset'), ['C: RSET', 'C: MAIL FROM:<me@a.b>']);
});

test('client session: a kept connection that was gone before any answer gives the transaction back', () => {
  const player = up();
  player.play(begin(transaction('t')), '250', '250', '354', dot, '250 ok');
  assert.deepEqual(player.play(begin(transaction('u')), closed).slice(1), ['unbegun u', 'abort']);
  const slow = up();
  slow.play(begin(transaction('t')), '250', '250', '354', dot, '250 ok');
  assert.deepEqual(slow.play(begin(transaction('u')), timeout).slice(1), ['settled u 0:mail:timeout', 'abort']);
});

test('client session: 421 or a close between transactions is the peer’s right, anything else is not SMTP', () => {
  for (const event of [closed, { on: 'unsolicited', reply: reply('421 idle') } as const]) {
    assert.deepEqual(up().play(event), ['end']);
  }
  assert.deepEqual(up().play('250 what'), ['abort']);
});

test('client session: whatever a server says, every transaction begun ends once, and nothing follows the end', () => {
  const replies = [
    '220 x',
    PIPELINING,
    PLAIN,
    TLS_OFFERED,
    '250 ok',
    '354 go',
    '421 bye',
    '450 no',
    '550 no',
    '235 ok',
    '334 x',
  ];
  const events: readonly ClientEvent[] = [
    ...replies.map((text): ClientEvent => ({ on: 'reply', reply: reply(text) })),
    ...replies.map((text): ClientEvent => ({ on: 'unsolicited', reply: reply(text) })),
    closed,
    timeout,
  ];
  // Pieces of a valid dialogue are likely, so that runs get far.
  const valid = replies.map((_, at) => events[at] as ClientEvent);
  const event = fc.oneof({ arbitrary: fc.constantFrom(...valid), weight: 12 }, fc.constantFrom(...events));
  const run = fc.record({ events: fc.array(event, { maxLength: 60 }), count: fc.integer({ min: 1, max: 4 }) });
  fc.assert(
    fc.property(run, ({ events: told, count }) => {
      let state = startSession('r', 'opportunistic');
      const ended = new Map<string, number>();
      let begun = 0;
      let isOver = false;
      const apply = (one: ClientEvent): void => {
        const result = step(state, one);
        state = result.state;
        for (const effect of result.effects) {
          assert.equal(isOver, false, 'an effect after the end');
          if (effect.do === 'settled') {
            assert.equal(effect.results.length, count);
            assert.ok(effect.results.every((r) => (r.reply === undefined) !== (r.error === undefined)));
          }
          if (effect.do === 'settled' || effect.do === 'unbegun') {
            ended.set(effect.transaction.id, (ended.get(effect.transaction.id) ?? 0) + 1);
          }
        }
        isOver ||= result.effects.some((effect) => effect.do === 'end' || effect.do === 'abort');
        if (result.effects.some((effect) => effect.do === 'handshake')) apply({ on: 'secured', security: 'encrypted' });
        else if (result.effects.some((effect) => effect.do === 'content')) apply(dot);
        assert.ok(outstanding(state) >= 0);
      };
      for (const one of [...told, closed]) {
        if (canBegin(state)) {
          apply(
            begin(
              transaction(
                `t${begun++}`,
                Array.from({ length: count }, (_, at) => `r${at}@b.c`),
              ),
            ),
          );
        }
        apply(one);
      }
      assert.equal(state.now.at, 'over');
      assert.equal(ended.size, begun);
      for (const [id, times] of ended) assert.equal(times, 1, id);
    }),
    { numRuns: 2000 },
  );
});
