import { Matches } from 'class-validator';

/** Seconds that a run may take at most: 30 days, since steps may wait for people and events. */
export const RUN_SECONDS_MAX = 2_592_000;
export const TASK_SECONDS_MAX = 86_400;
export const STEPS_MAX = 100;

/** Names that an expression can say: `steps.build`. */
export const NAME = /^[a-z][a-z0-9_]{0,62}$/;

export const IsName = (): PropertyDecorator =>
  Matches(NAME, {
    message: '$property must be 1-63 lower-case letters, digits or "_", a letter first',
  });
