import { readdir, readFile, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, hostname, loadavg, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { Settings } from '../../config/settings.js';
import { TaskStats } from '../../tasks/task-stats.js';

/** The machine and the tower's queue at one moment, as it appears in events. */
export interface Metrics {
  timestamp: string;
  host: string;
  /** Since the sample before. */
  cpu_percent: number;
  memory_percent: number;
  /** Of the file system of the trace root, as far as the tower may use it. */
  disk_percent: number;
  /** Of the last minute. */
  load_average: number;
  cpu_count: number;
  /** Since the machine started; null where the system does not tell. */
  network_io: { bytes_sent: number; bytes_recv: number } | null;
  process_count: number | null;
  queue: { queued: number; running: number; oldest_queued_seconds: number | null };
}

interface CpuTimes {
  idle: number;
  total: number;
}

/** The times of a processor are counted in steps of 10 ms. */
const CPU_WINDOW_MS = 500;

/** Reads the machine that this process runs on: through node:os, and /proc where there is one. */
@Injectable()
export class HostProbe {
  private last: CpuTimes = cpuTimes();
  private cpu = 0;

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly stats: TaskStats,
  ) {}

  /** @throws Error when the trace root or the database cannot be asked */
  async sample(): Promise<Metrics> {
    const [memory, disk, network, processes, stats] = await Promise.all([
      memoryPercent(),
      diskPercent(resolve(this.settings.traceRoot)),
      networkBytes(),
      processCount(),
      this.stats.stats(),
    ]);
    return {
      timestamp: this.clock.now().toISOString(),
      host: hostname(),
      cpu_percent: this.cpuPercent(),
      memory_percent: memory,
      disk_percent: disk,
      load_average: round(loadavg()[0]),
      cpu_count: availableParallelism(),
      network_io: network,
      process_count: processes,
      queue: {
        queued: stats.by_status['queued'],
        running: stats.by_status['running'],
        oldest_queued_seconds: stats.oldest_queued_seconds,
      },
    };
  }

  /** Of the time since the last answer; the last answer again while that time is too short to say anything. */
  private cpuPercent(): number {
    const now = cpuTimes();
    const total = now.total - this.last.total;
    const idle = now.idle - this.last.idle;
    if (total < CPU_WINDOW_MS * cpus().length) return this.cpu;
    this.last = now;
    this.cpu = percent(total - idle, total);
    return this.cpu;
  }
}

function cpuTimes(): CpuTimes {
  const times = cpus().map(({ times }) => times);
  const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);
  return {
    idle: sum(times.map(({ idle }) => idle)),
    total: sum(times.flatMap((each) => Object.values(each))),
  };
}

/** What programs may not have: `MemAvailable` counts the cache as free, which `freemem` does not on old systems. */
async function memoryPercent(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kilobytes = (name: string): number | undefined => {
    const [, digits] = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text) ?? [];
    return digits === undefined ? undefined : Number(digits);
  };
  const total = kilobytes('MemTotal');
  const available = kilobytes('MemAvailable');
  if (total === undefined || available === undefined) return percent(totalmem() - freemem(), totalmem());
  return percent(total - available, total);
}

/** As `df` counts: what is reserved for root is not there for the tower. The folder may not exist yet. */
async function diskPercent(folder: string): Promise<number> {
  try {
    const { blocks, bfree, bavail } = await statfs(folder);
    const used = blocks - bfree;
    return percent(used, used + bavail);
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!isAbsent || dirname(folder) === folder) throw error;
    return diskPercent(dirname(folder));
  }
}

async function networkBytes(): Promise<Metrics['network_io']> {
  const text = await readFile('/proc/net/dev', 'utf8').catch(() => null);
  if (text === null) return null;
  const bytes = { bytes_sent: 0, bytes_recv: 0 };
  for (const line of text.split('\n').slice(2)) {
    const [name, counters] = line.trim().split(/:\s*/);
    if (counters === undefined || name === 'lo') continue;
    const numbers = counters.split(/\s+/).map(Number);
    bytes.bytes_recv += numbers[0];
    bytes.bytes_sent += numbers[8];
  }
  return bytes;
}

async function processCount(): Promise<number | null> {
  const names = await readdir('/proc').catch(() => null);
  return names?.filter((name) => /^\d+$/.test(name)).length ?? null;
}

function percent(part: number, whole: number): number {
  return whole <= 0 ? 0 : round(Math.min(100, Math.max(0, (part / whole) * 100)));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
