import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { guardConfig, rightsOf } from '../../src/config/guard.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configFolder, load, problemsOf } from './folder.ts';

test('configuration: an empty postilion.yaml is a whole configuration with the documented defaults', (t) => {
  const folder = configFolder(t);
  const config = load(folder);
  assert.deepEqual(config.folders, {
    config: folder.configDir,
    spool: join(folder.root, 'spool'),
    run: join(folder.root, 'run'),
  });
  assert.deepEqual(config.listeners, [{ address: { host: '127.0.0.1', port: 2525 }, tls: 'none' }]);
  const { limits, deadlines, logins, caps } = config;
  assert.deepEqual(
    [limits.connectionsPerAddress, limits.connections, limits.recipients, limits.messageOctets, limits.queue],
    [200, 2000, 1000, 50_000_000, 5_000_000],
  );
  assert.deepEqual([limits.junkCommands, limits.receivedHeaders, limits.memoryOctets], [20, 50, 64 * 2 ** 20]);
  assert.deepEqual([deadlines.sessionMs, deadlines.commandMs, deadlines.dataRate], [3_600_000, 300_000, 500]);
  assert.deepEqual([logins.failuresPerSession, logins.failuresPerAddress, logins.failuresPerUser], [3, 10, 20]);
  assert.deepEqual([logins.windowMs, logins.lockMs, logins.waiting], [600_000, 900_000, 32]);
  assert.deepEqual([caps.connections, caps.totalConnections], [undefined, 2000]);
  assert.deepEqual([config.received, config.longLines, config.historyMs], ['full', 'accept', 7 * 86_400_000]);
  assert.deepEqual(config.trustedNetworks, []);
  assert.deepEqual(config.sources['default'], { name: 'default', ehlo: 'relay.example.com', enabled: true, caps: {} });
  assert.deepEqual(config.pools['default'], { sources: [{ source: 'default', weight: 1 }] });
  assert.equal(config.streams['default']?.lifetimeMs, 4 * 86_400_000);
  assert.deepEqual(rightsOf(config, 'whoever'), { tenant: 'default', stream: 'default' });
});

test('configuration: it cannot be changed, and a look-up finds only what was configured', (t) => {
  const config = load(configFolder(t));
  for (const each of [config, guardConfig(JSON.parse(JSON.stringify(config)))]) {
    assert.throws(() => Object.assign(each.limits, { recipients: 1 }), TypeError);
    assert.throws(() => Object.assign(each.streams, { constructor: 1 }), TypeError);
    assert.equal(each.streams['constructor'], undefined);
    assert.equal(each.users['toString'], undefined);
  }
  assert.deepEqual(
    JSON.parse(JSON.stringify(guardConfig(JSON.parse(JSON.stringify(config))))),
    JSON.parse(JSON.stringify(config)),
  );
});

test('configuration: every problem of both files is told at once, with its place and the nearest name', (t) => {
  const folder = configFolder(t, {
    'postilion.yaml': [
      'hostnam: relay.example.com',
      'processes: splitt',
      'limits:',
      '  message: 50',
      '  recipients: 5',
      'deadlines:',
      '  session: 1hour',
      'trusted_networks:',
      '  - network: 10.0.0.0/33',
      '    user: app',
      'listeners:',
      '  - addres: 127.0.0.1:25',
      'tls: { cert: c.pem }',
      'dns: 5',
    ].join('\n'),
    'sending.yaml': [
      'users:',
      '  app1:',
      '    stream: defalt',
      '    networks: 10.0.0.0/8',
      '  bad name: {}',
      'routes:',
      '  - domains: example.net',
      '    to: mail.example.net',
      '  - to: mx',
      '    domains: "*"',
      '    credentials: smart',
      'credentials:',
      '  smarthost:',
      '    user: x',
      '    password: inline',
    ].join('\n'),
  });
  assert.deepEqual(problemsOf(folder), [
    'postilion.yaml:1:1: hostnam: no such setting; did you mean hostname?',
    "postilion.yaml:2:12: processes.mode: must be single, split or auto, not 'splitt'",
    'postilion.yaml:4:12: limits.message: 50 has no unit: write a size such as 500B, 64KiB, 25MB or 2GiB',
    'postilion.yaml:5:15: limits.recipients: must be a whole number from 100 to 100000, not 5',
    "postilion.yaml:7:12: deadlines.session: '1hour': 'hour' is no unit of time; known: ms, s, m, h, d, w",
    "postilion.yaml:9:14: trusted_networks[0].network: '10.0.0.0/33': the prefix must be 0 to 32",
    "postilion.yaml:10:11: trusted_networks[0].user: 'app' is not among users of sending.yaml; did you mean app1?",
    'postilion.yaml:12:5: listeners[0].address: is missing',
    'postilion.yaml:12:5: listeners[0].addres: no such setting; did you mean address?',
    'postilion.yaml:13:8: tls.cert: needs tls.key beside it',
    'postilion.yaml:14:6: dns: must be a map of settings',
    "sending.yaml:3:13: users.app1.stream: 'defalt' is not among streams of sending.yaml; did you mean default?",
    'sending.yaml:4:15: users.app1.networks: must be a list',
    "sending.yaml:5:3: users.bad name: 'bad name' cannot be a name here; names match ^[A-Za-z0-9][A-Za-z0-9._@+=-]{0,127}$",
    "sending.yaml:8:9: routes[0].to: must be mx, discard or host:port such as mail.example.com:25, not 'mail.example.net'",
    "sending.yaml:11:5: routes[1].credentials: a password is only sent to a host that the route names, not to 'mx'",
    "sending.yaml:11:18: routes[1].credentials: 'smart' is not among credentials of sending.yaml; did you mean smarthost?",
    'sending.yaml:15:15: credentials.smarthost.password: a secret must not stand in this file: write ${file:PATH} or ${env:NAME}',
  ]);
});

