import type { Violation } from '../common/errors.js';

const DEPTH_MAX = 64;
const MEMBERS_MAX = 10_000;
const VIOLATIONS_MAX = 20;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor']);

type Container = { array: boolean; key: string | number; keys: Set<string>; members: number };

/**
 * What a JSON text holds that no later step shall ever see: nesting that exhausts the stack of a validator, keys that
 * reach a prototype, the same key twice (parsers disagree on which counts), text that PostgreSQL cannot store, numbers
 * that change when they are read. The text may be malformed; JSON.parse says so afterwards.
 *
 * One pass over the text, since parsed values no longer show numbers or keys as they were written.
 */
export function hostileParts(text: string): Violation[] {
  const scan = new Scan(text);
  scan.run();
  return scan.violations;
}

class Scan {
  readonly violations: Violation[] = [];
  private readonly stack: Container[] = [];
  private at = 0;

  constructor(private readonly text: string) {}

  run(): void {
    for (; this.at < this.text.length && this.violations.length < VIOLATIONS_MAX; this.at += 1) {
      const character = this.text.charCodeAt(this.at);
      if (character === 0x22) this.string();
      else if (character === 0x7b || character === 0x5b) {
        if (!this.open(character === 0x5b)) return;
      } else if (character === 0x7d || character === 0x5d) this.stack.pop();
      else if (character === 0x2c) this.nextItem();
      else if (character === 0x2d || (character >= 0x30 && character <= 0x39)) this.number();
    }
  }

  private open(array: boolean): boolean {
    if (this.stack.length === DEPTH_MAX) {
      this.report('TOO_DEEP', `Nested more than ${DEPTH_MAX} levels deep.`);
      return false;
    }
    this.stack.push({ array, key: array ? 0 : '', keys: new Set(), members: 0 });
    return true;
  }

  private nextItem(): void {
    const container = this.stack.at(-1);
    if (container === undefined) return;
    container.members += 1;
    if (container.members === MEMBERS_MAX) {
      this.report('TOO_MANY_MEMBERS', `More than ${MEMBERS_MAX} members in one object or array.`);
    }
    if (container.array) container.key = (container.key as number) + 1;
  }

  private string(): void {
    const start = this.at;
    for (this.at += 1; this.at < this.text.length; this.at += 1) {
      const character = this.text.charCodeAt(this.at);
      if (character === 0x5c) this.at += 1;
      else if (character === 0x22) break;
    }
    const raw = this.text.slice(start, this.at + 1);
    const value = raw.includes('\\') ? decoded(raw) : raw.slice(1, -1);
    if (value === undefined) return;
    if (this.isKey()) this.memberKey(value);
    if (!value.isWellFormed()) this.report('LONE_SURROGATE', 'Holds half of a surrogate pair.');
    if (value.includes('\0')) this.report('NUL_CHARACTER', 'Holds the character U+0000.');
  }

  private isKey(): boolean {
    if (this.stack.at(-1)?.array !== false) return false;
    let next = this.at + 1;
    while (/\s/.test(this.text.charAt(next))) next += 1;
    return this.text.charAt(next) === ':';
  }

  private memberKey(key: string): void {
    const container = this.stack.at(-1)!;
    container.key = key;
    if (FORBIDDEN_KEYS.has(key)) this.report('FORBIDDEN_KEY', `The key ${key} is not allowed.`);
    if (container.keys.has(key)) this.report('DUPLICATE_KEY', 'The same key stands twice in one object.');
    container.keys.add(key);
  }

  private number(): void {
    const token = /[-+0-9.eE]+/y;
    token.lastIndex = this.at;
    const [text] = token.exec(this.text)!;
    this.at += text.length - 1;
    if (!survives(text))
      this.report('NUMBER_NOT_EXACT', `The number ${text.slice(0, 40)} would be changed by reading it.`);
  }

  private report(code: string, message: string): void {
    this.violations.push({ pointer: this.pointer(), code, message });
  }

  private pointer(): string {
    return this.stack
      .map(({ key }) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`)
      .join('');
  }
}

function decoded(raw: string): string | undefined {
  try {
    return JSON.parse(raw) as string;
  } catch {
    return undefined;
  }
}

/** 17 significant digits are more than a double can tell apart; integers must lie in the safe range. */
function survives(text: string): boolean {
  const value = Number(text);
  if (Number.isNaN(value)) return true;
  if (!Number.isFinite(value)) return false;
  if (Number.isInteger(value) && /^-?\d+$/.test(text)) return Number.isSafeInteger(value);
  const digits = text
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '')
    .replace(/0+$/, '');
  return digits.length <= 17 && !(value === 0 && digits.length > 0);
}
