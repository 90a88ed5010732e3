import type { Metrics } from './host-probe.js';
import type { MonitorConfig } from './monitor-config.js';

export const ALERT_TYPES = ['high_cpu', 'high_memory', 'high_disk', 'high_load', 'queue_waiting'] as const;
export type AlertType = (typeof ALERT_TYPES)[number];
export type Severity = 'warning' | 'critical';

export interface Alert {
  type: AlertType;
  severity: Severity;
  value: number;
  threshold: number;
  message: string;
}

export interface Judgement {
  /** To be told now. */
  raised: Alert[];
  /** All that are over their threshold, told now or earlier. */
  active: Alert[];
  /** Those that are over. */
  cleared: Alert[];
}

const CRITICAL_PERCENT = 95;

/**
 * When a value is worth an alert: strictly above its threshold; over only when it lies well below it, so that one that
 * swings around the threshold is one alert; and told again only after a while, or when it has become worse.
 */
export class Alerts {
  private readonly active = new Map<AlertType, Alert>();
  private readonly toldAtMs = new Map<string, number>();

  constructor(private readonly config: MonitorConfig) {}

  judge(metrics: Metrics, nowMs: number): Judgement {
    const judgement: Judgement = { raised: [], active: [], cleared: [] };
    for (const alert of measure(metrics, this.config)) {
      const isOver = alert.value > alert.threshold;
      const wasOver = this.active.has(alert.type);
      const end = alert.threshold * (1 - this.config.hysteresis_percent / 100);
      if (isOver || (wasOver && alert.value > end)) {
        this.active.set(alert.type, alert);
        judgement.active.push(alert);
        if (isOver && this.isDue(alert, nowMs)) judgement.raised.push(alert);
      } else if (wasOver) {
        this.active.delete(alert.type);
        judgement.cleared.push(alert);
      }
    }
    return judgement;
  }

  /** The alert could not be told: it is due again. */
  untold({ type, severity }: Alert): void {
    this.toldAtMs.delete(`${type} ${severity}`);
  }

  private isDue({ type, severity }: Alert, nowMs: number): boolean {
    const key = `${type} ${severity}`;
    const told = this.toldAtMs.get(key);
    if (told !== undefined && nowMs - told < this.config.cool_down_minutes * 60_000) return false;
    this.toldAtMs.set(key, nowMs);
    return true;
  }
}

function measure(metrics: Metrics, config: MonitorConfig): Alert[] {
  const { cpu_percent: cpu, memory_percent: memory, disk_percent: disk, queue } = metrics;
  const load = Math.round((metrics.load_average / metrics.cpu_count) * 100) / 100;
  const waited = queue.oldest_queued_seconds ?? 0;
  const above = (limit: number, value: number): Severity => (value >= limit ? 'critical' : 'warning');
  return [
    alert(
      'high_cpu',
      cpu,
      config.cpu_percent,
      above(CRITICAL_PERCENT, cpu),
      `CPU usage at ${cpu.toFixed(1)}%`,
    ),
    alert(
      'high_memory',
      memory,
      config.memory_percent,
      above(CRITICAL_PERCENT, memory),
      `Memory usage at ${memory.toFixed(1)}%`,
    ),
    // A full disk stops every task: there is no harmless form of it.
    alert('high_disk', disk, config.disk_percent, 'critical', `Disk usage at ${disk.toFixed(1)}%`),
    alert(
      'high_load',
      load,
      config.load_per_cpu,
      above(2 * config.load_per_cpu, load),
      `Load average at ${load.toFixed(2)} for each processor`,
    ),
    alert(
      'queue_waiting',
      waited,
      config.queue_wait_seconds,
      above(4 * config.queue_wait_seconds, waited),
      `The oldest queued task has waited ${Math.round(waited)} s`,
    ),
  ];
}

function alert(
  type: AlertType,
  value: number,
  threshold: number,
  severity: Severity,
  message: string,
): Alert {
  return { type, severity, value, threshold, message };
}
