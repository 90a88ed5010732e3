import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { VERSION } from '../common/version.js';
import { TaskTypeRegistry } from '../task-types/task-type-registry.js';
import { EnqueuedTaskDto, TaskDto } from '../tasks/dto/task.dto.js';
import { CheckDto } from '../health/status.dto.js';
import { ProblemDto } from '../http/problem.dto.js';
import { BatchProblemDto, BatchTaskDto } from '../tasks/dto/enqueue-batch.dto.js';
import { DryRunDto } from '../tasks/dto/enqueue.query.js';
import { InputDto } from '../workflows/definition/workflow-document.dto.js';
import { asOpenApi31 } from './as-3-1.js';
import { declareErrors } from './error-responses.js';
import { withExamples } from './examples.js';
import { typeEnqueueRequest } from './task-type-schemas.js';

/** The OpenAPI document of this installation, its task types included. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const types = app.get(TaskTypeRegistry).all();
  const config = new DocumentBuilder()
    .setTitle('DevOps Control Tower')
    .setDescription(
      'Hand in build, test, scan, deploy, cleanup and notify tasks; policy decides, a worker runs them, every run leaves a trace.',
    )
    .setVersion(VERSION)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/', 'This tower')
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', description: 'The key of JCT_API_KEY_FILE, where one is set.' },
      'api_key',
    )
    .addSecurityRequirements('api_key')
    .addSecurityRequirements({})
    .addTag('tasks', 'Hand in tasks and follow them.')
    .addTag('traces', 'What a run left: log, files, manifest.')
    .addTag('events', 'What happened, whom it was told to, and what it led to.')
    .addTag('workflows', 'Definitions, their runs, and the schedules that start them.')
    .addTag('webhooks', 'Doors that ask for a signature instead of a key.')
    .addTag('agents', 'Who reacts to events, and how they are.')
    .addTag('callbacks', 'Deliveries of callbacks.')
    .addTag('policies', 'What is allowed, and why.')
    .addTag('system', 'Health and state of the tower.')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (_controller, method) => method,
    extraModels: [
      ProblemDto,
      InputDto,
      EnqueuedTaskDto,
      BatchTaskDto,
      BatchProblemDto,
      DryRunDto,
      TaskDto,
      CheckDto,
      ...types.map(({ payload }) => payload),
    ],
  });
  typeEnqueueRequest(document, types);
  declareErrors(document);
  return asOpenApi31(withExamples(document));
}
