// postilion user add: a new user, or a new password for one.
import { EXIT, OperatorError } from '../base/errors.ts';
import { hashPassword } from '../config/password.ts';
import { USER_NAME } from '../config/setting.ts';
import { changeUsers, type Users, withUser } from '../config/users.ts';
import { type Command, given } from './command.ts';
import { getFolders } from './folders.ts';
import { makePassword, readPassword } from './password-input.ts';
import { effectText, takeOverUsers } from './users-effect.ts';

export const userAdd: Command = {
  words: ['user', 'add'],
  summary: 'Add a user, or give one a new password',
  details:
    'Asks for the password twice; without a terminal it is the first line of the input. Effective at once when the relay is running. What the user may do stands under users in sending.yaml; without an entry there: everything, as tenant default.',
  args: [{ name: 'name', doc: 'letters, digits and . _ @ + = -' }],
  options: [{ flags: '--generate', doc: 'make a password and print it' }],
  examples: [
    ['postilion user add app1', 'asks for the password'],
    ['postilion user add app1 < secret.txt', 'reads it'],
    ['postilion user add app1 --generate > secret.txt', 'makes one'],
  ],
  async run(call) {
    const { terminal, random } = call.deps;
    const name = given(call, 'name');
    if (!USER_NAME.test(name)) {
      throw new OperatorError(`'${name}' cannot be the name of a user: letters, digits and . _ @ + = -`, EXIT.usage);
    }
    const folders = getFolders(call);
    const isMade = call.options['generate'] === true;
    const password = isMade ? makePassword(random) : await readPassword(terminal, name);
    const hash = await hashPassword(password);
    let isNew = true;
    changeUsers(folders.spool, (users: Users) => {
      isNew = !users.some((user) => user.name === name);
      return withUser(users, { name, hash });
    });
    const isInForce = await takeOverUsers(folders, terminal);
    if (call.json) {
      const result = { name, added: isNew, in_force: isInForce, ...(isMade ? { password } : {}) };
      await terminal.out(`${JSON.stringify(result)}\n`);
    } else {
      // The password alone on the output, so that it can go into a file.
      if (isMade) await terminal.out(`${password}\n`);
      await terminal.note(`${name}: ${isNew ? 'added' : 'new password'}; ${effectText(isInForce)}\n`);
    }
    return EXIT.ok;
  },
};
