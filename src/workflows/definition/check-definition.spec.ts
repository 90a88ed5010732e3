import { describe, expect, it } from '@jest/globals';
import { ValidationError } from '../../common/errors.js';
import type { JsonObject } from '../../common/json.js';
import { checkDefinition, definitionHash } from './check-definition.js';
import type { TaskCheck } from './check-task.js';

/** Knows one type of task, whose script must be text. */
const intake: TaskCheck = {
  check: (task) => {
    const { type, payload } = task as { type: string; payload?: { script?: unknown } };
    if (type !== 'test') {
      const violation = {
        pointer: '/type',
        code: 'UNKNOWN_TASK_TYPE',
        message: `There is no task type "${type}"`,
      };
      throw new ValidationError([violation]);
    }
    if (typeof payload?.script === 'string') return;
    throw new ValidationError([
      { pointer: '/payload/script', code: 'IS_STRING', message: 'script must be a string' },
    ]);
  },
};

const task = (script = 'true'): JsonObject => ({ type: 'test', payload: { script } });
const step = (name: string, more: JsonObject = {}): JsonObject => ({ name, task: task(), ...more });
const document = (...steps: JsonObject[]): JsonObject => ({ name: 'checks', steps });

function found(sent: JsonObject): string[] {
  return checkDefinition(sent, intake).violations.map(({ pointer, code }) => `${code} ${pointer}`);
}

const SOUND: JsonObject = {
  name: 'release',
  description: 'Everything at once',
  trigger_events: ['development.code_commit', 'deployment.*'],
  trigger_conditions: 'event.data.branch == "main"',
  inputs: {
    repository: { type: 'string', required: true, default: '${{ event.data.repository }}' },
    parts: { type: 'array', default: ['api', 'web'] },
    wait: { type: 'boolean', default: false },
  },
  concurrency_key: 'release:${{ inputs.repository }}',
  timeout_seconds: 7_200,
  steps: [
    step('test', { retries: 2, timeout_seconds: 60, on_failure: { run: ['tell'] } }),
    step('build', {
      needs: ['test'],
      for_each: 'inputs.parts',
      max_parallel: 2,
      task: task('make ${{ shell(item) }} # part ${{ shell(item_index) }}'),
    }),
    {
      name: 'approved',
      needs: ['build'],
      if: 'inputs.wait && size(steps.build.result.items) > 1',
      wait_for: { event: 'user.action', if: 'received.data.ref == inputs.repository' },
      timeout_seconds: 600,
    },
    { name: 'pause', needs: ['build'], wait_until: { seconds: 5 } },
    {
      name: 'scan',
      needs: ['pause'],
      workflow: { name: 'other', inputs: { of: '${{ steps.test.result.commit }}' } },
    },
    step('tell', { task: task('echo ${{ shell(steps.test.error) }}') }),
  ],
  schedules: [
    {
      name: 'nightly',
      cron: '30 2 * * 1-5',
      time_zone: 'Europe/Berlin',
      inputs: { repository: 'acme/widgets' },
    },
  ],
};

