import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LOG_TAIL_BYTES, LogFile, type LogOptions } from './log-file.js';
import { RunClock } from './run-clock.js';
import { SecretMasker } from './secret-masker.js';
import { TraceStorageError } from './trace-storage-error.js';

const MB = 1_048_576;

describe('LogFile', () => {
  let folder: string;
  let masker: SecretMasker;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jct-log-'));
    masker = new SecretMasker(['hunter2!']);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const create = (options: Partial<LogOptions> = {}): Promise<LogFile> =>
    LogFile.create({
      folder,
      clock: new RunClock(new Date()),
      masker,
      bytesMax: MB,
      onGrowth: () => undefined,
      ...options,
    });
  const written = async (): Promise<string> => (await readFile(join(folder, 'log.txt'))).toString('latin1');
  /** Lines without their time. */
  const lines = async (): Promise<string[]> =>
    (await written())
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/^\[ *\d+\.\d{3}\] /, ''));

  it('F34 writes each line with time and writer, keeps every byte, and knows size and hash of the file', async () => {
    const log = await create();
    const odd = Buffer.from([0x61, 0, 0xff, 0xfe, 0x1b, 0x5b, 0x0d, 0x0a]);
    await log.output('stdout', Buffer.from('one\ntwo\n'));
    await log.output('stderr', odd);
    await log.note('killed\nafter 3 s');
    const record = await log.finish();
    expect(await lines()).toEqual([
      'out: one',
      'out: two',
      `err: ${odd.toString('latin1', 0, 7)}`,
      'jct: killed',
      'jct: after 3 s',
    ]);
    expect(await written()).toMatch(/^\[ {3}0\.\d{3}\] out: one\n/);
    const bytes = await readFile(join(folder, 'log.txt'));
    expect(record).toEqual({
      path: 'log.txt',
      size_bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    expect((await stat(join(folder, 'log.txt'))).mode & 0o777).toBe(0o600);
  });

  it('joins a line that arrives in chunks, and marks the rest of one that was interrupted', async () => {
    const log = await create();
    await log.output('stdout', Buffer.from('com'));
    await log.output('stdout', Buffer.from('plete\nhalf'));
    await log.output('stderr', Buffer.from('warning\n'));
    await log.output('stdout', Buffer.from(' line\nlast'));
    await log.finish();
    expect(await lines()).toEqual(['out: complete', 'out: half', 'err: warning', 'out+  line', 'out: last']);
  });

  it('F33 cuts a line without an end into pieces that join to what was written', async () => {
    const log = await create();
    const line = Array.from({ length: 9_000 }, (_, index) => `<${index}>`).join('');
    for (let at = 0; at < line.length; at += 7_001)
      await log.output('stdout', Buffer.from(line.slice(at, at + 7_001)));
    await log.output('stdout', Buffer.from('\nnext\n'));
    await log.finish();
    const all = await lines();
    expect(all.pop()).toBe('out: next');
    expect(all.map((each) => each.slice(0, 5))).toEqual(['out: ', ...all.slice(1).map(() => 'out+ ')]);
    expect(Math.max(...all.map((each) => each.length))).toBeLessThanOrEqual(16_384 + 5);
    expect(all.map((each) => each.slice(5)).join('')).toBe(line);
  });

  it('shows a prompt without a newline while the command waits', async () => {
    let tell: (sizeBytes: number) => void = () => undefined;
    const grown = new Promise<number>((resolve) => (tell = resolve));
    const log = await create({ onGrowth: (sizeBytes) => tell(sizeBytes) });
    await log.output('stdout', Buffer.from('Continue? [y/n] '));
    expect(await grown).toBe((await stat(join(folder, 'log.txt'))).size);
    expect(await lines()).toEqual(['out: Continue? [y/n] ']);
    await log.output('stdout', Buffer.from('yes\n'));
    await log.finish();
    expect(await lines()).toEqual(['out: Continue? [y/n] ', 'out+ yes']);
  });

  it('masks before it stores, also a secret that is cut by chunks or still held back at the end', async () => {
    const log = await create();
    for (const byte of Buffer.from('a hunter2! b\n')) await log.output('stdout', Buffer.from([byte]));
    await log.note('used hunter2!');
    await log.output('stderr', Buffer.from('hunter'));
    await log.finish();
    expect(await lines()).toEqual(['out: a *** b', 'jct: used ***', 'err: hunter']);
  });

  it('F33 keeps the beginning and the last 64 KiB of a log that is too long, and says what is missing', async () => {
    const log = await create({ bytesMax: 10_000 });
    const line = (index: number): string => `line ${String(index).padStart(6, '0')}`;
    for (let index = 0; index < 20_000; index++) await log.output('stdout', Buffer.from(`${line(index)}\n`));
    const { size_bytes: size } = await log.finish();
    const all = await lines();
    const marker = all.findIndex((each) => each.startsWith('jct: '));
    expect(all[0]).toBe(`out: ${line(0)}`);
    expect(all.at(-1)).toBe(`out: ${line(19_999)}`);
    const lineBytes = (await written()).indexOf('\n') + 1;
    const missing = 20_000 - (all.length - 1);
    expect(all[marker]).toBe(`jct: ${missing * lineBytes} bytes were left out here (limit 10000)`);
    expect(all[marker + 1]).toBe(`out: ${line(marker + missing)}`);
    expect(size).toBeLessThan(10_000 + LOG_TAIL_BYTES + 100);
    expect(size).toBeGreaterThan(10_000 + LOG_TAIL_BYTES - 2 * lineBytes);
  });

  it('leaves nothing out, and says nothing, when the rest fits into the tail', async () => {
    const log = await create({ bytesMax: 1_024 });
    for (let index = 0; index < 500; index++) await log.output('stderr', Buffer.from(`${index}\n`));
    await log.finish();
    expect(await lines()).toEqual(Array.from({ length: 500 }, (_, index) => `err: ${index}`));
  });

  it.each([
    ['lines', Buffer.from(`${'y'.repeat(79)}\n`.repeat(820))],
    ['one line without an end', Buffer.alloc(65_536, 'y')],
  ])('F33 stays flat in memory and bounded on disk through 300 MB of %s', async (_name, chunk) => {
    const log = await create({ bytesMax: 4 * MB });
    const push = async (megabytes: number): Promise<number> => {
      let peak = 0;
      for (let bytes = 0; bytes < megabytes * MB; bytes += chunk.length) {
        await log.output('stdout', chunk);
        peak = Math.max(peak, process.memoryUsage.rss());
      }
      return peak;
    };
    const before = await push(40);
    const after = await push(300);
    const { size_bytes: size } = await log.finish();
    expect((after - before) / MB).toBeLessThan(50);
    expect(size).toBeLessThanOrEqual(4 * MB + LOG_TAIL_BYTES + 100);
    expect((await stat(join(folder, 'log.txt'))).size).toBe(size);
  });

  it('refuses to write over a log that exists', async () => {
    const log = await create();
    await expect(create()).rejects.toThrow(TraceStorageError);
    await log.finish();
  });
});
