/** The event types that this system knows by name. Others are free: any type that has the form of EVENT_TYPE_FORM. */
export const EVENT_TYPES = {
  INFRASTRUCTURE_ALERT: 'infrastructure.alert',
  INFRASTRUCTURE_SCALING: 'infrastructure.scaling',
  INFRASTRUCTURE_DEPLOYMENT: 'infrastructure.deployment',
  INFRASTRUCTURE_FAILURE: 'infrastructure.failure',
  SECURITY_VULNERABILITY: 'security.vulnerability',
  SECURITY_BREACH: 'security.breach',
  SECURITY_SCAN_COMPLETE: 'security.scan_complete',
  CODE_COMMIT: 'development.code_commit',
  CODE_REVIEW: 'development.code_review',
  BUILD_STARTED: 'development.build_started',
  BUILD_COMPLETED: 'development.build_completed',
  BUILD_FAILED: 'development.build_failed',
  DEPLOYMENT_STARTED: 'deployment.started',
  DEPLOYMENT_COMPLETED: 'deployment.completed',
  DEPLOYMENT_FAILED: 'deployment.failed',
  DEPLOYMENT_ROLLBACK: 'deployment.rollback',
  METRIC_THRESHOLD: 'monitoring.metric_threshold',
  HEALTH_CHECK_FAILED: 'monitoring.health_check_failed',
  SERVICE_DOWN: 'monitoring.service_down',
  SERVICE_RECOVERED: 'monitoring.service_recovered',
  USER_ACTION: 'user.action',
  USER_REQUEST: 'user.request',
  SYSTEM_STARTUP: 'system.startup',
  SYSTEM_SHUTDOWN: 'system.shutdown',
  AGENT_STARTED: 'system.agent_started',
  AGENT_STOPPED: 'system.agent_stopped',
  WORKFLOW_TRIGGERED: 'system.workflow_triggered',
  WORKFLOW_COMPLETED: 'system.workflow_completed',
  TASK_COMPLETED: 'task.completed',
  TASK_FAILED: 'task.failed',
  TASK_CANCELLED: 'task.cancelled',
} as const;

export const EVENT_TYPE_CHARACTERS_MAX = 100;

/** Words of letters, digits, `_` and `-`, with dots between them. */
export const EVENT_TYPE_FORM = /^[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9][A-Za-z0-9_-]*)*$/;

export function isEventType(text: string): boolean {
  return text.length <= EVENT_TYPE_CHARACTERS_MAX && EVENT_TYPE_FORM.test(text);
}
