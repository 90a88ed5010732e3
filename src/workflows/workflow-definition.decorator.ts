import type { JsonObject } from '../common/json.js';

export const WORKFLOW_METADATA = 'jct:workflow';

/** A class that defines one workflow. */
export interface DefinesWorkflow {
  /** @returns the document: what WorkflowBuilder.build() gives */
  define(): JsonObject;
}

/**
 * Marks a provider as the definition of a workflow: found when the tower starts, checked, and stored as a new version
 * where it differs from the stored one. A definition that is wrong keeps the tower from starting.
 *
 * @example
 * ```ts
 * @WorkflowDefinition()
 * @Injectable()
 * export class Greeting implements DefinesWorkflow {
 *   define() {
 *     return workflow('greeting', 'Says hello to whoever commits')
 *       .triggeredBy('development.code_commit')
 *       .step('greet', { task: { type: 'test', payload: { script: 'echo hello' } } })
 *       .build();
 *   }
 * }
 * ```
 */
export function WorkflowDefinition(): ClassDecorator {
  return (target) => Reflect.defineMetadata(WORKFLOW_METADATA, true, target);
}
