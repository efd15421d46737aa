// xtext of RFC 3461 section 4: printable ASCII but `+` and `=`, anything else as `+HH`.

const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/;
const CONTROL = /[\x00-\x1f\x7f]/;

export function isXtext(text: string): boolean {
  return XTEXT.test(text);
}

/** Decodes to one character per octet. `text` must be xtext. */
export function decodeXtext(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** xtext that hides no control octet: `+0D+0A` would come out as a new line in a DSN. */
export function isCleanXtext(text: string): boolean {
  return XTEXT.test(text) && !CONTROL.test(decodeXtext(text));
}

/** Octets over 126, controls, space, `+` and `=` become `+HH`. */
export function encodeXtext(text: string): string {
  let encoded = '';
  for (const octet of Buffer.from(text)) {
    encoded +=
      octet > 32 && octet < 127 && octet !== 43 && octet !== 61
        ? String.fromCharCode(octet)
        : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
