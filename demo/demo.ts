import { join } from 'node:path';
import { showResults, showTrace } from './results.js';
import { runTasks, showDenial, showReplay } from './run-tasks.js';
import { runDemo, type Stage } from './stage.js';
import { demoTasks } from './tasks.js';
import { heading } from './terminal.js';
import { showVerification } from './verification.js';

async function show({ client, folder, repository, expect }: Stage): Promise<void> {
  heading('Three tasks over HTTP, their logs followed live');
  const tasks = demoTasks(repository.path);
  const finished = await runTasks(client, tasks);
  showResults(finished, expect);
  heading('What the tower does not do');
  const build = finished.find(({ name }) => name === 'build')!;
  await showReplay(client, expect, tasks.build, build);
  await showDenial(client, expect);
  heading('The trace of the build');
  showTrace(await client.trace(build.task.task_id), expect);
  heading('Verified: every byte of every trace read again');
  await showVerification(client, join(folder, 'traces'), finished, expect);
}

function whatNext(folder: string, keep: boolean): [string, string][] {
  const task = '{"type":"test","payload":{"script":"echo hello"}}';
  return [
    ['npm start', 'a tower that stays; it says where its API, docs, database and traces are'],
    [
      `curl -s localhost:8000/tasks/enqueue -H 'Content-Type: application/json' -H 'Prefer: wait=30' -d '${task}'`,
      'a task of your own',
    ],
    keep
      ? [`find ${folder}/traces`, 'the traces of this demo']
      : ['npm run demo -- --keep', 'the demo, leaving its folder to look at'],
  ];
}

await runDemo({ script: 'demo', show, whatNext });
