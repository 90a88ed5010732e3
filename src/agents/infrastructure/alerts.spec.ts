import { describe, expect, it } from '@jest/globals';
import { Alerts } from './alerts.js';
import type { Metrics } from './host-probe.js';
import { MonitorConfig } from './monitor-config.js';

const MINUTE_MS = 60_000;

function metrics(facts: Partial<Metrics> = {}): Metrics {
  return {
    timestamp: '2026-11-22T00:00:00.000Z',
    host: 'a',
    cpu_percent: 10,
    memory_percent: 10,
    disk_percent: 10,
    load_average: 1,
    cpu_count: 2,
    network_io: null,
    process_count: null,
    queue: { queued: 0, running: 0, oldest_queued_seconds: null },
    ...facts,
  };
}

const cpu = (percent: number): Metrics => metrics({ cpu_percent: percent });
const queue = (seconds: number): Metrics =>
  metrics({ queue: { queued: 3, running: 1, oldest_queued_seconds: seconds } });

function alerts(config: Partial<MonitorConfig> = {}): Alerts {
  return new Alerts(Object.assign(new MonitorConfig(), config));
}

describe('Alerts', () => {
  it('raises nothing at the threshold, only above it', () => {
    expect(alerts().judge(cpu(80), 0).raised).toEqual([]);
    expect(alerts().judge(cpu(80.1), 0).raised).toEqual([
      { type: 'high_cpu', severity: 'warning', value: 80.1, threshold: 80, message: 'CPU usage at 80.1%' },
    ]);
  });

  it.each<[string, Metrics, string]>([
    ['high_cpu', cpu(94.9), 'warning'],
    ['high_cpu', cpu(95), 'critical'],
    ['high_memory', metrics({ memory_percent: 85.1 }), 'warning'],
    ['high_memory', metrics({ memory_percent: 96 }), 'critical'],
    ['high_disk', metrics({ disk_percent: 90.1 }), 'critical'],
    ['high_load', metrics({ load_average: 8.2 }), 'warning'],
    ['high_load', metrics({ load_average: 16 }), 'critical'],
    ['queue_waiting', queue(301), 'warning'],
    ['queue_waiting', queue(1_200), 'critical'],
  ])('raises %s with the severity of the value', (type, sample, severity) => {
    expect(alerts().judge(sample, 0).raised).toEqual([expect.objectContaining({ type, severity })]);
  });

  it('goes on while the value swings around the threshold, and ends once, well below it', () => {
    const watch = alerts();
    watch.judge(cpu(81), 0);
    const swing = watch.judge(cpu(79), 1);
    expect([swing.raised, swing.cleared]).toEqual([[], []]);
    expect(swing.active).toHaveLength(1);
    expect(watch.judge(cpu(81), 2).raised).toEqual([]);
    const end = watch.judge(cpu(76), 3);
    expect([end.active, end.cleared.map(({ type }) => type)]).toEqual([[], ['high_cpu']]);
    expect(watch.judge(cpu(70), 4).cleared).toEqual([]);
  });

  it('is told again after the cool-down, not before, also when it had ended in between', () => {
    const watch = alerts();
    expect(watch.judge(cpu(90), 0).raised).toHaveLength(1);
    watch.judge(cpu(10), MINUTE_MS);
    expect(watch.judge(cpu(90), 14 * MINUTE_MS).raised).toEqual([]);
    expect(watch.judge(cpu(90), 15 * MINUTE_MS).raised).toHaveLength(1);
  });

  it('is told at once when it has become critical', () => {
    const watch = alerts();
    watch.judge(cpu(90), 0);
    expect(watch.judge(cpu(97), 1).raised).toEqual([expect.objectContaining({ severity: 'critical' })]);
  });

  it('is due again when it could not be told', () => {
    const watch = alerts();
    const [alert] = watch.judge(cpu(90), 0).raised;
    watch.untold(alert);
    expect(watch.judge(cpu(90), 1).raised).toHaveLength(1);
  });
});
