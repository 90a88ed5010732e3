export interface PrivatePostgres {
  url: string;
  start(): Promise<void>;
  halt(signal?: NodeJS.Signals): Promise<void>;
  signalAll(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export function startPrivatePostgres(where?: {
  parent?: string;
  settings?: string[];
}): Promise<PrivatePostgres>;
