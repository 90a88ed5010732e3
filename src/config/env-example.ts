import { SETTINGS } from './settings-table.js';

const HEADER = `# Settings of the DevOps Control Tower. Copy this file to .env and take the # away from what you change; what is
# shown is the default. The environment wins over .env. Wrong values and unknown JCT_ names stop the start, all named.
#
# Made by \`npm run env:example\` from src/config/settings-table.ts.
`;

/** The text of .env.example: every setting with its meaning and its default, commented out. */
export function envExample(): string {
  const settings = Object.values(SETTINGS).map(
    ({ env, doc, example, secret }) =>
      `# ${doc}${secret ? ' A secret: never logged.' : ''}\n#${env}=${example ?? ''}\n`,
  );
  return [HEADER, ...settings].join('\n');
}
