// Every conversation of test/dialogs, played against a real listener.
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Answer, IntakeAway, type Refusal } from '../../src/flow/intake.ts';
import { playDialog } from '../support/dialog.ts';
import { type ListenerName, withRig } from './rig.ts';

const FOLDER = 'test/dialogs';

/** Lines `@name value` set the scene. */
function scene(text: string, name: string): string | undefined {
  return new RegExp(`^@${name} (.*)$`, 'm').exec(text)?.[1];
}

/** `away`, or an answer as JSON and optionally the only question that gets it. */
function answers(said: string): (ask: string) => Promise<Answer> {
  if (said === 'away') return () => Promise.reject(new IntakeAway());
  const end = said.lastIndexOf('}') + 1;
  const answer = JSON.parse(said.slice(0, end)) as Answer;
  const only = said.slice(end).trim();
  return (ask) => Promise.resolve(only === '' || only === ask ? answer : { answer: 'yes' });
}

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.dialog'))) {
  const text = readFileSync(`${FOLDER}/${file}`, 'utf8');
  test(`dialog: ${file.replace('.dialog', '')}`, { timeout: 10_000 }, async () => {
    await withRig({ limits: JSON.parse(scene(text, 'limits') ?? '{}') }, async (rig) => {
      rig.refusal = scene(text, 'refusal') as Refusal | undefined;
      const said = scene(text, 'answer');
      if (said !== undefined) {
        const answer = answers(said);
        rig.answer = (question) => answer(question.ask);
      }
      const listener = scene(text, 'listener') as ListenerName;
      const client = rig.client(await rig.listen(listener), { tls: listener === 'implicit' });
      await playDialog(text.replace(/^@.*$/gm, ''), client);
    });
  });
}
