// DKIM signatures as data (RFC 6376, RFC 8463): which header fields are signed, in which canonical form, and the field
// that results. No keys and no cryptography here: `egress/dkim-signer.ts` has them. Octets travel as latin1 strings, so that
// nothing but space and tab is ever taken for white space.

export type Algorithm = 'rsa-sha256' | 'ed25519-sha256';
/** As wished for: a header that receivers would read in two ways is signed in the simple form (`SignedHeader.form`). */
export type Canonicalization = 'relaxed/relaxed' | 'relaxed/simple';

export interface SignatureTerms {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: Algorithm;
  readonly canonicalization: Canonicalization;
  /** Base64 SHA-256 of the body in the form that `canonicalization` names. */
  readonly bodyHash: string;
  /** Seconds since 1970: the instant of acceptance, so that every copy has the same octets. */
  readonly signedAt: number;
  /** Seconds since 1970 (x=). */
  readonly expiresAt?: number;
}

/** What must be signed, and what the field is once it is. */
export interface PreparedSignature {
  /** The octets to sign, as latin1. For ed25519-sha256 their SHA-256 is what the key signs (RFC 8463 section 3). */
  readonly input: string;
  /** The whole field, CRLF included. `signature`: base64. */
  field(signature: string): string;
}

/**
 * Signed wherever they stand, and once more than they stand ("oversigned"): a second one added on the way breaks the
 * signature instead of being shown to the reader. RFC 6376 section 8.15.
 */
const OVERSIGNED = [
  'From',
  'Sender',
  'Reply-To',
  'To',
  'Cc',
  'Subject',
  'Date',
  'Message-ID',
  'In-Reply-To',
  'References',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
  'Content-Disposition',
  'Content-ID',
  'Content-Description',
  'Content-Language',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
  'List-Id',
  'Feedback-ID',
  'CFBL-Address',
];
const LISTED: ReadonlyMap<string, string> = new Map(OVERSIGNED.map((name) => [name.toLowerCase(), name]));

/** A field name may hold `;` and `=` (RFC 5322 section 2.2), which would be tags of the signature. */
const OTHER_CONTENT = /^content-[a-z0-9-]{1,70}$/;
/** Different names: each makes every signature longer, and servers take headers of some size only. */
const OTHERS_MAX = 50;

export interface HeaderField {
  /** As written, white space before the colon removed. */
  readonly name: string;
  /** The field as it stands, without its final CRLF. */
  readonly raw: string;
}

/** Fields of a header section (octets before the empty line, as latin1). Lines that are no field are left out. */
export function headerFields(section: string): readonly HeaderField[] {
  const fields: HeaderField[] = [];
  for (const raw of section.split(/\r\n(?![ \t])/)) {
    const colon = raw.indexOf(':');
    if (colon > 0) fields.push({ name: raw.slice(0, colon).replace(/[ \t]+$/, ''), raw });
  }
  return fields;
}

const UNREDUCED = /[\r\t]| {2}/;

/** RFC 6376 section 3.4.2, without the final CRLF. */
export function relaxedField({ name, raw }: HeaderField): string {
  let value = raw.slice(raw.indexOf(':') + 1);
  if (UNREDUCED.test(value)) value = value.replace(/\r\n/g, '').replace(/[ \t]+/g, ' ');
  const from = value.startsWith(' ') ? 1 : 0;
  const to = value.endsWith(' ') ? value.length - 1 : value.length;
  return `${name.toLowerCase()}:${value.slice(from, Math.max(from, to))}`;
}

/** A header as far as it is signed: the same for every signature of a message. */
export interface SignedHeader {
  /**
   * simple: a signed field holds VT or FF. They are no white space (RFC 6376 section 2.8), but OpenDKIM reduces them in the
   * relaxed form as if they were, so only the form in which nobody reduces anything is read alike by all.
   */
  readonly form: 'relaxed' | 'simple';
  /** The tag h=, folded, without the `;`. */
  readonly names: string;
  /** The same as it is in relaxed form. */
  readonly relaxedNames: string;
  /** The selected fields in canonical form, each with its CRLF. */
  readonly text: string;
}

