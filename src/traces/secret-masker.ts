import type { JsonValue } from '../common/json.js';
import { PatternAutomaton } from './pattern-automaton.js';
import { secretForms } from './secret-forms.js';
import { markUserinfo, USERINFO_CONTEXT_BYTES } from './url-userinfo.js';

const MASK = Buffer.from('***');
const NOTHING = Buffer.alloc(0);

/**
 * Replaces secrets by `***`: every run of bytes that belong to a form of a registered secret, or to the userinfo of a URL.
 * All other bytes, valid UTF-8 or not, stay as they are. A safety net: a program can always print a secret in a form
 * that nobody foresaw.
 */
export class SecretMasker {
  private readonly forms = new Set<string>();
  private automaton: PatternAutomaton | undefined;

  constructor(secrets: Iterable<string> = []) {
    for (const secret of secrets) this.add(secret);
  }

  /** @returns false when the secret is too short (SECRET_BYTES_MIN) to be masked */
  add(secret: string): boolean {
    const forms = secretForms(secret);
    for (const form of forms) this.forms.add(form);
    this.automaton = undefined;
    return forms.size > 0;
  }

  mask(text: string): string {
    const bytes = Buffer.from(text);
    const stream = this.stream();
    const masked = Buffer.concat([stream.push(bytes), stream.flush()]);
    return masked.equals(bytes) ? text : masked.toString();
  }

  /** The same value with every text in it masked, names of members too; a number that is a secret becomes a text. */
  maskJson<T extends JsonValue>(value: T): T;
  maskJson(value: JsonValue | undefined): JsonValue | undefined {
    if (value === null || value === undefined) return value;
    if (Array.isArray(value)) return value.map((item) => this.maskJson(item));
    if (typeof value === 'object') {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [this.mask(key), this.maskJson(item)]),
      );
    }
    const text = String(value);
    const masked = this.mask(text);
    return masked === text ? value : masked;
  }

  /** For bytes that arrive in chunks: a secret that is cut by a chunk border is still found. */
  stream(): MaskedStream {
    return new MaskedStream((data, marks) => this.mark(data, marks));
  }

  private mark(data: Buffer, marks: Uint8Array): number {
    this.automaton ??= new PatternAutomaton(this.forms);
    return Math.min(this.automaton.mark(data, marks), markUserinfo(data.toString('latin1'), marks));
  }
}

/**
 * Holds back only bytes that could be the beginning of something secret. However the input is cut into chunks, the
 * concatenated output is the same.
 */
export class MaskedStream {
  /** The last bytes given out, which are what a URL is recognised by, then the bytes held back. */
  private data: Buffer = NOTHING;
  private marks = new Uint8Array(0);
  private given = 0;
  private insideMask = false;

  /** @param mark marks secret bytes; returns the index from which on more input may change the marks */
  constructor(private readonly mark: (data: Buffer, marks: Uint8Array) => number) {}

  push(chunk: Buffer): Buffer {
    const data = Buffer.concat([this.data, chunk]);
    const marks = new Uint8Array(data.length);
    marks.set(this.marks);
    const end = Math.max(this.given, this.mark(data, marks));
    const output = this.release(data, marks, this.given, end);
    const kept = Math.max(0, end - USERINFO_CONTEXT_BYTES);
    this.data = Buffer.from(data.subarray(kept));
    this.marks = marks.slice(kept);
    this.given = end - kept;
    return output;
  }

  /** What is still held back: there is no more input. */
  flush(): Buffer {
    const output = this.release(this.data, this.marks, this.given, this.data.length);
    this.data = NOTHING;
    this.marks = new Uint8Array(0);
    this.given = 0;
    this.insideMask = false;
    return output;
  }

  private release(data: Buffer, marks: Uint8Array, start: number, end: number): Buffer {
    const parts: Buffer[] = [];
    for (let from = start; from < end;) {
      const secret = marks[from] === 1;
      const found = marks.indexOf(secret ? 0 : 1, from);
      const to = found === -1 || found > end ? end : found;
      if (!secret) parts.push(data.subarray(from, to));
      else if (!this.insideMask) parts.push(MASK);
      this.insideMask = secret;
      from = to;
    }
    return Buffer.concat(parts);
  }
}
