import { ValidationError, type Violation } from '../../common/errors.js';
import type { JsonObject } from '../../common/json.js';
import { templatesIn } from './template.js';

/** What intake says of a request; it throws a ValidationError with every violation. */
export interface TaskCheck {
  check(request: JsonObject): unknown;
}

/**
 * What intake would refuse of a task as it stands in a definition. What a template will fill in is checked when it has;
 * everything else, the type above all, now.
 */
export function checkTask(task: JsonObject, pointer: string, intake: TaskCheck): Violation[] {
  const own = RESERVED.filter((field) => task[field] !== undefined).map((field) => ({
    pointer: `${pointer}/${field}`,
    code: 'NOT_FOR_THIS_STEP',
    message: `${field} is set by the workflow itself`,
  }));
  const open = templatesIn(task).map((template) => template.pointer);
  if (open.includes('/type')) {
    const message = 'the type of a task is not a template: it must be known beforehand';
    return [...own, { pointer: `${pointer}/type`, code: 'UNKNOWN_TASK_TYPE', message }];
  }
  return [
    ...own,
    ...refusals(task, intake)
      .filter((violation) => !open.some((template) => isAtOrBelow(template, violation.pointer)))
      .map((violation) => ({ ...violation, pointer: `${pointer}${violation.pointer}` })),
  ];
}

/** The key is what keeps a step from being run twice. */
const RESERVED = ['idempotency_key', 'source'];

function refusals(task: JsonObject, intake: TaskCheck): Violation[] {
  try {
    intake.check(task);
    return [];
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return error.extensions['errors'] as Violation[];
  }
}

/** A rule may complain about what holds the template (`reports` for `reports.junit`) or about the place itself. */
function isAtOrBelow(template: string, pointer: string): boolean {
  return template === pointer || template.startsWith(`${pointer}/`) || pointer.startsWith(`${template}/`);
}
