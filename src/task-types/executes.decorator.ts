import type { Type } from '@nestjs/common';
import type { JsonObject } from '../common/json.js';

export interface TaskTypeOptions {
  /** The DTO of the payload: validates at intake (class-validator) and appears in the OpenAPI document. */
  payload: Type<object>;
  /** One sentence for the OpenAPI document. */
  summary?: string;
  /** A payload that passes validation, shown as the example of this type. */
  example?: JsonObject;
}

export interface TaskTypeMetadata extends TaskTypeOptions {
  type: string;
}

export const TASK_TYPES_METADATA = 'jct:task-types';

/**
 * Marks a provider as the executor of a task type; repeat the decorator for several types.
 *
 * @param type 1-64 characters: lower-case letters, digits, `.`, `_`, `-`
 * @throws Error at boot when the name is malformed or another provider executes the same type
 */
export function Executes(type: string, options: TaskTypeOptions): ClassDecorator {
  return (target) => {
    const earlier = (Reflect.getOwnMetadata(TASK_TYPES_METADATA, target) ?? []) as TaskTypeMetadata[];
    Reflect.defineMetadata(TASK_TYPES_METADATA, [{ type, ...options }, ...earlier], target);
  };
}
