import type { JsonObject } from '../common/json.js';
import { storableJson } from '../database/storable.js';

const OUTCOME_BYTES_MAX = 65_536;

/** What a handler returned, as its row holds it. It has done its work: what cannot be stored is no reason to do it again. */
export function storableOutcome(outcome: JsonObject | null | undefined): string | null {
  if (outcome == null) return null;
  let text: string;
  try {
    text = storableJson(outcome);
  } catch {
    return JSON.stringify({ left_out: 'The outcome is not JSON.' });
  }
  const bytes = Buffer.byteLength(text);
  return bytes <= OUTCOME_BYTES_MAX
    ? text
    : JSON.stringify({ left_out: `The outcome has ${bytes} bytes; ${OUTCOME_BYTES_MAX} are kept at most.` });
}
