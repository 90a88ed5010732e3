import type { OpenAPIObject } from '@nestjs/swagger';

/** Title of a schema that stands for any JSON value, which the decorators cannot say otherwise. */
const ANY_JSON = 'AnyJson';

type Node = Record<string, unknown>;

/**
 * The document as OpenAPI 3.1, in which schemas are JSON Schema 2020-12: `null` is a type, and a reference may have a
 * description beside it. What Nest writes is the form of 3.0.
 */
export function asOpenApi31(document: OpenAPIObject): OpenAPIObject {
  return { ...(convert(document) as OpenAPIObject), openapi: '3.1.0' };
}

function convert(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(convert);
  if (typeof value !== 'object' || value === null) return value;
  const node = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, convert(each)]));
  return nullable(unwrapped(node));
}

/** `allOf` around one reference was the way to describe a reference. */
function unwrapped(node: Node): Node {
  const { allOf, type: _type, ...rest } = node;
  if (!Array.isArray(allOf) || allOf.length !== 1) return node;
  return { ...(allOf[0] as Node), ...rest };
}

function nullable(node: Node): Node {
  if (node['nullable'] !== true) return node;
  const { nullable: _nullable, type, $ref, enum: values, ...rest } = node;
  if ($ref !== undefined) return { ...rest, anyOf: [{ $ref }, { type: 'null' }] };
  if (type === undefined || rest['title'] === ANY_JSON) return rest;
  const withNull = Array.isArray(values) ? { enum: [...(values as unknown[]), null] } : {};
  return { ...rest, type: [type, 'null'], ...withNull };
}
