// A program whose children have tiny roles: submission greets with its name, control answers nothing, all end when told;
// those of a host `aloud` say so.
import { writeSync } from 'node:fs';
import { runChild } from '../../src/app/child-main.ts';
import type { RoleContext, RunningRole } from '../../src/app/roles.ts';
import { systemClock } from '../../src/base/clock.ts';
import { EXIT, OperatorError } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/random.ts';

function tell(text: string): void {
  writeSync(1, `${text}\n`);
}

function role(context: RoleContext): Promise<RunningRole> {
  const { name, documents, servers, supervision } = context;
  if (documents.config.hostname === `no ${name}`) {
    return Promise.reject(new OperatorError(`${name} does not like this`, EXIT.configuration));
  }
  let next = documents;
  for (const { listener, server } of servers) {
    supervision.segmentOpened(`${name}.seg`);
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.end(`${name} ${process.pid} ${listener} ${next.config.hostname}`);
    });
  }
  return Promise.resolve({
    prepare(documents) {
      if (documents.config.hostname === 'refuse') return Promise.reject(new OperatorError('refused', EXIT.no));
      next = documents;
      return Promise.resolve();
    },
    use: () => {},
    setUsers: () => {},
    ended: (ended) => tell(`${name} hears of ${ended.process} ${ended.segments.join()}`),
    stop: () => {
      if (documents.config.hostname === 'aloud') tell(`${name} stops`);
      return Promise.resolve();
    },
  });
}

runChild({
  clock: systemClock,
  random: systemRandom,
  roles: { startSubmissionRole: role, startSchedulerRole: role, startEgressRole: role, startControlRole: role },
});
