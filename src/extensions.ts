import type { Type } from '@nestjs/common';

/**
 * The modules that this installation adds to the tower: task types, policy rules, agents. The program and its OpenAPI
 * document have them; docs/extending.md says what such a module is.
 */
export const EXTENSIONS: Type[] = [];
