import type { PortableDataSource } from '../../../src/database/portable-data-source.js';
import { CallbackEntity } from '../../../src/tasks/callback.entity.js';
import { TaskRunEntity } from '../../../src/tasks/task-run.entity.js';
import { TaskEntity } from '../../../src/tasks/task.entity.js';
import { type ObservedTransition, observedTransitions } from '../observed-transitions.js';
import { grouped } from './grouped.js';

/** Everything that the database says of what happened. */
export interface StoredRecord {
  tasks: TaskEntity[];
  /** By task, in the order of their numbers. */
  runs: Map<string, TaskRunEntity[]>;
  callbacks: Map<string, CallbackEntity[]>;
  transitions: ObservedTransition[];
}

export async function readRecord(dataSource: PortableDataSource): Promise<StoredRecord> {
  const { manager } = dataSource;
  const runs = await manager.find(TaskRunEntity, { order: { number: 'ASC' } });
  return {
    tasks: await manager.find(TaskEntity),
    runs: grouped(runs, ({ taskId }) => taskId),
    callbacks: grouped(await manager.find(CallbackEntity), ({ taskId }) => taskId),
    transitions: await observedTransitions(dataSource),
  };
}
