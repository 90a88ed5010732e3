import type { PortableDataSource } from '../../src/database/portable-data-source.js';
import { Signals } from '../../src/signals/signals.js';
import { type NewTask, TaskControl } from '../../src/tasks/queue/task-control.js';
import { TaskQueue } from '../../src/tasks/queue/task-queue.js';
import { TaskUpkeep } from '../../src/tasks/queue/task-upkeep.js';
import { TaskEntity } from '../../src/tasks/task.entity.js';
import { newTask } from './new-task.js';
import { towerDataSource } from './tower-data-source.js';

/** One process's view of the stored tasks: the real rooms over a connection of their own. */
export class TaskRooms {
  readonly signals = new Signals();
  readonly queue: TaskQueue;
  readonly control: TaskControl;
  readonly upkeep: TaskUpkeep;

  constructor(readonly dataSource: PortableDataSource) {
    this.queue = new TaskQueue(dataSource, this.signals);
    this.control = new TaskControl(dataSource, this.signals);
    this.upkeep = new TaskUpkeep(dataSource, this.queue, this.signals);
  }

  static async open(databaseUrl: string): Promise<TaskRooms> {
    return new TaskRooms(await towerDataSource(databaseUrl));
  }

  async enqueue(facts: Partial<NewTask> = {}): Promise<string> {
    const task = newTask(facts);
    await this.control.insert(task);
    return task.id;
  }

  claim(limit = 1, leaseSeconds = 60, queue = 'default', workerId = 'worker-1') {
    return this.queue.claim({ workerId, queue, types: ['test', 'build'], leaseSeconds }, limit);
  }

  async task(id: string): Promise<TaskEntity> {
    return this.dataSource.manager.findOneByOrFail(TaskEntity, { id });
  }

  /** Lets a column's time lie in the past, as if the clock had gone on. */
  async age(
    id: string,
    column: 'leaseExpiresAt' | 'runAt' | 'expiresAt' | 'completedAt',
    seconds = 1,
  ): Promise<void> {
    await this.dataSource.manager.update(
      TaskEntity,
      { id },
      { [column]: new Date(Date.now() - seconds * 1_000) },
    );
  }

  close(): Promise<void> {
    return this.dataSource.destroy();
  }
}
