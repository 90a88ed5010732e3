import type { JsonObject } from '../../common/json.js';
import { storableJson, storableText } from '../../database/storable.js';
import type { Failure } from '../../task-types/outcome.js';
import type { Ending } from './ending.js';

const MESSAGE_CHARACTERS_MAX = 2_000;
const RESULT_BYTES_MAX = 65_536;

/**
 * The ending as its rows hold it: without what a database refuses, and of a size that lists and callbacks can carry. The
 * whole stands in the trace.
 */
export function storableEnding(ending: Ending): Ending {
  const stored = { ...ending };
  if ('failure' in stored) stored.failure = storableFailure(stored.failure);
  if ('result' in stored && stored.result !== null) stored.result = storableResult(stored.result);
  return stored;
}

export function storableFailure(failure: Failure): Failure {
  return { ...failure, message: cut(failure.message) };
}

function cut(text: string): string {
  const message = storableText(text);
  return message.length <= MESSAGE_CHARACTERS_MAX
    ? message
    : `${message.slice(0, MESSAGE_CHARACTERS_MAX - 1)}…`;
}

function storableResult(result: JsonObject): JsonObject {
  const json = storableJson(result);
  const sizeBytes = Buffer.byteLength(json);
  return sizeBytes <= RESULT_BYTES_MAX
    ? (JSON.parse(json) as JsonObject)
    : { truncated: true, size_bytes: sizeBytes };
}
