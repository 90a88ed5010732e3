import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { TaskTypeRegistry } from '../task-types/task-type-registry.js';
import { ClockWatch } from '../tasks/clock-watch.js';
import { WorkerRegistry } from '../tasks/worker-registry.js';
import { DiskGuard } from './disk-guard.js';
import { Slots } from './slots.js';

/** Silence after which a worker is no longer listed: ten leases, so that a night of trouble can still be read. */
const FORGET_AFTER_LEASES = 10;

/** What this worker says of itself to whoever asks in any process. */
@Injectable()
export class WorkerPresence {
  constructor(
    private readonly settings: Settings,
    private readonly types: TaskTypeRegistry,
    private readonly registry: WorkerRegistry,
    private readonly slots: Slots,
    private readonly disk: DiskGuard,
    private readonly clock: ClockWatch,
  ) {}

  async beat(workerId: string): Promise<void> {
    await this.clock.look();
    await this.registry.beat({
      id: workerId,
      host: hostname(),
      pid: process.pid,
      queues: [...this.settings.workerQueues],
      types: this.types.names(),
      slots: this.settings.workerConcurrency,
      busy: this.slots.busy,
      paused: await this.disk.problem(),
      clockSkewMs: this.clock.skewMs,
    });
  }

  leave(workerId: string): Promise<void> {
    return this.registry.leave(workerId);
  }

  forgetSilent(): Promise<number> {
    return this.registry.forgetSilent(this.settings.leaseSeconds * FORGET_AFTER_LEASES);
  }
}
