import { isEventType } from './event-types.js';

/** Whether the pattern selects the type: the type itself, `task.*` for every type below `task`, `*` for all. */
export function matches(pattern: string, type: string): boolean {
  if (pattern === '*') return true;
  return pattern.endsWith('.*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type;
}

/** Whether the text is a pattern that matches() understands. */
export function isEventPattern(text: string): boolean {
  return text === '*' || isEventType(text.endsWith('.*') ? text.slice(0, -2) : text);
}
