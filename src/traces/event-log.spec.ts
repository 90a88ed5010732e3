import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chainFaults } from './event-chain.js';
import { EVENT_DATA_BYTES_MAX, EventLog } from './event-log.js';
import { RunClock } from './run-clock.js';
import { SecretMasker } from './secret-masker.js';

const START = new Date('2026-11-22T10:00:00.000Z');

describe('EventLog', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jct-events-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const create = (): Promise<EventLog> =>
    EventLog.create(folder, new RunClock(START), new SecretMasker(['hunter2!']));
  const read = async (): Promise<string> => readFile(join(folder, 'events.jsonl'), 'utf8');
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

  it('writes one chained JSON object a line, masked, in the order of the calls', async () => {
    const log = await create();
    await Promise.all([
      log.append('started'),
      log.append('cloned', { url: 'hunter2!', note: 'a\u2028b' }),
      log.append('done'),
    ]);
    const lines = (await read()).split('\n');
    expect(lines.pop()).toBe('');
    const events = lines.map((line) => JSON.parse(line));
    expect(events.map((event) => [event.seq, event.event, event.data])).toEqual([
      [1, 'started', undefined],
      [2, 'cloned', { url: '***', note: 'a\u2028b' }],
      [3, 'done', undefined],
    ]);
    expect(events.map((event) => event.prev)).toEqual(['0'.repeat(64), sha256(lines[0]), sha256(lines[1])]);
    expect(log.end).toEqual({ count: 3, head: sha256(lines[2]) });
    for (const { at } of events) expect(at).toMatch(/^2026-11-22T10:00:\d\d\.\d{3}Z$/);
    await log.finish();
  });

  it('stores the size of data that is too big, in place of the data', async () => {
    const log = await create();
    await log.append('big', { text: 'x'.repeat(EVENT_DATA_BYTES_MAX) });
    await log.finish();
    expect(JSON.parse(await read()).data).toEqual({ left_out_bytes: EVENT_DATA_BYTES_MAX + 11 });
  });

  describe('its chain', () => {
    const faults = async (text: string, end?: { count: number; head: string }): Promise<number[]> => {
      const found: number[] = [];
      // In small chunks, so that lines are cut anywhere.
      const chunks =
        Buffer.from(text, 'latin1')
          .toString('latin1')
          .match(/[^]{1,50}/g) ?? [];
      const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk, 'latin1')));
      for await (const { line } of chainFaults(stream, end)) found.push(line);
      return found;
    };
    let text: string;
    let end: { count: number; head: string };

    beforeEach(async () => {
      const log = await create();
      for (let index = 1; index <= 5; index++) await log.append(`event-${index}`, { index });
      ({ end } = log);
      await log.finish();
      text = await read();
    });

    it('has no fault as it was written', async () => {
      expect(await faults(text, end)).toEqual([]);
    });

    it('names the line of every flipped byte', async () => {
      let line = 1;
      for (let at = 0; at < text.length; at++) {
        const flipped = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
        expect({ at, line: (await faults(flipped, end))[0] }).toEqual({ at, line });
        if (text[at] === '\n') line += 1;
      }
    });

    it('notices lines that are removed, added, swapped or cut off', async () => {
      const [a, b, c, d, e] = text.split(/(?<=\n)/);
      expect(await faults([a, b, d, e].join(''), end)).toEqual([2]);
      expect(await faults([a, b, b, c, d, e].join(''), end)).not.toEqual([]);
      expect(await faults([a, c, b, d, e].join(''), end)).not.toEqual([]);
      expect(await faults([b, c, d, e].join(''), end)).toEqual([1]);
      expect(await faults([a, b, c].join(''), end)).toEqual([3]);
      expect(await faults('', end)).toEqual([0]);
    });

    it('tolerates a torn last line only where the worker died', async () => {
      const torn = text.slice(0, -10);
      expect(await faults(torn)).toEqual([]);
      expect(await faults(torn, end)).toEqual([5]);
    });
  });
});
