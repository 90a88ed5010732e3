import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventsModule } from '../events/events.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { CodeWorkflows } from './code-workflows.js';
import { HandOver } from './runs/hand-over.js';
import { OldRuns } from './runs/old-runs.js';
import { Observer } from './runs/observer.js';
import { RunAncestry } from './runs/run-ancestry.js';
import { RunEngine } from './runs/run-engine.js';
import { RunRound } from './runs/run-round.js';
import { RunStarter } from './runs/run-starter.js';
import { RunStore } from './runs/run-store.js';
import { RunsService } from './runs/runs.service.js';
import { WorkflowRunsController } from './runs/workflow-runs.controller.js';
import { Backfill } from './schedules/backfill.js';
import { ScheduleStore } from './schedules/schedule-store.js';
import { Scheduler } from './schedules/scheduler.js';
import { SchedulesController } from './schedules/schedules.controller.js';
import { DeploymentPipeline } from './templates/deployment-pipeline.workflow.js';
import { IncidentResponse } from './templates/incident-response.workflow.js';
import { SecurityScan } from './templates/security-scan.workflow.js';
import { WORKFLOW_ENTITIES } from './workflow-entities.js';
import { WorkflowIntake } from './workflow-intake.js';
import { WorkflowStore } from './workflow-store.js';
import { WorkflowTriggers } from './workflow-triggers.js';
import { WorkflowsController } from './workflows.controller.js';
import { WorkflowsService } from './workflows.service.js';

/** The workflows that come with the tower. */
const TEMPLATES = [IncidentResponse, DeploymentPipeline, SecurityScan];

@Module({
  imports: [TypeOrmModule.forFeature(WORKFLOW_ENTITIES), DiscoveryModule, EventsModule, TasksModule],
  controllers: [WorkflowsController, WorkflowRunsController, SchedulesController],
  providers: [
    WorkflowsService,
    WorkflowStore,
    WorkflowIntake,
    WorkflowTriggers,
    CodeWorkflows,
    RunStarter,
    RunStore,
    RunRound,
    RunEngine,
    RunsService,
    RunAncestry,
    Observer,
    HandOver,
    OldRuns,
    ScheduleStore,
    Scheduler,
    Backfill,
    ...TEMPLATES,
  ],
  exports: [WorkflowsService, WorkflowStore, OldRuns],
})
export class WorkflowsModule {}
