import { describe, expect, it } from '@jest/globals';
import { backoffSeconds } from '../tasks/queue/ending.js';
import { decideEnding } from './decide-ending.js';

const TASK = { attempt: 1, excusedRuns: 0, maxAttempts: 1, timeoutSeconds: 9, retryDelaySeconds: 5 };
const COMPLETED = { status: 'completed', result: { exit_code: 0 } } as const;
const STOPPED = { status: 'stopped', result: { exit_code: null } } as const;
const FAILED = {
  status: 'failed',
  failure: { reason: 'exit_code', message: 'ended with 1' },
  result: {},
  retryable: true,
} as const;

describe('decideEnding', () => {
  it('says nothing for a run that lost its lease, whatever came of it', () => {
    for (const outcome of [COMPLETED, FAILED, STOPPED])
      expect(decideEnding(outcome, 'lease_lost', TASK)).toBeNull();
  });

  it('lets a result that beat the request to stop count', () => {
    for (const stop of ['cancelled', 'timeout', 'shutdown'] as const) {
      expect(decideEnding(COMPLETED, stop, TASK)).toEqual(COMPLETED);
      expect(decideEnding(FAILED, stop, TASK)).toMatchObject({ status: 'failed' });
    }
  });

  it('turns a stop into what it was for', () => {
    expect(decideEnding(STOPPED, 'timeout', TASK)).toMatchObject({
      status: 'failed',
      failure: { reason: 'timeout' },
    });
    expect(decideEnding(STOPPED, 'cancelled', TASK)).toMatchObject({ status: 'cancelled' });
    expect(decideEnding(STOPPED, 'shutdown', TASK)).toMatchObject({ status: 'released' });
    expect(decideEnding(STOPPED, undefined, TASK)).toMatchObject({
      status: 'failed',
      failure: { reason: 'error' },
    });
  });

  it('retries while attempts are left; runs that were lost do not use them up', () => {
    expect(decideEnding(FAILED, undefined, { ...TASK, maxAttempts: 2 })).toMatchObject({ status: 'retry' });
    expect(decideEnding(FAILED, undefined, { ...TASK, attempt: 2, maxAttempts: 2 })).toMatchObject({
      status: 'failed',
    });
    const rescued = { ...TASK, attempt: 3, excusedRuns: 2, maxAttempts: 2 };
    expect(decideEnding(FAILED, undefined, rescued)).toMatchObject({ status: 'retry' });
    expect(decideEnding(STOPPED, 'timeout', { ...TASK, maxAttempts: 2 })).toMatchObject({ status: 'retry' });
  });

  it('does not retry what will not improve', () => {
    const refused = { ...FAILED, retryable: false };
    expect(decideEnding(refused, undefined, { ...TASK, maxAttempts: 9 })).toMatchObject({ status: 'failed' });
  });
});

describe('backoffSeconds', () => {
  it('doubles, is capped at 15 minutes, and is at least half of its bound', () => {
    expect([1, 2, 3].map((attempt) => backoffSeconds(5, attempt, 1))).toEqual([5, 10, 20]);
    expect(backoffSeconds(5, 1, 0)).toBe(2.5);
    expect(backoffSeconds(3_600, 1_000, 1)).toBe(900);
  });
});
