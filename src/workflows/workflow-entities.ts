import { WorkflowRunEntity } from './runs/workflow-run.entity.js';
import { WorkflowStepEntity } from './runs/workflow-step.entity.js';
import { ScheduleDecisionEntity } from './schedules/schedule-decision.entity.js';
import { ScheduleEntity } from './schedules/schedule.entity.js';
import { WorkflowVersionEntity } from './workflow-version.entity.js';
import { WorkflowEntity } from './workflow.entity.js';

/** The tables of this room. */
export const WORKFLOW_ENTITIES = [
  WorkflowEntity,
  WorkflowVersionEntity,
  WorkflowRunEntity,
  WorkflowStepEntity,
  ScheduleEntity,
  ScheduleDecisionEntity,
];
