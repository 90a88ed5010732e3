/** Something the demo cannot go on without; the message is all that the reader needs. */
export class DemoError extends Error {}
