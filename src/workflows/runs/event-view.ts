import type { JsonObject } from '../../common/json.js';
import type { EventEntity } from '../../events/event.entity.js';

/** An event as expressions see it. */
export function eventView(event: EventEntity): JsonObject {
  const { id, type, source, data, priority, tags, createdAt } = event;
  return { id, type, source, data, priority, tags, created_at: createdAt.toISOString() };
}