const READ_IN_TWO_WAYS = /[\v\f]/;

/** Names for h=, and the fields they select in that order: the last of equal names first (section 5.4.2). */
export function signedHeader(fields: readonly HeaderField[]): SignedHeader {
  const { names, selected } = select(fields);
  const form = selected.some(({ raw }) => READ_IN_TWO_WAYS.test(raw)) ? 'simple' : 'relaxed';
  let text = '';
  for (const field of selected) text += `${form === 'relaxed' ? relaxedField(field) : field.raw}\r\n`;
  return { form, ...foldNames(names), text };
}

interface Selection {
  readonly names: readonly string[];
  readonly selected: readonly HeaderField[];
}

function select(fields: readonly HeaderField[]): Selection {
  const byName = new Map<string, HeaderField[]>();
  const names: string[] = [];
  const selected: HeaderField[] = [];
  /** Content fields of names that are not in the list: after those. */
  const others: string[] = [];
  for (const field of fields) {
    const lower = field.name.toLowerCase();
    const isListed = LISTED.has(lower);
    if (!isListed && !OTHER_CONTENT.test(lower)) continue;
    const same = byName.get(lower);
    if (same !== undefined) same.push(field);
    else if (isListed || others.length < OTHERS_MAX) {
      byName.set(lower, [field]);
      if (!isListed) others.push(lower);
    }
  }
  const take = (lower: string, name: string): void => {
    const same = byName.get(lower);
    for (let at = (same?.length ?? 0) - 1; at >= 0; at--) {
      names.push(name);
      selected.push(same?.[at] as HeaderField);
    }
    names.push(name); // the one that must not be added
  };
  for (const [lower, name] of LISTED) take(lower, name);
  for (const lower of others) take(lower, byName.get(lower)?.[0]?.name ?? lower);
  return { names, selected };
}

/** `h=` with all names in lines of at most 76 octets, and how that looks in relaxed form. */
function foldNames(names: readonly string[]): Pick<SignedHeader, 'names' | 'relaxedNames'> {
  let folded = ' h=';
  let relaxed = ' h=';
  let column = folded.length;
  names.forEach((name, at) => {
    const mark = at === 0 ? '' : ':';
    if (column + mark.length + name.length > 75) {
      folded += `${mark}\r\n  ${name}`;
      relaxed += `${mark} ${name}`;
      column = 2 + name.length;
    } else {
      folded += `${mark}${name}`;
      relaxed += `${mark}${name}`;
      column += mark.length + name.length;
    }
  });
  return { names: folded, relaxedNames: relaxed };
}

export function prepareSignature(header: SignedHeader, terms: SignatureTerms): PreparedSignature {
  const { form, names, relaxedNames, text } = header;
  const bodyForm = terms.canonicalization === 'relaxed/relaxed' ? 'relaxed' : 'simple';
  const expiry = terms.expiresAt === undefined ? '' : ` x=${terms.expiresAt};`;
  const how = `v=1; a=${terms.algorithm}; c=${form}/${bodyForm};`;
  const who = ` d=${terms.domain}; s=${terms.selector}; t=${terms.signedAt};${expiry}`;
  const last = ` bh=${terms.bodyHash};`;
  const head = `DKIM-Signature: ${how}\r\n${who}\r\n${names};\r\n${last}\r\n b=`;
  const own = form === 'relaxed' ? `dkim-signature:${how}${who}${relaxedNames};${last} b=` : head;
  return { input: `${text}${own}`, field: (signature) => `${head}${foldBase64(signature)}\r\n` };
}

/** `text`: base64. */
function foldBase64(text: string): string {
  let folded = text.slice(0, 72);
  for (let at = 72; at < text.length; at += 72) folded += `\r\n  ${text.slice(at, at + 72)}`;
  return folded;
}
