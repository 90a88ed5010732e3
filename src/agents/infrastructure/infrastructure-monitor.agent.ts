import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import type { JsonObject } from '../../common/json.js';
import { Trouble } from '../../common/trouble.js';
import { EVENT_TYPES } from '../../events/event-types.js';
import type { EventEntity } from '../../events/event.entity.js';
import { Agent } from '../agent.decorator.js';
import { BaseAgent } from '../base-agent.js';
import { type Alert, Alerts, type Judgement, type Severity } from './alerts.js';
import { HostProbe, type Metrics } from './host-probe.js';
import { MonitorConfig } from './monitor-config.js';
import { RECOMMENDATIONS } from './recommendations.js';

const BASELINE_INTERVAL_MS = 1_000;
const PRIORITIES = { warning: 'medium', critical: 'high' } as const satisfies Record<Severity, string>;

/** Values of which a mean makes sense. */
const MEASURED = ['cpu_percent', 'memory_percent', 'disk_percent', 'load_average'] as const;

/**
 * Watches the machine of its process and the queue of the tower, and records `infrastructure.alert` when something is
 * above its threshold. Several processes on one machine raise an alert once.
 */
@Agent({
  name: 'infrastructure-monitor',
  description: 'Infrastructure monitoring and alerting agent',
  handles: [EVENT_TYPES.USER_REQUEST],
  capabilities: [
    'system_monitoring',
    'anomaly_detection',
    'performance_analysis',
    'alert_generation',
    'optimization_recommendations',
  ],
  config: MonitorConfig,
})
@Injectable()
export class InfrastructureMonitor extends BaseAgent<MonitorConfig> {
  private readonly trouble = new Trouble(new Logger('InfrastructureMonitor'));
  private samples: Metrics[] = [];
  private current: Metrics | null = null;
  private alerts: Alerts;
  private halt = new AbortController();
  private watching: Promise<void> = Promise.resolve();

  constructor(
    private readonly probe: HostProbe,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** Answers `user.request` with `request_type` `current_metrics`. */
  handleEvent({ data }: EventEntity): Promise<JsonObject> {
    if (data['request_type'] !== 'current_metrics') {
      return Promise.resolve({ success: false, error: 'Unsupported event type' });
    }
    const answer = {
      current_metrics: this.current,
      baseline_metrics: this.baseline(),
      thresholds: this.thresholds(),
    };
    return Promise.resolve({ success: true, data: answer });
  }

  protected override async initialise(): Promise<void> {
    this.samples = [];
    this.alerts = new Alerts(this.config);
    this.halt = new AbortController();
    await this.look();
    this.watching = this.watch(this.halt.signal);
  }

  protected override async cleanUp(): Promise<void> {
    this.halt.abort();
    await this.watching;
  }

  private async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const intervalMs = this.config.interval_seconds * 1_000;
      const isYoung = this.samples.length < this.config.baseline_samples;
      const waitMs = isYoung ? Math.min(BASELINE_INTERVAL_MS, intervalMs) : intervalMs;
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (!signal.aborted) await this.trouble.watch('watching the machine', () => this.look());
    }
  }

  private async look(): Promise<void> {
    const metrics = await this.probe.sample();
    this.current = metrics;
    if (this.samples.length < this.config.baseline_samples) this.samples.push(metrics);
    const judgement = this.alerts.judge(metrics, performance.now());
    this.ownHealth = healthOf(judgement, metrics);
    for (const alert of judgement.raised) {
      await this.raise(alert, metrics).catch((error: unknown) => {
        this.alerts.untold(alert);
        throw error;
      });
    }
    for (const alert of judgement.cleared) await this.clear(alert, metrics);
  }

  private async raise(alert: Alert, metrics: Metrics): Promise<void> {
    const data = {
      alert,
      current_metrics: metrics,
      baseline_metrics: this.baseline(),
      agent_recommendations: RECOMMENDATIONS[alert.type],
    };
    const { type, severity } = alert;
    const event = {
      type: EVENT_TYPES.INFRASTRUCTURE_ALERT,
      data,
      priority: PRIORITIES[severity],
      tags: { agent: this.name, alert_type: type, severity, host: metrics.host },
    };
    await this.actions.record(event, this.onceWithin(`${type}.${severity}`, alert, metrics));
  }

  private async clear(alert: Alert, metrics: Metrics): Promise<void> {
    const event = {
      type: EVENT_TYPES.SERVICE_RECOVERED,
      data: { alert: { ...alert, severity: 'info' }, current_metrics: metrics },
      priority: 'low' as const,
      tags: { agent: this.name, alert_type: alert.type, severity: 'info', host: metrics.host },
    };
    await this.actions.record(event, this.onceWithin(`${alert.type}.over`, alert, metrics));
  }

  /** The same in all processes of a machine, and for the queue in all processes, until a cool-down later. */
  private onceWithin(what: string, { type }: Alert, { host }: Metrics): string {
    const place =
      type === 'queue_waiting' ? 'tower' : createHash('sha256').update(host).digest('hex').slice(0, 12);
    const periodMs = Math.max(1_000, this.config.cool_down_minutes * 60_000);
    return `${what}.${place}.${Math.floor(this.clock.now().getTime() / periodMs)}`;
  }

  /** The mean of the first samples; null until there is one. */
  private baseline(): JsonObject | null {
    if (this.samples.length === 0) return null;
    const mean = (key: (typeof MEASURED)[number]): number =>
      this.samples.reduce((sum, sample) => sum + sample[key], 0) / this.samples.length;
    return Object.fromEntries(MEASURED.map((key) => [key, Math.round(mean(key) * 100) / 100]));
  }

  private thresholds(): JsonObject {
    const { cpu_percent, memory_percent, disk_percent, load_per_cpu, queue_wait_seconds } = this.config;
    return { cpu_percent, memory_percent, disk_percent, load_per_cpu, queue_wait_seconds };
  }
}

function healthOf({ active }: Judgement, metrics: Metrics): InfrastructureMonitor['health'] {
  const isCritical = active.some(({ severity }) => severity === 'critical');
  const status = active.length === 0 ? 'healthy' : isCritical ? 'critical' : 'warning';
  return { status, details: { alerts: active, metrics } };
}
