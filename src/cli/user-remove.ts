// postilion user remove: a user cannot log in any more. Its mail stays.
import { EXIT, OperatorError } from '../base/errors.ts';
import { changeUsers, loadUsers, withoutUser } from '../config/users.ts';
import { type Command, given } from './command.ts';
import { getFolders } from './folders.ts';
import { effectText, takeOverUsers } from './users-effect.ts';

export const userRemove: Command = {
  words: ['user', 'remove'],
  summary: 'Remove a user',
  details: 'Its mail that waits is still delivered. Sessions that are logged in end with their next message.',
  args: [{ name: 'name', doc: 'as in `postilion user list`' }],
  examples: [['postilion user remove app1', 'exit code 1 when there is none']],
  async run(call) {
    const name = given(call, 'name');
    const folders = getFolders(call);
    const loaded = loadUsers(folders.spool);
    if ('users' in loaded && !loaded.users.some((user) => user.name === name)) {
      throw new OperatorError(`there is no user ${name}`, EXIT.no);
    }
    changeUsers(folders.spool, (users) => withoutUser(users, name));
    const isInForce = await takeOverUsers(folders, call.deps.terminal);
    await call.deps.terminal.out(
      call.json
        ? `${JSON.stringify({ name, removed: true, in_force: isInForce })}\n`
        : `${name}: removed; ${effectText(isInForce)}\n`,
    );
    return EXIT.ok;
  },
};
