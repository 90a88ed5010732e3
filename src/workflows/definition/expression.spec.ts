import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonValue } from '../../common/json.js';
import { compile, type Scope } from './expression.js';
import { referencesOf } from './references.js';
import { parseTemplate, render } from './template.js';

const VARIABLES = ['event', 'inputs', 'steps', 'item'] as const;

function value(text: string, scope: Scope = {}): JsonValue {
  const made = compile(text, VARIABLES);
  if (!made.ok) throw new Error(made.message);
  const evaluated = made.expression.evaluate({ event: {}, inputs: {}, steps: {}, item: null, ...scope });
  if (!evaluated.ok) throw new Error(evaluated.message);
  return evaluated.value;
}

describe('an expression', () => {
  it('calculates with numbers of JSON, whether or not they are whole', () => {
    const event = { count: 3, load: 1.5, whole: 80 };
    expect(value('event.count + 1', { event })).toBe(4);
    expect(value('event.load * 2', { event })).toBe(3);
    expect(value('[0, 1, 2, 30][event.count] + event.whole % 7', { event })).toBe(33);
    expect(value('event.whole > 79.5 && event.load < 2', { event })).toBe(true);
    expect(value('{"list": [event.count, "a"], "none": null}', { event })).toEqual({
      list: [3, 'a'],
      none: null,
    });
  });

  it('gives back every JSON value as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (json) => {
        const item = JSON.parse(JSON.stringify(json)) as JsonValue;
        if (JSON.stringify(item).includes('__proto__')) return;
        expect(JSON.stringify(value('item', { item }))).toBe(JSON.stringify(item));
      }),
    );
  });

  it('says what is wrong instead of throwing', () => {
    const made = compile('event.data.branch', VARIABLES);
    expect(made.ok && made.expression.evaluate({ event: { data: {} } })).toEqual({
      ok: false,
      message: '"event.data.branch": No such key: branch',
    });
    expect(made.ok && made.expression.holds({ event: { data: { branch: 'main' } } })).toMatchObject({
      message: expect.stringContaining('must give true or false'),
    });
  });

  it('reaches nothing but what it is given', () => {
    for (const text of ['event.constructor', 'event.__proto__', '"".constructor', 'event["constructor"]']) {
      expect(() => value(text)).toThrow();
    }
    expect(compile('process.exit()', VARIABLES).ok).toBe(false);
    expect(compile('item', ['event']).ok).toBe(false);
  });

  it('is ended when it takes too long, a loop as well as a regular expression', () => {
    const list = Array.from({ length: 3_000 }, (_, index) => index);
    const slow = [
      'inputs.list.map(a, inputs.list.map(b, inputs.list.exists(c, c == -1)))',
      'inputs.text.matches("^(a+)+$")',
    ];
    for (const text of slow) {
      expect(() => value(text, { inputs: { list, text: `${'a'.repeat(60)}b` } })).toThrow(
        /longer than a second/,
      );
    }
  });

  it('has a bounded size, and so has its value', () => {
    expect(compile(`"${'a'.repeat(5_000)}"`, VARIABLES)).toMatchObject({ ok: false });
    expect(compile(Array.from({ length: 600 }, () => '1').join('+'), VARIABLES)).toMatchObject({ ok: false });
    const list = Array.from({ length: 20_000 }, () => 'abcdefghij');
    expect(() => value('inputs.list.map(a, a + a)', { inputs: { list } })).toThrow(/larger than/);
  });

  it('knows what it reads', () => {
    const made = compile(
      'steps.a.status == "x" && steps["b"].?c.hasValue() || inputs.d in event.list',
      VARIABLES,
    );
    expect(made.ok && referencesOf(made.expression)).toEqual({
      steps: new Set(['a', 'b']),
      inputs: new Set(['d']),
      variables: new Set(['steps', 'inputs', 'event']),
      anyStep: false,
    });
    const any = compile('steps[inputs.name].status', VARIABLES);
    expect(any.ok && referencesOf(any.expression).anyStep).toBe(true);
  });
});

describe('a template', () => {
  it('becomes the value of its expression where it is nothing else, and text within text', () => {
    const scope = { inputs: { n: 2, list: ['a'], none: null } };
    const rendered = render(
      {
        whole: '${{ inputs.list }}',
        text: 'n=${{ inputs.n }}, ${{ inputs.list }}!',
        plain: '$ { }',
        none: '${{ inputs.none }}',
      },
      VARIABLES,
      scope,
    );
    expect(rendered).toEqual({
      ok: true,
      value: { whole: ['a'], text: 'n=2, ["a"]!', plain: '$ { }', none: null },
    });
  });

  it('may hold braces and quotes of its own', () => {
    const rendered = render('${{ {"a": {"b": "}}"}} }}', VARIABLES, {});
    expect(rendered).toEqual({ ok: true, value: { a: { b: '}}' } } });
    expect(parseTemplate('${{ "}}" ', VARIABLES)).toMatchObject({ ok: false, code: 'BAD_TEMPLATE' });
  });

  it('is never rendered a second time: what a value holds stays text', () => {
    expect(render('${{ inputs.x }}', VARIABLES, { inputs: { x: '${{ inputs.secret }}' } })).toEqual({
      ok: true,
      value: '${{ inputs.secret }}',
    });
  });

  it('hands any text to a shell as one word', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const scope = { inputs: { text } };
        const rendered = render('printf %s ${{ shell(inputs.text) }}', VARIABLES, scope);
        expect(rendered.ok).toBe(true);
        const said = execFileSync('bash', ['-c', (rendered as { value: string }).value], {
          encoding: 'utf8',
        });
        expect(said).toBe(text.toWellFormed().replaceAll('\0', ''));
      }),
      { numRuns: 60, examples: [[`'; touch /tmp/owned; '`], ['$(id) `id` $HOME \\ " \n *']] },
    );
  });
});
