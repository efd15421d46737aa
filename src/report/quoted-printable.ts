// Quoted-printable (RFC 2045 section 6.7): octets over 127 in lines that any server takes. Text only, ended by CRLF.

const LINE_MAX = 76;

/** `text`: lines end in CRLF. */
export function quotedPrintable(text: Buffer): string {
  return text.toString('latin1').split('\r\n').map(encodeLine).join('\r\n');
}

function encodeLine(line: string): string {
  const lines: string[] = [];
  let current = '';
  for (const [at, character] of Array.from(line).entries()) {
    const code = character.charCodeAt(0);
    const isBlank = code === 32 || code === 9;
    const isPlain = (code > 32 && code < 127 && code !== 61) || (isBlank && at < line.length - 1);
    const piece = isPlain ? character : `=${code.toString(16).toUpperCase().padStart(2, '0')}`;
    if (current.length + piece.length > LINE_MAX - 1) {
      lines.push(`${current}=`);
      current = '';
    }
    current += piece;
  }
  return [...lines, current].join('\r\n');
}