test('configuration: names that refer to nothing are found in every place that refers', (t) => {
  const folder = configFolder(t, {
    'postilion.yaml': 'trusted_networks: [{ network: 10.0.0.1, user: nobody }]',
    'sending.yaml': [
      'streams: { bulk: { pool: nopool } }',
      'users: { app: { tenant: notenant, stream: nostream, pool: nopool } }',
      'pools: { a: { sources: [default, nosource] } }',
      'routes: [{ domains: a.example, to: "b.example:465", tls: implicit, credentials: nologin }]',
    ].join('\n'),
  });
  const found = problemsOf(folder).map((line) => line.replace(/ of sending.yaml;.*/, ''));
  assert.deepEqual(found, [
    "postilion.yaml:1:47: trusted_networks[0].user: 'nobody' is not among users",
    "sending.yaml:1:26: streams.bulk.pool: 'nopool' is not among pools",
    "sending.yaml:2:25: users.app.tenant: 'notenant' is not among tenants",
    "sending.yaml:2:43: users.app.stream: 'nostream' is not among streams",
    "sending.yaml:2:59: users.app.pool: 'nopool' is not among pools",
    "sending.yaml:3:34: pools.a.sources[1].source: 'nosource' is not among sources",
    "sending.yaml:4:81: routes[0].credentials: 'nologin' is not among credentials",
  ]);
});

test('configuration: broken YAML is told with its place, and the other file is judged all the same', (t) => {
  const folder = configFolder(t, {
    'postilion.yaml': 'hostname: a.example\nlog: { level: loud }\ntrusted_networks: [{ network: 10.0.0.1, user: app }]',
    'sending.yaml': 'users:\n  a: {}\n  a: {}\n',
  });
  assert.deepEqual(problemsOf(folder), [
    "postilion.yaml:2:15: log.level: must be debug, info, warn or error, not 'loud'",
    'sending.yaml:3:3: Map keys must be unique',
  ]);
});

test('configuration: what is empty, alone or short for more is understood', (t) => {
  const config = load(
    configFolder(t, {
      'postilion.yaml':
        'processes: split\nlimits:\ntls:\n  cert:\ncontrol_headers: { campaign: [X-Job, X-Postilion-Campaign] }',
      'sending.yaml': 'users:\n  app1:\nroutes:\n  - domains: Example.NET\n    to: "192.0.2.1:25, [2001:db8::1]:26"',
    }),
  );
  assert.deepEqual(config.processes, { mode: 'split', submission: 2, egress: 2 });
  assert.equal(config.limits.recipients, 1000);
  assert.deepEqual(config.controlHeaders.campaign, ['x-job', 'x-postilion-campaign']);
  assert.deepEqual(config.users['app1'], { tenant: 'default', stream: 'default' });
  assert.deepEqual(config.routes[0]?.domains, ['example.net']);
  assert.deepEqual(config.routes[0]?.to, {
    kind: 'hosts',
    hosts: [
      { host: '192.0.2.1', port: 25 },
      { host: '2001:db8::1', port: 26 },
    ],
  });
});

test('configuration: secrets come from files, systemd credentials and the environment', (t) => {
  const folder = configFolder(t, {
    'sending.yaml': [
      'credentials:',
      '  a: { user: "${env:WHO}@example.com", password: "${file:a.secret}" }',
      '  b: { user: "$${plain}", password: "${file:%d/b}" }',
      '  c: { user: c, password: "${env:SECRET}" }',
      'caps: { connections: "${env:CONNECTIONS}" }',
    ].join('\n'),
    'a.secret': 'from a file\n',
  });
  writeFileSync(join(folder.root, 'b'), 'from systemd');
  const env = { WHO: 'me', SECRET: 'from env', CREDENTIALS_DIRECTORY: folder.root, CONNECTIONS: '7' };
  const { credentials, caps } = load(folder, env);
  assert.deepEqual(
    { ...credentials },
    {
      a: { user: 'me@example.com', password: 'from a file' },
      b: { user: '${plain}', password: 'from systemd' },
      c: { user: 'c', password: 'from env' },
    },
  );
  assert.equal(caps.connections, 7);
  assert.deepEqual(problemsOf(folder, { CONNECTIONS: 'hunter2', SECRET: 'two\nlines' }), [
    'sending.yaml:2:14: credentials.a.user: ${env:WHO} is not in the environment',
    'sending.yaml:3:37: credentials.b.password: ${file:%d/b} needs CREDENTIALS_DIRECTORY, which systemd sets for LoadCredential=',
    'sending.yaml:4:27: credentials.c.password: the value of ${env:SECRET} does not fit here: must be text',
    'sending.yaml:5:22: caps.connections: the value of ${env:CONNECTIONS} does not fit here: must be a whole number from 1 to 10000',
  ]);
});

