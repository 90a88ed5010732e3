import type { IncomingHttpHeaders } from 'node:http';
import { HTTP, ValidationError as CloudEventError, type CloudEvent } from 'cloudevents';
import { ValidationError, type Violation } from '../common/errors.js';
import type { JsonObject } from '../common/json.js';
import { EVENT_PRIORITIES, type EventPriority } from './event.entity.js';
import type { PostEventDto } from './dto/post-event.dto.js';

/** What the library would make up when the sender leaves it out. */
const REQUIRED = ['id', 'source', 'specversion', 'type'] as const;
const OWN_ATTRIBUTES = [
  ...REQUIRED,
  'data',
  'data_base64',
  'datacontenttype',
  'datacontentencoding',
  'schemaurl',
];

/** Whether the request is a CloudEvent, in binary mode (`ce-` headers) or in structured mode. */
export function isCloudEvent(headers: IncomingHttpHeaders): boolean {
  return isStructured(headers) || Object.keys(headers).some((name) => name.startsWith('ce-'));
}

/**
 * A CloudEvent 1.0 as the tower's own form of an event, not validated by its rules yet. Its id becomes `dedup_id`; `subject`,
 * `time`, `dataschema` and extension attributes become tags, but for an extension `priority` that is one of ours.
 *
 * @throws ValidationError with a pointer to each attribute that is wrong
 */
export function fromCloudEvent(headers: IncomingHttpHeaders, body: JsonObject | undefined): PostEventDto {
  const given = isStructured(headers) ? (body ?? {}) : attributesOf(headers);
  const wrong = violationsOfAttributes(given);
  if (wrong.length > 0) throw new ValidationError(wrong);
  const { id, source, type, priority, ...rest } = parsed(headers, given, body);
  const own = EVENT_PRIORITIES.find((each) => each === priority);
  const tags = Object.entries({ ...rest, ...(own === undefined ? { priority } : {}) })
    .filter(([name, value]) => !OWN_ATTRIBUTES.includes(name) && value !== undefined)
    // The library gives the time of reading to an event without one.
    .filter(([name]) => name !== 'time' || given['time'] !== undefined)
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
  return {
    type,
    source,
    dedup_id: id,
    data: rest.data ?? {},
    tags: Object.fromEntries(tags) as Record<string, string>,
    ...(own === undefined ? {} : { priority: own satisfies EventPriority }),
  };
}

function isStructured(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.trim().toLowerCase().startsWith('application/cloudevents') ?? false;
}

/** Already of ASCII characters, with percent signs of their own. */
const NEVER_ENCODED = ['id', 'source', 'type', 'dataschema'];

/** The attributes of binary mode: text travels percent-encoded (HTTP binding, 3.1.3.2). */
function attributesOf(headers: IncomingHttpHeaders): JsonObject {
  const attributes = Object.entries(headers).filter(([name]) => name.startsWith('ce-'));
  return Object.fromEntries(
    attributes.map(([header, value]) => {
      const [name, text] = [header.slice(3), String(value)];
      return [name, NEVER_ENCODED.includes(name) ? text : decoded(text)];
    }),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function violationsOfAttributes(given: JsonObject): Violation[] {
  const missing = REQUIRED.filter((name) => (given[name] ?? '') === '');
  const violations = missing.map((name) => ({
    pointer: `/${name}`,
    code: 'REQUIRED',
    message: `A CloudEvent must have the attribute ${name}`,
  }));
  const wrong = (pointer: string, message: string): void =>
    void violations.push({ pointer, code: 'CLOUD_EVENT', message });
  if (!missing.includes('specversion') && given['specversion'] !== '1.0')
    wrong('/specversion', 'specversion must be 1.0');
  if (given['time'] !== undefined && Number.isNaN(Date.parse(String(given['time']))))
    wrong('/time', 'time must be a time of RFC 3339');
  if (given['data_base64'] !== undefined) wrong('/data_base64', 'data must be JSON, not binary');
  return violations;
}

/** @throws ValidationError with what the library finds */
function parsed(
  headers: IncomingHttpHeaders,
  given: JsonObject,
  body: JsonObject | undefined,
): CloudEvent<JsonObject> {
  try {
    const event = isStructured(headers)
      ? HTTP.toEvent<JsonObject>({ headers: { 'content-type': 'application/cloudevents+json' }, body })
      : HTTP.toEvent<JsonObject>({ headers: binaryHeaders(given), body: body ?? {} });
    const one = event as CloudEvent<JsonObject>;
    one.validate();
    return one;
  } catch (error) {
    if (!(error instanceof CloudEventError)) throw error;
    throw new ValidationError(violationsOf(error));
  }
}

function binaryHeaders(given: JsonObject): Record<string, string> {
  const names = Object.entries(given).map(([name, value]) => [`ce-${name}`, String(value)]);
  return { 'content-type': 'application/json', ...(Object.fromEntries(names) as Record<string, string>) };
}

function violationsOf(error: CloudEventError): Violation[] {
  const found = (error.errors ?? []) as { instancePath?: string; message?: string }[];
  const violations = found
    .filter((each) => typeof each === 'object' && each.instancePath !== undefined)
    .map(({ instancePath, message }) => ({
      pointer: instancePath!,
      code: 'CLOUD_EVENT',
      message: `${instancePath!.slice(1)} ${message ?? 'is wrong'}`,
    }));
  return violations.length > 0 ? violations : [{ pointer: '', code: 'CLOUD_EVENT', message: error.message }];
}
