/** Shorter values would black out ordinary words; whoever needs them secret must make them longer. */
export const SECRET_BYTES_MIN = 6;

/**
 * Every byte form (as latin1 strings) in which a secret usually shows up in output: as it is, base64 at any offset inside
 * a longer text, URL, JSON, XML and shell escaped, and, as tools re-indent and interleave, each of its lines.
 * Empty when the secret has fewer than SECRET_BYTES_MIN bytes.
 */
export function secretForms(secret: string): Set<string> {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  const forms = [secret, ...lines]
    .filter(longEnough)
    .flatMap((text) => [...textForms(text).map(bytesOf), ...base64Forms(text)]);
  return new Set(forms.filter((form) => form.length >= SECRET_BYTES_MIN));
}

function longEnough(text: string): boolean {
  return Buffer.byteLength(text) >= SECRET_BYTES_MIN;
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function textForms(text: string): string[] {
  return [text, ...urlForms(text), ...jsonForms(text), ...shellForms(text), xmlForm(text)];
}

function urlForms(text: string): string[] {
  const wellFormed = text.toWellFormed();
  const component = encodeURIComponent(wellFormed);
  const form = new URLSearchParams([['', wellFormed]]).toString().slice(1);
  const all = [encodeURI(wellFormed), component, form, form.replaceAll('+', '%20')];
  return [...all, ...all.map((each) => each.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()))];
}

/** JavaScript's form; Python's, which leaves ASCII only; Go's, which hides HTML; PHP's, which escapes the slash. */
function jsonForms(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const escape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return [
    json,
    json.replace(/[\u007f-\uffff]/g, escape),
    json.replace(/[<>&\u2028\u2029]/g, escape),
    json.replaceAll('/', '\\/'),
  ];
}

/** Inside '...' as bash and as Python's shlex write it, inside "...", as `printf %q`, and inside $'...' (`set -x`). */
function shellForms(text: string): string[] {
  const ansi: Readonly<Record<string, string>> = {
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\x1b': '\\E',
    "'": "\\'",
    '\\': '\\\\',
  };
  return [
    text.replaceAll("'", `'\\''`),
    text.replaceAll("'", `'"'"'`),
    text.replace(/[\\"$`]/g, '\\$&'),
    text.replace(/[^\w@%+=:./~#\-\u0080-\uffff]/g, '\\$&'),
    // eslint-disable-next-line no-control-regex -- exactly the control characters that bash escapes
    text.replace(/[\n\r\t\x1b'\\]/g, (char) => ansi[char]),
  ];
}

function xmlForm(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (char) => entities[char]);
}

/**
 * base64 packs three bytes into four characters, so a secret inside a longer text has three forms, by its offset modulo
 * three. Only the characters that depend on no neighbour are the same every time. `base64` breaks at 76, openssl at 64.
 */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text);
  const whole = bytes.toString('base64');
  const inner = [0, 1, 2].map((offset) => {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes]);
    return shifted
      .toString('base64')
      .slice(Math.ceil((offset * 8) / 6), Math.floor((shifted.length * 8) / 6));
  });
  const all = [whole, whole.replace(/=+$/, ''), ...inner, ...rows(whole, 64), ...rows(whole, 76)];
  return [...all, ...all.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))];
}

function rows(base64: string, columns: number): string[] {
  return base64.length > columns ? base64.match(new RegExp(`.{1,${columns}}`, 'g'))! : [];
}
