import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { NotFoundError, ValidationError } from '../common/errors.js';
import { TasksService } from '../tasks/tasks.service.js';
import { TraceStore } from '../traces/trace-store.js';
import { EventStream } from '../http/event-stream.js';
import { LogFollower, type LogPart, type LogPosition } from './log-follower.js';
import { RunLocator } from './run-locator.js';
import { TraceDto, TraceVerificationDto } from './trace.dto.js';
import { LogQuery, RunQuery } from './trace.query.js';

@ApiTags('traces')
@Controller('tasks/:task_id')
export class TracesController {
  constructor(
    private readonly tasks: TasksService,
    private readonly locator: RunLocator,
    private readonly traces: TraceStore,
    private readonly follower: LogFollower,
  ) {}

  /**
   * Read the log of a task. With `Accept: text/event-stream` it is followed live over all runs until the task has ended:
   * events `run`, `log` and `end`, resumable with `Last-Event-ID`; `missing` where the log cannot be read by this process.
   */
  @Get('logs')
  @ApiOperation({ operationId: 'getTaskLogs' })
  @ApiProduces('text/plain', 'text/event-stream')
  @ApiOkResponse({ schema: { type: 'string' } })
  async logs(
    @Param('task_id') id: string,
    @Query() query: LogQuery,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    if (request.accepts(['text/plain', 'text/event-stream']) === 'text/event-stream') {
      return this.followLogs(id, startOf(request, query), response);
    }
    if (query.offset !== undefined && query.tail !== undefined) {
      const message = 'offset and tail exclude each other';
      throw new ValidationError([{ pointer: '/tail', code: 'MUTUALLY_EXCLUSIVE', message }]);
    }
    const run = await this.locator.locate(id, query.run);
    const range = query.tail === undefined ? { offsetBytes: query.offset ?? 0 } : { tailLines: query.tail };
    const log = await this.traces.readLog(run.path, range);
    response.set({
      'Content-Type': 'text/plain; charset=utf-8',
      'X-Log-Offset': String(log?.startBytes ?? 0),
      'X-Next-Offset': String(log?.sizeBytes ?? 0),
    });
    if (log === undefined) response.send('');
    else await send(log.stream, response);
  }

  /** Show the trace of a run: its state, its manifest and its files. */
  @Get('trace')
  @ApiOperation({ operationId: 'getTaskTrace' })
  async trace(@Param('task_id') id: string, @Query() query: RunQuery): Promise<TraceDto> {
    const run = await this.locator.locate(id, query.run);
    const manifest = await this.traces.manifest(run.path);
    return {
      task_id: run.taskId,
      run: run.number,
      trace_path: run.path,
      state: manifest !== null ? 'complete' : run.goesOn ? 'writing' : 'incomplete',
      manifest,
      files: (await this.traces.files(run.path)) ?? [],
    };
  }

  /** Check a trace: read every file again and compare it with what was sealed. */
  @Get('trace/verify')
  @ApiOperation({ operationId: 'verifyTaskTrace' })
  async verify(@Param('task_id') id: string, @Query() query: RunQuery): Promise<TraceVerificationDto> {
    const run = await this.locator.locate(id, query.run);
    return this.traces.verify(run.path, run.manifestSha256);
  }

  /** Get one file of a trace. */
  @Get('trace/files/*path')
  @ApiOperation({ operationId: 'getTaskTraceFile' })
  @ApiParam({
    name: 'path',
    description: 'Relative to the folder of the run, e.g. `artifacts/report.xml`.',
    type: 'string',
  })
  @ApiProduces('application/octet-stream')
  @ApiOkResponse({ schema: { type: 'string', format: 'binary' } })
  async file(
    @Param('task_id') id: string,
    @Param('path') path: string[] | string,
    @Query() query: RunQuery,
    @Res() response: Response,
  ): Promise<void> {
    const run = await this.locator.locate(id, query.run);
    const name = Array.isArray(path) ? path.join('/') : path;
    const file = await this.traces.readFile(run.path, name);
    if (file === undefined) throw new NotFoundError('FILE', 'The trace has no such file.');
    // Never shown by a browser as a page of this origin: a task decides what stands in its files.
    response.attachment(name.split('/').at(-1));
    response.set({ 'Content-Type': 'application/octet-stream', 'Content-Length': String(file.sizeBytes) });
    await send(file.stream, response);
  }

  private async followLogs(id: string, from: LogPosition | null, response: Response): Promise<void> {
    // 404 as a problem document, before the answer becomes a stream.
    await this.tasks.get(id);
    const stream = new EventStream(response);
    try {
      for await (const part of this.follower.follow(id, from, stream.gone)) {
        await stream.send(part.kind, `${part.position.run}-${part.position.offsetBytes}`, dataOf(part));
      }
    } finally {
      stream.end();
    }
  }
}

function dataOf(part: LogPart): string {
  switch (part.kind) {
    case 'log':
      return part.text;
    case 'run':
      return JSON.stringify({ run: part.position.run, worker_id: part.worker_id });
    case 'missing':
      return JSON.stringify({ run: part.position.run, message: part.message });
    case 'end':
      return JSON.stringify({ status: part.status });
    default:
      return part satisfies never;
  }
}

/** Where to go on: `Last-Event-ID` (`<run>-<offset>`), else the run and offset asked for, else the newest run. */
function startOf(request: Request, query: LogQuery): LogPosition | null {
  const [, run, offset] =
    /^(\d{1,7})-(\d{1,15})$/.exec(request.headers['last-event-id']?.toString() ?? '') ?? [];
  if (run !== undefined && run !== '0') return { run: Number(run), offsetBytes: Number(offset) };
  return query.run === undefined ? null : { run: query.run, offsetBytes: query.offset ?? 0 };
}

/** A reader that goes away in the middle is no error. */
async function send(stream: Readable, response: Response): Promise<void> {
  try {
    await pipeline(stream, response);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}
