// Messages that signers and verifiers are known to disagree about, by what is awkward in them.

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Without the empty line. */
export function plainHeader(from = 'a@example.org'): string {
  return `From: A <${from}>\r\nTo: b@example.net\r\nSubject: hello\r\nDate: Sun, 1 Nov 2026 00:00:00 +0000\r\n`;
}

export function awkwardMail(from?: string): Readonly<Record<string, Buffer>> {
  const header = plainHeader(from);
  return {
    plain: latin1(`${header}\r\nhello\r\n`),
    'empty body': latin1(`${header}\r\n`),
    'no body': latin1(header),
    'no final CRLF': latin1(`${header}\r\nhello`),
    'trailing blank lines': latin1(`${header}\r\nhello\r\n\r\n\r\n`),
    'only blank lines': latin1(`${header}\r\n\r\n\r\n`),
    'lines of white space at the end': latin1(`${header}\r\nhello\r\n \t\r\n\t\r\n \r\n`),
    'only white space': latin1(`${header}\r\n \t\r\n`),
    'Latin-1 body': latin1(`${header}\r\ncaf\u00e9 \u00a0 x\r\n`),
    'UTF-8 with NBSP': Buffer.from(`${header}\r\n\u00a0x \u00a0\u2003y\u00a0\r\n`),
    'NBSP in header': latin1(`${header}X-Y: z\r\nReply-To: \u00a0n\u00a0b\u00a0\r\n\r\nbody\r\n`),
    'folded header': latin1(`${header}References: <a@b>\r\n\t<c@d>\r\n   <e@f>\r\n\r\nbody\r\n`),
    'folds that hold nothing': latin1(`${header}Reply-To:\r\n \r\n\tr@example.org \r\n \t\r\n\r\nbody\r\n`),
    'empty fields': latin1(`${header}Cc:\r\nReply-To: \r\n\r\nbody\r\n`),
    'colons and cases': latin1(`${header}rePLY-to: r:e:p <r@example.org>\r\n\r\nbody\r\n`),
    'duplicate fields': latin1(
      `${header}Subject: second\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\nb\r\n`,
    ),
    '8-bit header': Buffer.from(`${header}Comments: x\r\nSender: \u00e9\u00e8 <s@example.org>\r\n\r\nb\r\n`),
    'Latin-1 header': latin1(`${header}Sender: \u00e9\u00e8 <s@example.org>\r\n\r\nb\r\n`),
    'tabs and runs': latin1(`${header}\r\n a\t\tb   c \t\r\n\t\r\nd\r\n`),
    'tabs in a header field': latin1(`${header}Reply-To:\tx \t y\t<r@example.org>\t\r\n\r\nb\r\n`),
    'VT and FF': latin1(`${header}\r\n\u000b a \u000c\r\n\u000c\r\n`),
    'VT and FF in a header field': latin1(`${header}Reply-To: x\u000bx \u000c<r@example.org>\u000b\r\n\r\nb\r\n`),
    'dots at line starts': latin1(`${header}\r\n.\r\n..\r\n.a\r\n`),
    'a long line': latin1(`${header}\r\n${'x'.repeat(998)}\r\n`),
    'an invitation': latin1(
      `${header}MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nlunch?\r\n--x\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nATTENDEE;RSVP=TRUE:mailto:\r\n b@example.net\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n--x--\r\n`,
    ),
    'lists and other Content fields': latin1(
      `${header}MIME-Version: 1.0\r\nContent-Foo: bar\r\nList-Id: <l.example.org>\r\nList-Unsubscribe: <https://example.org/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nb\r\n`,
    ),
    'five megabytes': latin1(`${header}\r\n${'0123456789 abcdef  ghijkl\t\r\n'.repeat(200_000)}`),
  };
}
