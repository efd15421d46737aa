// Dates as mail has them: RFC 5322 section 3.3, always UTC.

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

/** The second last asked for: under load it is asked for many times. */
let last = { second: Number.NaN, text: '' };

/** `at`: ms since 1970. */
export function formatDate(at: number): string {
  const second = Math.floor(at / 1000);
  if (second !== last.second) last = { second, text: format(new Date(at)) };
  return last.text;
}

function format(date: Date): string {
  const day = `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`;
}
