import { plainToInstance } from 'class-transformer';
import { validate, type ValidationError } from 'class-validator';
import { describe, expect, it } from '@jest/globals';
import { TASK_TYPES_METADATA, type TaskTypeMetadata } from '../../task-types/executes.decorator.js';
import { CommandExecutor } from './command.executor.js';
import { CommandPayload, ScanPayload } from './command.payload.js';

async function messages(payload: object, type: new () => object = CommandPayload): Promise<string[]> {
  const errors = await validate(plainToInstance(type, payload), {
    whitelist: true,
    forbidNonWhitelisted: true,
  });
  const flatten = (error: ValidationError): string[] => [
    ...Object.values(error.constraints ?? {}),
    ...(error.children ?? []).flatMap(flatten),
  ];
  return errors.flatMap(flatten);
}

describe('the payload of a command', () => {
  it.each<[string, object]>([
    ['a script', { script: 'true' }],
    ['a command', { command: ['true', '', '--x=y'] }],
    [
      'as much as is allowed',
      {
        script: 'x'.repeat(65_536),
        env: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`V${i}`, ''])),
      },
    ],
    ['everything', {
      command: ['make'], env: { A_1: 'ü', _b: 'x'.repeat(32_768) }, artifacts: ['dist/**', '{a,b}/*.js'], secrets: [],
      reports: { junit: ['*.xml'], sarif: ['a.sarif'] },
      checks: [{ exit_code: 3 }, { file_exists: 'a' }, { changed_only_under: 'src/' },
        { json_equals: { file: 'a.json', pointer: '', value: null } }, { json_equals: { file: 'a', pointer: '/a~1b/0', value: { b: [1] } } }],
    }], // prettier-ignore
  ])('may be %s', async (_what, payload) => {
    expect(await messages(payload)).toEqual([]);
  });

  it.each<[object, RegExp]>([
    [{}, /either script or command/],
    [{ script: 'x', command: ['x'] }, /either script or command/],
    [{ script: null }, /script must be a string/],
    [{ script: '' }, /script's byte length/],
    [{ script: 'x'.repeat(65_537) }, /byte length/],
    [{ script: 'ü'.repeat(32_769) }, /byte length/],
    [{ script: 'a\0b' }, /NUL/],
    [{ script: 'x', command: null }, /either script or command/],
    [{ command: [] }, /command/],
    [{ command: [''] }, /name of a program/],
    [{ command: ['A=b', 'x'] }, /name of a program/],
    [{ command: [1] }, /must be a string/],
    [{ command: ['x', 'a\0'] }, /NUL/],
    [{ command: Array<string>(257).fill('x') }, /256/],
    [{ script: 'x', shell: 'zsh' }, /shell should not exist/],
    [{ script: 'x', env: { JCT_TASK_ID: '1' } }, /JCT_/],
    [{ script: 'x', env: { '1A': '1' } }, /names of letters/],
    [{ script: 'x', env: { 'A B': '1' } }, /names of letters/],
    [{ script: 'x', env: { 'BASH_FUNC_ls%%': '() { :; }' } }, /names of letters/],
    [{ script: 'x', env: { A: 1 } }, /strings of at most/],
    [{ script: 'x', env: { A: 'a\0' } }, /without NUL/],
    [{ script: 'x', env: { A: 'x'.repeat(32_769) } }, /32768/],
    [{ script: 'x', env: [] }, /must be an object/],
    [{ script: 'x', env: null }, /must be an object/],
    [
      { script: 'x', env: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`V${i}`, ''])) },
      /at most 100/,
    ],
    [{ script: 'x', artifacts: 'dist' }, /artifacts/],
    [{ script: 'x', artifacts: ['/etc/passwd'] }, /relative/],
    [{ script: 'x', artifacts: ['a/../../b'] }, /relative/],
    [{ script: 'x', artifacts: [1] }, /list of strings/],
    [{ script: 'x', artifacts: Array<string>(51).fill('x') }, /50/],
    [{ script: 'x', reports: { junit: ['../x'] } }, /relative/],
    [{ script: 'x', reports: { html: ['x'] } }, /html should not exist/],
    [{ script: 'x', reports: [] }, /reports must be an object/],
    [{ script: 'x', reports: null }, /reports must be an object/],
    [{ script: 'x', checks: [{}] }, /exactly one of exit_code/],
    [{ script: 'x', checks: [{ exit_code: 0, file_exists: 'a' }] }, /exactly one of exit_code/],
    [{ script: 'x', checks: [{ exit: 0 }] }, /exit should not exist/],
    [{ script: 'x', checks: [null] }, /exactly one of exit_code/],
    [{ script: 'x', checks: [[{ exit_code: 0 }]] }, /exactly one of exit_code/],
    [{ script: 'x', checks: [{ exit_code: '0' }] }, /integer/],
    [{ script: 'x', checks: [{ exit_code: 256 }] }, /255/],
    [{ script: 'x', checks: [{ file_exists: '../x' }] }, /stays inside/],
    [{ script: 'x', checks: [{ file_exists: '' }] }, /not empty/],
    [{ script: 'x', checks: [{ json_equals: { file: 'a', pointer: '' } }] }, /value must be given/],
    [{ script: 'x', checks: [{ json_equals: { file: 'a', pointer: 'b', value: 1 } }] }, /JSON pointer/],
    [{ script: 'x', checks: [{ json_equals: { file: 'a', pointer: '/~2', value: 1 } }] }, /JSON pointer/],
    [{ script: 'x', checks: [{ json_equals: [] }] }, /json_equals must be an object/],
    [{ script: 'x', checks: Array<object>(51).fill({ exit_code: 0 }) }, /50/],
    [{ script: 'x', secrets: ['TOKEN'] }, /no secret store/],
    [{ script: 'x', fail_on: 'error' }, /fail_on should not exist/],
  ])('is refused: %j', async (payload, message) => {
    expect((await messages(payload)).join('\n')).toMatch(message);
  });

  it('of a scan says what fails it, errors by default', async () => {
    expect(plainToInstance(ScanPayload, { script: 'x' }).fail_on).toBe('error');
    expect(await messages({ script: 'x', fail_on: 'never' }, ScanPayload)).toEqual([]);
    expect(await messages({ script: 'x', fail_on: 'note' }, ScanPayload)).toHaveLength(1);
    expect(await messages({ script: 'x', fail_on: null }, ScanPayload)).toHaveLength(1);
  });

  it('passes in every example of the task types', async () => {
    const types = Reflect.getOwnMetadata(TASK_TYPES_METADATA, CommandExecutor) as TaskTypeMetadata[];
    expect(types.map(({ type }) => type)).toEqual(['build', 'test', 'scan', 'deploy']);
    for (const { example, payload } of types) {
      expect(await messages(example!, payload as new () => object)).toEqual([]);
    }
  });
});