test('configuration: a folder without postilion.yaml, a misspelt name and an unknown mark are told', (t) => {
  const folder = configFolder(t, { 'sending.yml': '', 'sending.yaml': 'users: { a: { stream: "${secret:x}" } }' });
  assert.match(problemsOf(folder).join('\n'), /sending.yml: is not read; rename it to sending.yaml/);
  assert.match(problemsOf(folder).join('\n'), /'\$\{secret:x\}' is unknown: write \$\{file:PATH\}/);
  rmSync(join(folder.configDir, 'postilion.yaml'));
  const [only, ...more] = problemsOf(folder);
  assert.deepEqual(more, []);
  assert.match(only ?? '', /has no postilion.yaml; name the folder with --config or POSTILION_CONFIG/);
  assert.equal(existsSync(join(folder.root, 'spool')), false, 'nothing was made');
});

test('configuration: numbers count up, another spool can be named, a short host name is a warning', (t) => {
  const { configDir } = configFolder(t, { 'postilion.yaml': 'hostname: relay' });
  const loaded = loadConfig({ configDir, spoolDir: '/srv/spool', env: {}, number: 7 });
  assert.ok('ok' in loaded);
  assert.equal(loaded.ok.number, 7);
  assert.equal(loaded.ok.folders.spool, '/srv/spool');
  assert.match(loaded.warnings.join(), /EHLO name without a domain/);
});

test('configuration: routes that contradict themselves are found', (t) => {
  const folder = configFolder(t, {
    'sending.yaml': [
      'allow:',
      'routes:',
      '  - { name: hub, to: "192.0.2.1:25" }',
      '  - { name: hub, to: discard, pool: default }',
      '  - { name: allow, from_domains: "*" }',
      '  - { tenants: nobody, pool: nopool, credentials: x }',
      'credentials: { x: { user: x, password: "${env:P}" } }',
    ].join('\n'),
  });
  assert.deepEqual(problemsOf(folder), [
    'sending.yaml:1:1: allow: has no value: write [] for nobody, or take it out for everybody',
    'sending.yaml:4:13: routes[1].name: routes[0] has that name already',
    'sending.yaml:4:31: routes[1].pool: nothing is sent by a route `to: discard`',
    "sending.yaml:5:13: routes[2].name: must be letters, digits, . _ - (not allow or mx), not 'allow'",
    'sending.yaml:5:20: routes[2].from_domains: every From domain is no condition: name domains or take it out',
    "sending.yaml:6:16: routes[3].tenants[0]: 'nobody' is not among tenants of sending.yaml; known: default",
    "sending.yaml:6:30: routes[3].pool: 'nopool' is not among pools of sending.yaml; known: default",
    "sending.yaml:6:38: routes[3].credentials: a password is only sent to a host that the route names, not to 'mx'",
    'sending.yaml:7:40: credentials.x.password: ${env:P} is not in the environment',
  ]);
});

test('sources and pools: a pool names sources with or without a weight; what contradicts itself is told', (t) => {
  const { pools, sources } = load(
    configFolder(t, {
      'sending.yaml':
        'sources: { a: { address: 192.0.2.1 }, b: { address: "2001:db8::1", ehlo: b.example, enabled: false } }\npools: { bulk: { sources: [a, { source: b, weight: 3 }], overflow: default } }',
    }),
  );
  assert.deepEqual(pools['bulk'], {
    sources: [
      { source: 'a', weight: 1 },
      { source: 'b', weight: 3 },
    ],
    overflow: 'default',
  });
  assert.deepEqual(sources['b'], { name: 'b', ehlo: 'b.example', enabled: false, address: '2001:db8::1', caps: {} });
  const folder = configFolder(t, {
    'sending.yaml': [
      'sources: { a: { address: 192.0.2.1 }, b: { address: 192.0.2.1 } }',
      'pools:',
      '  x: { sources: [a, b, { source: a }], overflow: y }',
      '  y: { sources: [{ weight: 2 }, { source: c }], overflow: x }',
    ].join('\n'),
  });
  assert.deepEqual(problemsOf(folder), [
    "sending.yaml:1:53: sources.b.address: '192.0.2.1' is already sources.a.address",
    "sending.yaml:3:24: pools.x.sources[2]: 'a' is in this pool already",
    'sending.yaml:3:50: pools.x.overflow: overflows in a circle: x -> y -> x',
    'sending.yaml:4:18: pools.y.sources[0].source: is missing',
    "sending.yaml:4:43: pools.y.sources[1].source: 'c' is not among sources of sending.yaml; did you mean a?",
    'sending.yaml:4:59: pools.y.overflow: overflows in a circle: y -> x -> y',
  ]);
});
