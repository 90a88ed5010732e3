import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventsModule } from '../events/events.module.js';
import { OutboundModule } from '../outbound/outbound.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { TracesModule } from '../traces/traces.module.js';
import { AgentDesk } from './agent-desk.js';
import { AgentEnrolment } from './agent-enrolment.js';
import { AgentInstanceEntity } from './agent-instance.entity.js';
import { AgentInstances } from './agent-instances.js';
import { AgentRegistry } from './agent-registry.js';
import { AgentRows } from './agent-rows.js';
import { AgentSupervisor } from './agent-supervisor.js';
import { AgentEntity } from './agent.entity.js';
import { AgentsController } from './agents.controller.js';
import { AgentsService } from './agents.service.js';
import { AiBudget } from './ai/ai-budget.js';
import { AiUsageEntity } from './ai/ai-usage.entity.js';
import { LanguageModel } from './ai/language-model.js';
import { Mind } from './ai/mind.js';
import { BuildDoctor } from './build-doctor/build-doctor.agent.js';
import { DiagnosisController } from './build-doctor/diagnosis.controller.js';
import { EvidenceReader } from './build-doctor/evidence.js';
import { HostProbe } from './infrastructure/host-probe.js';
import { InfrastructureMonitor } from './infrastructure/infrastructure-monitor.agent.js';

/** Modules of extensions import it when their agents ask a model. */
@Module({
  imports: [
    TypeOrmModule.forFeature([AgentEntity, AgentInstanceEntity, AiUsageEntity]),
    DiscoveryModule,
    EventsModule,
    OutboundModule,
    TasksModule,
    TracesModule,
  ],
  controllers: [AgentsController, DiagnosisController],
  providers: [
    AgentsService,
    AgentSupervisor,
    AgentEnrolment,
    AgentRegistry,
    AgentRows,
    AgentInstances,
    AgentDesk,
    Mind,
    LanguageModel,
    AiBudget,
    InfrastructureMonitor,
    HostProbe,
    BuildDoctor,
    EvidenceReader,
  ],
  exports: [AgentsService, AgentSupervisor, Mind],
})
export class AgentsModule {}
