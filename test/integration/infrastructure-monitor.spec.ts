import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { HostProbe } from '../../src/agents/infrastructure/host-probe.js';
import { EventDeliveryEntity } from '../../src/events/event-delivery.entity.js';
import { EventLog } from '../../src/events/event-log.js';
import { EventEntity } from '../../src/events/event.entity.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { Tower } from '../support/tower.js';

onBothDatabases('infrastructure-monitor', (create) => {
  let database: TestDatabase;
  let folder: string;
  const towers: Tower[] = [];

  beforeEach(async () => {
    database = await create();
    folder = await mkdtemp(join(tmpdir(), 'jct-monitor-'));
  });
  afterEach(async () => {
    for (const tower of towers.splice(0)) await tower.stop();
    await rm(folder, { recursive: true, force: true });
    await database.drop();
  });

  /** @param config of the monitor; what is not given is never reached */
  async function start(config: Record<string, number> = {}): Promise<Tower> {
    const file = join(folder, 'agents.yaml');
    const never = { cpu_percent: 100, memory_percent: 100, disk_percent: 100, load_per_cpu: 1_000 };
    const fast = { interval_seconds: 0.05 };
    await writeFile(file, JSON.stringify({ 'infrastructure-monitor': { ...never, ...fast, ...config } }));
    const tower = await Tower.start(database.url, {
      MAX_CONCURRENT_AGENTS: '10',
      JCT_POLL_INTERVAL_MS: '50',
      JCT_AGENTS_FILE: file,
    });
    towers.push(tower);
    return tower;
  }

  const manager = ({ app }: Tower) => app.get<DataSource>(getDataSourceToken()).manager;
  const monitor = async ({ api }: Tower) => (await api.get('/agents/infrastructure-monitor')).body;
  const alerts = (of: Tower) => manager(of).findBy(EventEntity, { type: 'infrastructure.alert' });

  it('reads the machine that it runs on', async () => {
    const tower = await start();
    const metrics = await tower.app.get(HostProbe).sample();
    for (const key of ['cpu_percent', 'memory_percent', 'disk_percent'] as const) {
      expect(metrics[key]).toBeGreaterThanOrEqual(0);
      expect(metrics[key]).toBeLessThanOrEqual(100);
    }
    expect(metrics.memory_percent).toBeGreaterThan(0);
    expect(metrics.disk_percent).toBeGreaterThan(0);
    expect(metrics.queue).toEqual({ queued: 0, running: 0, oldest_queued_seconds: null });
    const burning = performance.now();
    // Longer than the time below which it does not say anything new.
    while (performance.now() - burning < 700) JSON.stringify(metrics);
    expect((await tower.app.get(HostProbe).sample()).cpu_percent).toBeGreaterThan(0);
  });

  it('is healthy while nothing is above its threshold, and says by what it judges', async () => {
    const tower = await start();
    const shown = await eventually(async () => {
      const now = await monitor(tower);
      return now.health === 'healthy' && now;
    });
    expect(shown.instances[0].health_details).toMatchObject({
      alerts: [],
      metrics: { cpu_count: expect.any(Number) },
    });
    expect(await alerts(tower)).toEqual([]);
  });

  it('raises one alert in the shape of the seed, however many processes of the machine see it', async () => {
    // The disk is never empty.
    const one = await start({ disk_percent: 0 });
    const two = await start({ disk_percent: 0 });
    for (const tower of [one, two]) {
      await eventually(async () => {
        const { instances } = await monitor(tower);
        return (
          instances.length === 2 && instances.every(({ health }: { health: string }) => health === 'critical')
        );
      });
    }
    const found = await alerts(one);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      source: 'infrastructure-monitor',
      actor: 'agent:infrastructure-monitor',
      priority: 'high',
      tags: { agent: 'infrastructure-monitor', alert_type: 'high_disk', severity: 'critical' },
      data: {
        alert: {
          type: 'high_disk',
          severity: 'critical',
          threshold: 0,
          value: expect.any(Number),
          message: expect.stringMatching(/^Disk usage at \d+\.\d%$/),
        },
        current_metrics: { disk_percent: expect.any(Number) },
        baseline_metrics: { disk_percent: expect.any(Number) },
        agent_recommendations: [expect.any(String), expect.any(String), expect.any(String)],
      },
    });
    expect((await monitor(one)).health).toBe('critical');
  });

  it('watches the queue of the tower', async () => {
    const tower = await start({ queue_wait_seconds: 0 });
    await tower.api.accepted({ type: 'test', payload: { script: 'true' }, options: { queue: 'nobody' } });
    const [alert] = await eventually(async () => {
      const found = await alerts(tower);
      return found.length > 0 && found;
    });
    expect(alert.data['alert']).toMatchObject({
      type: 'queue_waiting',
      message: expect.stringMatching(/^The oldest queued task has waited/),
    });
    await tower.api.post(`/tasks/${(await tower.api.get('/tasks')).body.items[0].task_id}/cancel`);
    const over = await eventually(() =>
      manager(tower).findOneBy(EventEntity, { type: 'monitoring.service_recovered' }),
    );
    expect(over).toMatchObject({ priority: 'low', tags: { alert_type: 'queue_waiting', severity: 'info' } });
  });

  it('answers the request for its metrics, and says that it does not know others', async () => {
    const tower = await start();
    await eventually(async () => (await monitor(tower)).status === 'running');
    const ask = async (type: string) => {
      const data = { request_type: type };
      const { event } = await tower.app.get(EventLog).record({ type: 'user.request', source: 'test', data });
      const delivery = await eventually(async () => {
        const now = await manager(tower).findOneBy(EventDeliveryEntity, { eventId: event.id });
        return now?.status === 'completed' && now;
      });
      return delivery.outcome;
    };
    expect(await ask('current_metrics')).toMatchObject({
      success: true,
      data: {
        current_metrics: { cpu_percent: expect.any(Number) },
        baseline_metrics: { cpu_percent: expect.any(Number) },
        thresholds: { cpu_percent: 100, queue_wait_seconds: 300 },
      },
    });
    expect(await ask('the weather')).toEqual({ success: false, error: 'Unsupported event type' });
  });
});
