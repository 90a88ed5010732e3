import 'reflect-metadata';
import { MIGRATIONS } from './migrations/migrations.js';
import { settingsFromEnvironment } from './src/config/environment.js';
import { dataSourceOptions } from './src/database/data-source-options.js';
import { PortableDataSource } from './src/database/portable-data-source.js';
import { AgentEntity } from './src/agents/agent.entity.js';
import { AgentInstanceEntity } from './src/agents/agent-instance.entity.js';
import { AiUsageEntity } from './src/agents/ai/ai-usage.entity.js';
import { EventDeliveryEntity } from './src/events/event-delivery.entity.js';
import { EventEntity } from './src/events/event.entity.js';
import { CallbackEntity } from './src/tasks/callback.entity.js';
import { TaskEntity } from './src/tasks/task.entity.js';
import { TaskRunEntity } from './src/tasks/task-run.entity.js';
import { WorkerEntity } from './src/tasks/worker.entity.js';
import { WORKFLOW_ENTITIES } from './src/workflows/workflow-entities.js';

/** Every table of the tower; what extensions add, they register with their own module. */
export const ENTITIES = [
  TaskEntity,
  TaskRunEntity,
  CallbackEntity,
  WorkerEntity,
  EventEntity,
  EventDeliveryEntity,
  AgentEntity,
  AgentInstanceEntity,
  AiUsageEntity,
  ...WORKFLOW_ENTITIES,
];

/** For the typeorm command line: `npx typeorm migration:show -d dist/ormconfig.js`. */
export default new PortableDataSource(dataSourceOptions(settingsFromEnvironment(), ENTITIES, MIGRATIONS));
