/** What carries messages between processes: everything published on its one channel reaches every open connection. */
export interface Broker {
  /** For the log: which one it is, and the setting that names it; never its address, which may hold a password. */
  readonly name: string;
  /**
   * Opens a connection that listens and publishes.
   *
   * @param received told of each message, those of this connection included
   * @throws Error after 10 s at most, with a message that may be logged
   */
  connect(received: (message: string) => void): Promise<BrokerConnection>;
}

export interface BrokerConnection {
  /** Resolves with the reason when the connection is of no use any more; never rejects. */
  readonly ended: Promise<string>;
  /** @throws Error when the message may not have left */
  publish(message: string): Promise<void>;
  close(): Promise<void>;
}

/** Why it failed, for the log. Node's error for a name with several addresses has no message, only a code. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || 'unknown error';
}
