import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { NotFoundError } from '../../common/errors.js';
import { TasksService } from '../../tasks/tasks.service.js';
import { TraceStore } from '../../traces/trace-store.js';
import { DIAGNOSIS_FILE } from './build-doctor.agent.js';
import { DiagnosisDto } from './diagnosis.dto.js';
import { DiagnosisQuery } from './diagnosis.query.js';

@ApiTags('tasks')
@Controller('tasks/:task_id/diagnosis')
export class DiagnosisController {
  constructor(
    private readonly tasks: TasksService,
    private readonly traces: TraceStore,
  ) {}

  /** Show why a run failed, as the agent build-doctor sees it. */
  @Get()
  @ApiOperation({ operationId: 'getTaskDiagnosis' })
  async get(@Param('task_id') id: string, @Query() { run }: DiagnosisQuery): Promise<DiagnosisDto> {
    const task = await this.tasks.get(id);
    const number = run ?? task.attempt;
    const path = number < 1 ? null : this.traces.pathOf(task, number);
    const bytes = path === null ? undefined : await this.traces.readBeside(path, DIAGNOSIS_FILE);
    if (bytes === undefined) throw new NotFoundError('DIAGNOSIS', `There is no diagnosis of run ${number}.`);
    return JSON.parse(bytes.toString()) as DiagnosisDto;
  }
}
