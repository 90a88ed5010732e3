import { flag, integer, names, oneOf, optionalInteger, optionalText, optionalUrl, text } from './setting.js';

const DAY_SECONDS = 86_400;

/**
 * Every setting of the tower. `.env.example` and the table in docs/operations.md are compared with this list by a test.
 * Names of the seed stay as they are; what is new carries the prefix JCT_.
 */
export const SETTINGS = {
  databaseUrl: text(
    'DATABASE_URL',
    'sqlite:///./devops_control_tower.db',
    'Database. `sqlite:///relative`, `sqlite:////absolute`, `postgresql://`, `postgres://`, `postgresql+<driver>://`.',
    { secret: true },
  ),
  redisUrl: optionalUrl(
    'REDIS_URL',
    ['redis:', 'rediss:'],
    'Redis (6 or newer) for wake-ups between processes; unset: PostgreSQL, when that is the database. A hint, never the truth.',
    { secret: true },
  ),
  apiHost: text(
    'API_HOST',
    '127.0.0.1',
    'Address to listen on. Not loopback: needs JCT_API_KEY_FILE, else exit 78.',
  ),
  apiPort: integer('API_PORT', 8000, 'Port to listen on; 0 takes a free one.', 0, 65_535),
  debug: flag('DEBUG', false, 'Logs at level debug.'),
  environment: text('ENVIRONMENT', 'development', 'Name of this installation, shown by /status.'),
  logLevel: oneOf('LOG_LEVEL', 'info', 'Least severe level that is logged.', [
    'error',
    'warn',
    'info',
    'debug',
  ]),
  logFormat: oneOf('LOG_FORMAT', 'auto', 'Process log: json, pretty, or auto (pretty on a terminal).', [
    'auto',
    'json',
    'pretty',
  ]),
  openaiApiKey: optionalText('OPENAI_API_KEY', 'For AI agents.', { secret: true }),
  anthropicApiKey: optionalText('ANTHROPIC_API_KEY', 'For AI agents.', { secret: true }),
  maxConcurrentAgents: integer(
    'MAX_CONCURRENT_AGENTS',
    10,
    'Agents that may run at once in one process; those beyond stay stopped.',
    0,
    1_000,
  ),
  apiKeyFile: optionalText(
    'JCT_API_KEY_FILE',
    'File with the API key that every request must bear. Made with a new key (mode 0600) when it does not exist.',
  ),
  role: oneOf('JCT_ROLE', 'all', 'What this process does: serve the API, work, or both.', [
    'all',
    'api',
    'worker',
  ]),
  traceRoot: text('JCT_TRACE_ROOT', './traces', 'Where trace folders are written.'),
  workspaceRoot: text('JCT_WORKSPACE_ROOT', './workspaces', 'Where repositories are cached and checked out.'),
  policyFile: optionalText(
    'JCT_POLICY_FILE',
    'YAML file that replaces the built-in policy. Reloaded when it changes.',
  ),
  workerConcurrency: integer(
    'JCT_WORKER_CONCURRENCY',
    4,
    'Tasks that run at once in this process.',
    1,
    1_000,
  ),
  workerQueues: names('JCT_WORKER_QUEUES', 'default', 'Queues that this worker serves, comma-separated.'),
  pollIntervalMs: integer(
    'JCT_POLL_INTERVAL_MS',
    1_000,
    'Safety net: work is announced, not polled for.',
    10,
    60_000,
  ),
  leaseSeconds: integer('JCT_LEASE_SECONDS', 60, 'How long a silent worker keeps its task.', 2, DAY_SECONDS),
  heartbeatSeconds: integer(
    'JCT_HEARTBEAT_SECONDS',
    20,
    'How often a worker renews its leases.',
    1,
    DAY_SECONDS,
  ),
  reapIntervalSeconds: integer(
    'JCT_REAP_INTERVAL_SECONDS',
    15,
    'How often dead runs are looked for.',
    1,
    DAY_SECONDS,
  ),
  shutdownGraceSeconds: integer(
    'JCT_SHUTDOWN_GRACE_SECONDS',
    30,
    'How long running tasks may finish.',
    0,
    DAY_SECONDS,
  ),
  retentionDays: integer(
    'JCT_RETENTION_DAYS',
    30,
    'Age at which finished tasks, traces and events are deleted.',
    1,
    36_500,
  ),
  logBytesMax: integer(
    'JCT_LOG_BYTES_MAX',
    67_108_864,
    'Bytes of output kept for a run.',
    1_024,
    1_099_511_627_776,
  ),
  minFreeMb: integer(
    'JCT_MIN_FREE_MB',
    100,
    'Less free disk than this: no task starts, /readyz says 503.',
    0,
    1_048_576,
  ),
  sandbox: oneOf('JCT_SANDBOX', 'auto', 'auto: bubblewrap where usable; process: never use it.', [
    'auto',
    'process',
  ]),
  webhookSecret: optionalText(
    'JCT_WEBHOOK_SECRET',
    'Signs callbacks: whsec_ and Base64. Towers that share a database need the same. Unset: what is in JCT_WEBHOOK_SECRET_FILE.',
    { secret: true },
  ),
  webhookSecretFile: text(
    'JCT_WEBHOOK_SECRET_FILE',
    './.jct/webhook-secret',
    'File with the secret that signs callbacks. Made with a new secret (mode 0600) when it does not exist.',
  ),
  githubWebhookSecret: optionalText(
    'JCT_GITHUB_WEBHOOK_SECRET',
    'Verifies what GitHub sends to /webhooks/github. Unset: what is in JCT_GITHUB_WEBHOOK_SECRET_FILE.',
    { secret: true },
  ),
  githubWebhookSecretFile: optionalText(
    'JCT_GITHUB_WEBHOOK_SECRET_FILE',
    'File with that secret. Made with a new secret (mode 0600) when it does not exist. Neither set: /webhooks/github is closed.',
  ),
  inboundWebhookSecretDir: optionalText(
    'JCT_INBOUND_WEBHOOK_SECRET_DIR',
    'Folder with a file for each sender of /webhooks/{source}, named like the source, that holds its secret: whsec_ and Base64. Read at each request.',
  ),
  agentsFile: optionalText(
    'JCT_AGENTS_FILE',
    'YAML file with the configuration of agents, by name. Read at start.',
  ),
  aiProvider: oneOf(
    'JCT_AI_PROVIDER',
    'auto',
    'Whose protocol AI agents speak. auto: anthropic where its key is set, else openai. openai-chat: servers that are compatible.',
    ['auto', 'anthropic', 'openai', 'openai-chat'],
  ),
  aiModel: optionalText(
    'JCT_AI_MODEL',
    'Model of AI agents. Unset: claude-haiku-4-5 of Anthropic, gpt-5-mini of OpenAI.',
  ),
  aiBaseUrl: optionalUrl(
    'JCT_AI_BASE_URL',
    ['http:', 'https:'],
    'Another address of the provider, as far as its `/v1`. In a private network: needs JCT_ALLOW_PRIVATE_TARGETS.',
  ),
  aiTimeoutSeconds: integer(
    'JCT_AI_TIMEOUT_SECONDS',
    60,
    'For one question to a model, retries included.',
    1,
    3_600,
  ),
  aiCallTokensMax: integer(
    'JCT_AI_CALL_TOKENS_MAX',
    32_000,
    'Tokens of one question with its answer, estimated before it is asked.',
    100,
    10_000_000,
  ),
  aiAgentTokensPerDay: integer(
    'JCT_AI_AGENT_TOKENS_PER_DAY',
    500_000,
    'Tokens of one agent in a day (UTC), in all processes.',
    0,
    1_000_000_000,
  ),
  aiAgentCentsPerDay: integer(
    'JCT_AI_AGENT_CENTS_PER_DAY',
    100,
    'US cents that one agent may cost in a day.',
    0,
    100_000,
  ),
  aiTokensPerDay: integer(
    'JCT_AI_TOKENS_PER_DAY',
    2_000_000,
    'Tokens of all agents together in a day (UTC).',
    0,
    1_000_000_000,
  ),
  aiCentsPerDay: integer(
    'JCT_AI_CENTS_PER_DAY',
    500,
    'US cents that all agents together may cost in a day.',
    0,
    100_000,
  ),
  aiInputPriceCents: optionalInteger(
    'JCT_AI_INPUT_PRICE_CENTS',
    'US cents for a million input tokens. Unset: as listed for the model; a model that is not counts as the dearest.',
    0,
    100_000,
  ),
  aiOutputPriceCents: optionalInteger('JCT_AI_OUTPUT_PRICE_CENTS', 'The same for output tokens.', 0, 100_000),
  allowPrivateTargets: flag(
    'JCT_ALLOW_PRIVATE_TARGETS',
    false,
    'Lets callbacks, notify and AI agents reach loopback and private addresses (tests, lab use).',
  ),
} as const;
