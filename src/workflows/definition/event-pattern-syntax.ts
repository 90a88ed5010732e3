/** Whether the text is an exact type of event, the beginning of some (`task.*`), or `*`. */
export function isEventPattern(text: string): boolean {
  return text === '*' || /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?$/.test(text);
}
