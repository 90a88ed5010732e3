import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { MIGRATIONS } from '../migrations/migrations.js';
import { AgentsModule } from './agents/agents.module.js';
import { CallbacksModule } from './callbacks/callbacks.module.js';
import { CommonModule } from './common/common.module.js';
import { ConfigModule } from './config/config.module.js';
import { Settings } from './config/settings.js';
import { DatabaseModule } from './database/database.module.js';
import { EventsModule } from './events/events.module.js';
import { ExecutionModule } from './execution/execution.module.js';
import { HealthModule } from './health/health.module.js';
import { OrchestratorModule } from './orchestrator/orchestrator.module.js';
import { RetentionModule } from './retention/retention.module.js';
import { SignalsModule } from './signals/signals.module.js';
import { TaskTypesModule } from './task-types/task-types.module.js';
import { TasksModule } from './tasks/tasks.module.js';
import { TraceApiModule } from './trace-api/trace-api.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';
import { WorkerModule } from './worker/worker.module.js';
import { WorkflowsModule } from './workflows/workflows.module.js';

/** The whole tower. `extensions` are modules that add task types; they may inject whatever the modules below export. */
@Module({})
export class AppModule {
  static forRoot(settings: Settings, extensions: Type[] = []): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(settings),
        CommonModule,
        DatabaseModule.forRoot(MIGRATIONS),
        SignalsModule,
        EventsModule,
        WebhooksModule,
        TaskTypesModule,
        TasksModule,
        ExecutionModule,
        WorkerModule,
        CallbacksModule,
        RetentionModule,
        WorkflowsModule,
        TraceApiModule,
        AgentsModule,
        OrchestratorModule,
        HealthModule,
        ...extensions,
      ],
    };
  }
}
