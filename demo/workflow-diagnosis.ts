import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { DemoError } from './demo-error.js';
import type { Expectations } from './expectations.js';
import type { ModelServer } from './model-server.js';
import type { Stage } from './stage.js';
import { bytes, heading, mark, say, style } from './terminal.js';
import type { Diagnosis, Event, TowerClient } from './tower-client.js';

const LOOK_MS = 100;
const WAIT_MS = 30_000;

/**
 * What build-doctor makes of a task that failed: asked of a stand-in, kept beside the trace, and without any power.
 *
 * @param named words of the log that the diagnosis must have, since nobody but the log knows them
 */
export async function showDiagnosis(
  stage: Stage,
  model: ModelServer,
  taskId: string,
  named: string,
): Promise<void> {
  const { client, folder, expect } = stage;
  heading('An agent, build-doctor, asks a model why');
  say(`  ${style('yellow', 'The model is a stand-in')} on ${model.url}, not a language model: it looks for`);
  say(
    '  the failing test in the log that it is sent. A real one needs ANTHROPIC_API_KEY, see docs/agents.md.',
  );
  const event = await diagnosisEvent(client, taskId);
  const diagnosis = await client.diagnosis(taskId);
  const question = model.asked.find(({ text }) => text.includes(taskId))?.text ?? '';
  showAnswer(expect, diagnosis, question, named);
  await showWhereItIs(client, join(folder, 'traces'), event, diagnosis, expect);
  await showProposal(client, diagnosis, expect);
}

async function diagnosisEvent(client: TowerClient, taskId: string): Promise<Event> {
  for (const began = performance.now(); performance.now() - began < WAIT_MS;) {
    const events = await client.events('agent.diagnosis');
    const event = events.find(({ data }) => data['task_id'] === taskId);
    if (event !== undefined) return event;
    await sleep(LOOK_MS);
  }
  throw new DemoError(`build-doctor has not diagnosed task ${taskId} within ${WAIT_MS / 1_000} s.`);
}

function showAnswer(expect: Expectations, diagnosis: Diagnosis, question: string, named: string): void {
  const { summary, evidence, log_bytes_read: read } = diagnosis;
  const asked = expect.that(
    question.includes(named),
    `The model was not sent the log: "${named}" is not in its question.`,
  );
  say(`  ${mark(asked)} asked, with the last ${bytes(read)} of the log`);
  const answered = expect.that(
    summary.includes(named) && evidence.length > 0 && evidence.every(({ in_log: inLog }) => inLog),
    `The diagnosis does not come from the log: ${summary}`,
  );
  say(`  ${mark(answered)} answered; each line that it quotes is in the log`);
}

/** The page for people, and that the event, the API and the file beside the sealed trace say the same. */
async function showWhereItIs(
  client: TowerClient,
  traceRoot: string,
  { id, data }: Event,
  diagnosis: Diagnosis,
  expect: Expectations,
): Promise<void> {
  const { task_id: taskId, trace_path: path } = diagnosis;
  heading(`traces/${path}.diagnosis.md`);
  const page = await readFile(join(traceRoot, `${path}.diagnosis.md`), 'utf8');
  for (const line of page.trimEnd().split('\n')) say(`  ${style('dim', line)}`.trimEnd());
  expect.that(page.includes(diagnosis.summary), 'The page beside the trace has another summary.');

  heading('The same, for programs');
  const file: unknown = JSON.parse(await readFile(join(traceRoot, `${path}.diagnosis.json`), 'utf8'));
  const places: [boolean, string, string][] = [
    [isDeepStrictEqual(data, diagnosis), 'event agent.diagnosis', id],
    [diagnosis.version === 1, `GET /tasks/${taskId}/diagnosis`, ''],
    [isDeepStrictEqual(file, diagnosis), `traces/${path}.diagnosis.json`, ''],
  ];
  for (const [same, place, more] of places) {
    expect.that(same, `${place} does not say what GET /tasks/${taskId}/diagnosis says.`);
    say(`  ${mark(same)} ${place}  ${style('dim', more)}`.trimEnd());
  }
  const { ok, checked, problems } = await client.verify(taskId);
  expect.that(ok, `The diagnosis has broken the trace: ${problems.map((each) => each.message).join(' ')}`);
  say(`  ${mark(ok)} the sealed trace beside it still verifies: ${checked} files, each as it was sealed`);
}

/** Whatever a log has talked a model into: an agent gets what policy grants, and the built-in one grants nothing. */
async function showProposal(
  client: TowerClient,
  { agent, follow_up: followUp }: Diagnosis,
  expect: Expectations,
): Promise<void> {
  heading('What the agent may not do');
  if (!expect.that(followUp !== null, 'The agent has proposed nothing.')) return;
  const { proposed, outcome, code, violations } = followUp!;
  say(`  It proposed a ${proposed.type}: ${proposed.script}`);
  const rules = violations.map((violation) => String(violation['code'])).join(' ');
  const refused = expect.that(
    outcome === 'refused' && code === 'POLICY_DENIED' && rules === 'AGENT_NOT_GRANTED',
    `Its proposal should have been refused; it was ${outcome} (${code} ${rules}).`,
  );
  say(`  ${mark(refused)} ${outcome} by the built-in policy  ${style('dim', `${code}  ${rules}`)}`);
  const { length } = await client.tasksTagged(agent);
  const none = expect.that(length === 0, `${agent} has handed in ${length} tasks nevertheless.`);
  say(`  ${mark(none)} no task came of it`);
}
