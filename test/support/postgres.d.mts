export interface PrivatePostgres {
  url: string;
  start(): Promise<void>;
  halt(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

export function startPrivatePostgres(parent?: string): Promise<PrivatePostgres>;
