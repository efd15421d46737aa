// postilion campaign list: campaigns, and what is answered to them.
import { EXIT, OperatorError } from '../base/errors.ts';
import { CAMPAIGNS_MAX } from '../control/api.ts';
import type { CampaignReport } from '../flow/operations.ts';
import { type Command, optionText } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { countText } from './progress.ts';
import { type Column, tableText } from './table.ts';

export const campaignList: Command = {
  words: ['campaign', 'list'],
  summary: 'List campaigns, and how much of each goes wrong',
  details:
    'answered, bounces, spam and blocks: within the window of `breaker` in sending.yaml. bounces: the recipient is not there. spam: refused for what it says. blocks: the source or the sending domain is blocked. A campaign that a reply has suspended says until when, and which reply.',
  options: [
    { flags: '--tenant <name>', doc: 'only those of this tenant' },
    { flags: '--campaigns <n>', doc: 'campaigns to show, those with most mail first (20)' },
  ],
  examples: [
    ['postilion campaign list', 'state, waiting mail and figures of each'],
    ['postilion campaign list --tenant acme --json', 'for a program'],
  ],
  async run(call) {
    const { terminal } = call.deps;
    const campaigns = optionText(call, 'campaigns') ?? '20';
    if (!/^[1-9]\d{0,4}$/.test(campaigns) || Number(campaigns) > CAMPAIGNS_MAX) {
      throw new OperatorError(`--campaigns takes a number up to ${CAMPAIGNS_MAX}, not '${campaigns}'`, EXIT.usage);
    }
    const tenant = optionText(call, 'tenant');
    const query = { campaigns, ...(tenant !== undefined && { tenant }) };
    const found = await ask(getFolders(call), 'GET /v1/campaigns', undefined, { query });
    await terminal.out(call.json ? `${JSON.stringify(found)}\n` : listText(found, terminal.outColumns));
    return EXIT.ok;
  },
};

function listText(found: readonly CampaignReport[], columns?: number): string {
  return found.length === 0 ? 'no campaign waits, and none was answered lately\n' : tableText(COLUMNS, found, columns);
}

const COLUMNS: readonly Column<CampaignReport>[] = [
  { title: 'campaign', of: ({ tenant, campaign }) => `${tenant}/${campaign}` },
  { title: 'state', of: ({ state }) => state },
  { title: 'waiting', of: ({ waiting }) => countText(waiting), align: 'right' },
  { title: 'in flight', of: ({ inFlight }) => countText(inFlight), align: 'right' },
  { title: 'answered', of: ({ figures }) => countText(figures?.answered ?? 0), align: 'right' },
  { title: 'bounces', of: ({ figures }) => shareText(figures?.bounces, figures?.answered), align: 'right' },
  { title: 'spam', of: ({ figures }) => shareText(figures?.spam, figures?.answered), align: 'right' },
  { title: 'blocks', of: ({ figures }) => shareText(figures?.blocks, figures?.answered), align: 'right' },
  { title: 'pool', of: ({ pool }) => pool ?? '' },
  { title: 'why', of: ({ why }) => why ?? '' },
];

function shareText(found = 0, answered = 0): string {
  return answered === 0 ? '' : `${((100 * found) / answered).toFixed(1)}%`;
}
