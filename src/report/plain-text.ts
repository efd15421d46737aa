// What others said, as text that a report may repeat: no octet of it makes a line, a field or a part of its own, turns the
// reading direction, or makes a line that is too long. Pure.

/** Controls, also those of Unicode that move or hide what stands around them. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;
/** RFC 5322 section 2.1.1 allows 998 octets; some room for what stands in front. */
const LINE_OCTETS_MAX = 900;
const FOLDED_CHARS_MAX = 76;

export function safe(text: string): string {
  return text.replace(UNSAFE, ' ');
}

/** Pieces of at most so many octets in UTF-8, no character cut in two. At least one. */
export function pieces(text: string, octetsMax = LINE_OCTETS_MAX): readonly string[] {
  if (text.length * 3 <= octetsMax) return [text];
  const found: string[] = [];
  let piece = '';
  let octets = 0;
  for (const character of text) {
    const more = Buffer.byteLength(character);
    if (octets + more > octetsMax) {
      found.push(piece);
      piece = '';
      octets = 0;
    }
    piece += character;
    octets += more;
  }
  return [...found, piece];
}

/** The first so many octets, and a mark where more was cut off. */
export function shortened(text: string, octetsMax: number): string {
  const [first = ''] = pieces(text.slice(0, octetsMax), octetsMax);
  return first.length < text.length ? `${first}…` : first;
}

/** A header field as it is, for programs that look at lines; on several only when it is longer than a line may be. */
export function oneLine(field: string): string {
  return pieces(field)
    .filter((piece) => /\S/.test(piece))
    .join('\r\n ');
}

/** A header field on lines of 76 characters where its words allow it. No line is empty or white space alone. */
export function folded(field: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of field.split(/ +/).flatMap((one) => pieces(one))) {
    if (line !== '' && line.length + word.length + 1 > FOLDED_CHARS_MAX) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].filter((one) => one !== '').join('\r\n ');
}
