import { VERSION } from '../common/version.js';

export const USER_AGENT = `devops-control-tower/${VERSION}`;
