import pg from 'pg';

/**
 * A connection whose loss ends no process: its error always has a listener. The pool and TypeORM each add theirs, but in
 * the turn in which one hands a new connection to the other it has none, and a server that shuts down says so in the very
 * packet that completes the connection. Who uses the connection learns of the loss from its next query.
 */
export class PostgresClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}
