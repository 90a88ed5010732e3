import { ValidateBy, ValidateIf, type ValidationArguments, type ValidationOptions } from 'class-validator';
import { checkPath } from '../../common/repository.js';
import { parseGlobs } from '../workspace/glob.js';

/** The property may be absent. Unlike IsOptional, an explicit `null` is not: nothing here means anything by it. */
export function Optional(): PropertyDecorator {
  return ValidateIf((_, value) => value !== undefined);
}

/** Exactly one of this property and `other` is given. Put it on one of the two. */
export function EitherThisOr(other: string): PropertyDecorator {
  return ValidateBy({
    name: 'eitherThisOr',
    validator: {
      validate: (value, args) => (value === undefined) !== (valueOf(args, other) === undefined),
      defaultMessage: (args) => `give either ${args?.property} or ${other}, not both and not neither`,
    },
  });
}

/** Each value is an object with exactly one property. */
export function EachHasOneKey(keys: readonly string[], options: ValidationOptions = {}): PropertyDecorator {
  return ValidateBy(
    {
      name: 'eachHasOneKey',
      validator: {
        validate: (value) =>
          typeof value === 'object' &&
          value !== null &&
          !Array.isArray(value) &&
          Object.values(value as object).filter((each) => each !== undefined).length === 1,
        defaultMessage: () => `each check must have exactly one of ${keys.join(', ')}`,
      },
    },
    { ...options, each: true },
  );
}

/** A list whose first item can be the name of a program: `NAME=value` would be a variable to env(1). */
export function StartsWithProgram(): PropertyDecorator {
  return ValidateBy({
    name: 'startsWithProgram',
    validator: {
      validate: (value) => Array.isArray(value) && typeof value[0] === 'string' && /^[^=]+$/.test(value[0]),
      defaultMessage: (args) => `${args?.property} must start with the name of a program, without "="`,
    },
  });
}

/** A list of globs, as parseGlobs reads them. */
export function IsGlobList(): PropertyDecorator {
  return ValidateBy({
    name: 'isGlobList',
    validator: {
      validate: (value) => reasonOfGlobs(value) === null,
      defaultMessage: (args) => `${args?.property} ${reasonOfGlobs(args?.value)}`,
    },
  });
}

function reasonOfGlobs(value: unknown): string | null {
  if (!Array.isArray(value) || value.some((each) => typeof each !== 'string'))
    return 'must be a list of strings';
  const parsed = parseGlobs(value as string[]);
  return parsed.ok ? null : parsed.reason;
}

/** A path inside the workspace, as checkPath reads it. */
export function IsWorkspacePath(): PropertyDecorator {
  return ValidateBy({
    name: 'isWorkspacePath',
    validator: {
      validate: (value) => typeof value === 'string' && value !== '' && checkPath(value).ok,
      defaultMessage: (args) => {
        const checked = typeof args?.value === 'string' && args.value !== '' ? checkPath(args.value) : null;
        return `${args?.property}: ${checked && !checked.ok ? checked.message : 'A path is a text that is not empty.'}`;
      },
    },
  });
}

/** RFC 6901: empty for the whole document, else parts that each start with `/`. */
export function IsJsonPointer(): PropertyDecorator {
  return ValidateBy({
    name: 'isJsonPointer',
    validator: {
      validate: (value) =>
        typeof value === 'string' && value.length <= 1_024 && /^(\/([^~]|~[01])*)?$/.test(value),
      defaultMessage: (args) => `${args?.property} must be a JSON pointer (RFC 6901), e.g. /version`,
    },
  });
}

/** Given, if only as `null`. */
export function IsGiven(): PropertyDecorator {
  return ValidateBy({
    name: 'isGiven',
    validator: {
      validate: (value) => value !== undefined,
      defaultMessage: (args) => `${args?.property} must be given`,
    },
  });
}

const VARIABLES_MAX = 100;
const VALUE_BYTES_MAX = 32_768;

/** Names and values of environment variables. */
export function IsEnvironment(): PropertyDecorator {
  return ValidateBy({
    name: 'isEnvironment',
    validator: {
      validate: (value) => reasonOfEnvironment(value) === null,
      defaultMessage: (args) => `${args?.property} ${reasonOfEnvironment(args?.value)}`,
    },
  });
}

function reasonOfEnvironment(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object';
  const entries = Object.entries(value);
  if (entries.length > VARIABLES_MAX) return `must have at most ${VARIABLES_MAX} variables`;
  for (const [name, text] of entries) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
      return 'must have names of letters, digits and "_", not starting with a digit, of at most 128 characters';
    }
    if (name.startsWith('JCT_')) return 'must not have names that start with JCT_: the tower sets these';
    if (typeof text !== 'string' || text.includes('\0') || Buffer.byteLength(text) > VALUE_BYTES_MAX) {
      return `must have strings of at most ${VALUE_BYTES_MAX} bytes without NUL as values (${name})`;
    }
  }
  return null;
}

function valueOf(args: ValidationArguments | undefined, property: string): unknown {
  return (args?.object as Record<string, unknown> | undefined)?.[property];
}
