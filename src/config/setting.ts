/**
 * One setting: its name in the environment, how its text becomes a typed value, its default, and what it means.
 * `parse` throws an Error whose message completes the sentence "NAME must be ...".
 */
export interface Setting<T> {
  readonly env: string;
  readonly default: T;
  /** How the default is written in `.env.example`; absent when there is none. */
  readonly example: string | undefined;
  readonly doc: string;
  /** Its value is masked wherever the tower writes. */
  readonly secret: boolean;
  readonly parse: (text: string) => T;
}

type Options = { secret?: boolean };

function define<T>(
  env: string,
  fallback: T,
  doc: string,
  parse: (text: string) => T,
  { secret = false }: Options = {},
): Setting<T> {
  const example = fallback === undefined ? undefined : String(fallback);
  return { env, default: fallback, example, doc, secret, parse };
}

export function text(env: string, fallback: string, doc: string, options?: Options): Setting<string> {
  return define(env, fallback, doc, (value) => value, options);
}

export function optionalText(env: string, doc: string, options?: Options): Setting<string | undefined> {
  return define<string | undefined>(env, undefined, doc, (value) => value, options);
}

/** @param schemes what it may begin with, e.g. `https:` */
export function optionalUrl(
  env: string,
  schemes: readonly string[],
  doc: string,
  options?: Options,
): Setting<string | undefined> {
  return define<string | undefined>(
    env,
    undefined,
    doc,
    (value) => {
      if (URL.canParse(value) && schemes.includes(new URL(value).protocol)) return value;
      throw new Error(`a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`);
    },
    options,
  );
}

export function integer(
  env: string,
  fallback: number,
  doc: string,
  min: number,
  max: number,
): Setting<number> {
  return define(env, fallback, doc, (value) => {
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || number < min || number > max) {
      throw new Error(`a whole number from ${min} to ${max}`);
    }
    return number;
  });
}

export function optionalInteger(
  env: string,
  doc: string,
  min: number,
  max: number,
): Setting<number | undefined> {
  return { ...integer(env, 0, doc, min, max), default: undefined, example: undefined };
}

export function flag(env: string, fallback: boolean, doc: string): Setting<boolean> {
  return define(env, fallback, doc, (value) => {
    const lower = value.toLowerCase();
    if (['true', '1', 'yes', 'on'].includes(lower)) return true;
    if (['false', '0', 'no', 'off'].includes(lower)) return false;
    throw new Error('true or false');
  });
}

export function oneOf<const T extends string>(
  env: string,
  fallback: T,
  doc: string,
  values: readonly T[],
): Setting<T> {
  return define<T>(env, fallback, doc, (value) => {
    const found = values.find((each) => each === value.toLowerCase());
    if (found === undefined) throw new Error(`one of ${values.join(', ')}`);
    return found;
  });
}

/** A comma-separated list of names, each 1-64 characters of letters, digits, `.`, `_` and `-`. */
export function names(env: string, fallback: string, doc: string): Setting<readonly string[]> {
  const parse = (value: string): readonly string[] => {
    const list = [...new Set(value.split(',').map((name) => name.trim()))];
    if (list.some((name) => !/^[A-Za-z0-9._-]{1,64}$/.test(name))) {
      throw new Error(
        'a comma-separated list of names (letters, digits, ".", "_", "-"; at most 64 characters)',
      );
    }
    return list;
  };
  return { ...define<readonly string[]>(env, parse(fallback), doc, parse), example: fallback };
}