describe('checkDefinition', () => {
  it('finds nothing wrong with a definition that uses everything', () => {
    expect(checkDefinition(SOUND, intake).violations).toEqual([]);
  });

  it.each<[string, JsonObject, string[]]>([
    ['a name that is none', { ...document(step('a')), name: 'Not a name' }, ['MATCHES /name']],
    ['no steps', { name: 'checks', steps: [] }, ['ARRAY_MIN_SIZE /steps']],
    ['an unknown field', { ...document(step('a')), retry: 1 }, ['UNKNOWN_FIELD /retry']],
    ['an unknown field of a step', document(step('a', { when: 'x' })), ['UNKNOWN_FIELD /steps/0/when']],
    ['a step with a name that expressions cannot say', document(step('a-b')), ['MATCHES /steps/0/name']],
    ['two steps of one name', document(step('a'), step('a')), ['DUPLICATE_STEP /steps/1/name']],
    ['a need that there is not', document(step('a', { needs: ['b'] })), ['UNKNOWN_STEP /steps/0/needs/0']],
    ['a step that needs itself', document(step('a', { needs: ['a'] })), ['SELF_DEPENDENCY /steps/0/needs/0']],
    [
      'a cycle',
      document(step('a', { needs: ['c'] }), step('b', { needs: ['a'] }), step('c', { needs: ['b'] })),
      ['CYCLE /steps/0/needs'],
    ],
    ['a step that does nothing', document({ name: 'a' }), ['STEP_KIND /steps/0']],
    [
      'a step that does two things',
      document(step('a', { wait_until: { seconds: 1 } })),
      ['STEP_KIND /steps/0'],
    ],
    [
      'an approval, which this version does not have',
      document({ name: 'a', approval: { by: 'ops' } }),
      ['UNKNOWN_FIELD /steps/0/approval', 'APPROVAL_UNSUPPORTED /steps/0/approval', 'STEP_KIND /steps/0'],
    ],
    [
      'an unknown type of task',
      document(step('a', { task: { type: 'tset', payload: {} } })),
      ['UNKNOWN_TASK_TYPE /steps/0/task/type'],
    ],
    [
      'a payload that its type refuses',
      document(step('a', { task: { type: 'test', payload: { script: 1 } } })),
      ['IS_STRING /steps/0/task/payload/script'],
    ],
    [
      'a key of its own for a task',
      document(step('a', { task: { ...task(), idempotency_key: 'x' } })),
      ['NOT_FOR_THIS_STEP /steps/0/task/idempotency_key'],
    ],
    [
      'a template that is not closed',
      document(step('a', { task: task('echo ${{ inputs.x') })),
      ['BAD_TEMPLATE /steps/0/task/payload/script'],
    ],
    [
      'an empty template',
      document(step('a', { task: { ...task(), tags: ['${{ }}'] } })),
      ['BAD_TEMPLATE /steps/0/task/tags/0'],
    ],
    ['an expression that is none', document(step('a', { if: '1 +' })), ['BAD_EXPRESSION /steps/0/if']],
    [
      'an expression in braces where it stands alone',
      document(step('a', { if: '${{ true }}' })),
      ['BAD_EXPRESSION /steps/0/if'],
    ],
    [
      'a variable that there is not',
      document(step('a', { if: 'env.x == 1' })),
      ['BAD_EXPRESSION /steps/0/if'],
    ],
    [
      'the item of a list where there is none',
      document(step('a', { task: { ...task(), tags: ['${{ item }}'] } })),
      ['BAD_EXPRESSION /steps/0/task/tags/0'],
    ],
    [
      'an input that is not declared',
      document(step('a', { if: 'inputs.x == 1' })),
      ['UNKNOWN_INPUT /steps/0/if'],
    ],
    [
      'a step that is read without being needed',
      document(step('a'), step('b', { if: 'steps.a.status == "completed"' })),
      ['MISSING_NEED /steps/1/if'],
    ],
    [
      'a step that is read and does not exist',
      document(step('a', { if: 'has(steps.z.status)' })),
      ['UNKNOWN_STEP /steps/0/if'],
    ],
    [
      'steps that are not named',
      document(step('a', { if: 'steps.all(s, true)' })),
      ['BAD_EXPRESSION /steps/0/if'],
    ],
    ['a timeout of nothing', { ...document(step('a')), timeout_seconds: 0 }, ['MIN /timeout_seconds']],
    [
      'a timeout that is no number',
      document(step('a', { timeout_seconds: '5m' })),
      ['MAX /steps/0/timeout_seconds', 'MIN /steps/0/timeout_seconds', 'IS_INT /steps/0/timeout_seconds'],
    ],
    [
      'a task that may take longer than a day',
      document(step('a', { timeout_seconds: 90_000 })),
      ['MAX /steps/0/timeout_seconds'],
    ],
    [
      'retries of a wait',
      document({ name: 'a', wait_until: { seconds: 1 }, retries: 2 }),
      ['NOT_FOR_THIS_STEP /steps/0/retries'],
    ],
    [
      'two times to wait for',
      document({ name: 'a', wait_until: { seconds: 1, time: '2030-01-01T00:00:00Z' } }),
      ['STEP_KIND /steps/0/wait_until'],
    ],
    [
      'a pattern of events that is none',
      { ...document(step('a')), trigger_events: ['deploy*'] },
      ['BAD_PATTERN /trigger_events/0'],
    ],
    [
      'an on_failure that is none',
      document(step('a', { on_failure: 'retry' })),
      ['IS_IN /steps/0/on_failure'],
    ],
    [
      'a step to run on failure that there is not',
      document(step('a', { on_failure: { run: ['b'] } })),
      ['UNKNOWN_STEP /steps/0/on_failure/run/0'],
    ],
    [
      'a step that needs one that runs on failure only',
      document(step('a', { on_failure: { run: ['b'] } }), step('b'), step('c', { needs: ['b'] })),
      ['FAILURE_STEP /steps/2/needs/0'],
    ],
    [
      'a default that is not of its type',
      { ...document(step('a')), inputs: { n: { type: 'integer', default: 'one' } } },
      ['BAD_INPUT /inputs/n/default'],
    ],
    [
      'an input of a type that there is not',
      { ...document(step('a')), inputs: { n: { type: 'date' } } },
      ['IS_IN /inputs/n/type'],
    ],
    [
      'a cron expression that is none',
      { ...document(step('a')), schedules: [{ name: 's', cron: '61 * * * *' }] },
      ['BAD_CRON /schedules/0/cron'],
    ],
    [
      'a cron expression of seconds',
      { ...document(step('a')), schedules: [{ name: 's', cron: '* * * * * *' }] },
      ['BAD_CRON /schedules/0/cron'],
    ],
    [
      'a day that never comes',
      { ...document(step('a')), schedules: [{ name: 's', cron: '0 0 31 2 *' }] },
      ['BAD_CRON /schedules/0/cron'],
    ],
    [
      'a time zone that there is not',
      { ...document(step('a')), schedules: [{ name: 's', cron: '@daily', time_zone: 'Mars/Olympus' }] },
      ['BAD_TIME_ZONE /schedules/0/time_zone'],
    ],
    [
      'a schedule without an input that is required',
      {
        ...document(step('a')),
        inputs: { x: { type: 'string', required: true } },
        schedules: [{ name: 's', cron: '@daily' }],
      },
      ['REQUIRED /schedules/0/inputs/x'],
    ],
    [
      'an event in a script',
      document(step('a', { task: task('git checkout ${{ event.data.branch }}') })),
      ['UNQUOTED_EXPRESSION /steps/0/task/payload/script'],
    ],
    [
      'a script that an event gives',
      document(step('a', { task: task('${{ event.data.script }}') })),
      ['UNQUOTED_EXPRESSION /steps/0/task/payload/script'],
    ],
  ])('refuses %s', (_, sent, expected) => {
    expect(found(sent).sort()).toEqual([...expected].sort());
  });

  it('lists everything that is wrong at once', () => {
    const sent = {
      name: 'Wrong!',
      trigger_events: ['a b'],
      inputs: { n: { type: 'integer', default: 1.5 } },
      steps: [
        step('a', { needs: ['a', 'z'], if: 'inputs.m', task: { type: 'tset', payload: {} } }),
        step('a', { timeout_seconds: 0, on_failure: 3 }),
      ],
      schedules: [{ name: 's', cron: 'daily', time_zone: 'UTC' }],
    };
    expect(found(sent)).toEqual([
      'MATCHES /name',
      'MIN /steps/1/timeout_seconds',
      'IS_IN /steps/1/on_failure',
      'BAD_PATTERN /trigger_events/0',
      'BAD_INPUT /inputs/n/default',
      'DUPLICATE_STEP /steps/1/name',
      'SELF_DEPENDENCY /steps/0/needs/0',
      'UNKNOWN_STEP /steps/0/needs/1',
      'UNKNOWN_TASK_TYPE /steps/0/task/type',
      'UNKNOWN_INPUT /steps/0/if',
      'BAD_CRON /schedules/0/cron',
    ]);
  });

  it('lets a step that runs on failure read the one that failed, and all before it', () => {
    const steps = [
      step('first'),
      step('second', { needs: ['first'], on_failure: { run: ['undo'] } }),
      step('undo', { if: 'steps.first.status == "completed" && steps.second.status == "failed"' }),
    ];
    expect(found(document(...steps))).toEqual([]);
    expect(
      found(document(...steps, step('other'), step('late', { if: 'steps.undo.status == "x"' }))),
    ).toEqual(['MISSING_NEED /steps/4/if']);
  });

  it('leaves to the run what a template will fill in, and nothing else', () => {
    const typed = step('a', {
      task: { type: 'test', payload: { script: 'true' }, options: { timeout_seconds: '${{ inputs.t }}' } },
    });
    expect(found({ ...document(typed), inputs: { t: { type: 'integer', default: 5 } } })).toEqual([]);
  });

  it('survives whatever it is given', () => {
    for (const sent of [
      {},
      { steps: 1 },
      { steps: [null, 1, []] },
      { name: 1, steps: [{ needs: 'x', task: [] }], inputs: [] },
    ]) {
      expect(checkDefinition(sent as JsonObject, intake).violations).not.toEqual([]);
    }
  });

  it('gives the same hash to documents that mean the same', () => {
    const [a, b] = [document(step('a', { needs: [] })), document({ task: task(), name: 'a' })].map(
      (sent) => checkDefinition(sent, intake).definition,
    );
    expect(definitionHash(a)).toBe(definitionHash(b));
    expect(definitionHash(checkDefinition(document(step('b')), intake).definition)).not.toBe(
      definitionHash(a),
    );
  });
});
