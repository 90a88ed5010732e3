import { type TaskDto } from './task.dto.js';

export class TaskListDto {
  /** Newest first. */
  items: TaskDto[];

  /** Give it as `cursor` to get the next page; null on the last. */
  next_cursor: string | null;
}
