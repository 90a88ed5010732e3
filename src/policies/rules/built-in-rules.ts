import type { PolicyRule } from '../policy-rule.js';
import { agentGranted } from './agent-granted.rule.js';
import { callbackAllowed } from './callback-allowed.rule.js';
import { environmentAllowed } from './environment-allowed.rule.js';
import { payloadSize } from './payload-size.rule.js';
import { repositoryAllowed } from './repository-allowed.rule.js';
import { sandboxMode } from './sandbox-mode.rule.js';
import { sandboxNetwork } from './sandbox-network.rule.js';
import { taskTypeAllowed } from './task-type-allowed.rule.js';
import { timeoutBounds } from './timeout-bounds.rule.js';

/** In the order in which verdicts and `GET /policies` list them. */
export const BUILT_IN_RULES: readonly PolicyRule[] = [
  taskTypeAllowed,
  timeoutBounds,
  repositoryAllowed,
  environmentAllowed,
  sandboxNetwork,
  sandboxMode,
  callbackAllowed,
  payloadSize,
  agentGranted,
];
