import type { OpenAPIObject } from '@nestjs/swagger';
import type { TaskType } from '../task-types/task-type-registry.js';

type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];
type SchemaObject = Exclude<Schema, { $ref: string }>;

const REQUEST = 'EnqueueTaskDto';

/**
 * Makes the body of enqueue a union over the task types, told apart by `type`, so that a generated client knows the
 * payload of each: `EnqueueBuildTask` and so on, one named schema a type.
 */
export function typeEnqueueRequest(document: OpenAPIObject, types: TaskType[]): void {
  const schemas = (document.components!.schemas ??= {}) as Record<string, SchemaObject>;
  const common = schemas[REQUEST];
  if (common === undefined) throw new Error(`The document has no schema ${REQUEST}`);
  const mapping: Record<string, string> = {};
  for (const { type, payload, summary, example } of types) {
    const name = `Enqueue${pascalCase(type)}Task`;
    mapping[type] = reference(name);
    schemas[name] = {
      ...common,
      ...(summary === undefined ? {} : { description: summary }),
      properties: {
        ...common.properties,
        type: { type: 'string', enum: [type], description: 'The type of task.' },
        payload: { $ref: reference(payload.name) },
      },
      required: ['type', 'payload'],
      additionalProperties: false,
      ...(example === undefined ? {} : { example: { type, payload: example } }),
    };
  }
  schemas[REQUEST] = {
    description: 'A task as it is handed in.',
    oneOf: Object.values(mapping).map(($ref) => ({ $ref })),
    discriminator: { propertyName: 'type', mapping },
  };
}

function reference(name: string): string {
  return `#/components/schemas/${name}`;
}

function pascalCase(type: string): string {
  return type.replace(/(?:^|[._-])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
