import type { OpenAPIObject } from '@nestjs/swagger';
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Response = NonNullable<Operation['responses'][string]>;

const DESCRIPTIONS: Record<number, string> = {
  400: 'The request cannot be read, or holds JSON that is refused.',
  401: 'A key is needed: Authorization: Bearer jct_...; of a webhook the signature is missing or wrong.',
  403: 'Policy denies the task (POLICY_DENIED, every violated rule), the key may not do this, or the webhook has no secret.',
  404: 'There is no such thing.',
  409: 'The idempotency key stands for another request, or the present state forbids it.',
  413: 'The body is larger than 1 MiB.',
  415: 'The body is not application/json.',
  422: 'Well-formed, but violates the schema; every violation is listed.',
  500: 'Something went wrong inside; the request id leads to the log.',
  503: 'Cannot serve now, may later: see Retry-After.',
};

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Declares every error that an operation can answer; all have the form of ProblemDto. */
export function declareErrors(document: OpenAPIObject): void {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation === undefined) continue;
      if (operation.operationId === undefined) throw new Error(`${method} ${path} has no operationId`);
      for (const status of statusesOf(path, operation)) operation.responses[status] ??= problem(status);
    }
  }
}

function statusesOf(path: string, operation: Operation): number[] {
  const alive = ['/health', '/healthz', '/version', '/readyz'].includes(path);
  if (alive) return [400, 500];
  const statuses = [400, 401, 500, 503];
  if (path.includes('{')) statuses.push(404);
  if ((operation.parameters ?? []).some((parameter) => 'in' in parameter && parameter.in === 'query'))
    statuses.push(422);
  if (operation.requestBody !== undefined) statuses.push(413, 415, 422);
  if (/\/(enqueue|replay|retry)$|^\/webhooks\//.test(path)) statuses.push(403);
  if (/\/(enqueue|cancel|replay|retry|redeliver|resume|start|stop)$/.test(path)) statuses.push(409);
  if (path.endsWith('/runs') && operation.requestBody !== undefined) statuses.push(409);
  return [...new Set(statuses)];
}

function problem(status: number): Response {
  return {
    description: DESCRIPTIONS[status],
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/ProblemDto' } } },
  };
}
