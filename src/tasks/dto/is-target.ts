import { ValidateBy, type ValidationOptions } from 'class-validator';
import { checkPath, checkRef, parseRepository } from '../../common/repository.js';

type Check = (text: string) => { ok: true } | { ok: false; message: string };

/** A validator that answers with the sentence of the check itself. */
function checkedBy(name: string, check: Check, options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name,
      validator: {
        validate: (value) => typeof value === 'string' && check(value).ok,
        defaultMessage: (args) => {
          const checked = typeof args?.value === 'string' ? check(args.value) : undefined;
          return checked !== undefined && !checked.ok
            ? checked.message
            : `${args?.property ?? name} must be a string`;
        },
      },
    },
    options,
  );
}

export const IsRepository = (options?: ValidationOptions): PropertyDecorator =>
  checkedBy('isRepository', parseRepository, options);
export const IsRef = (options?: ValidationOptions): PropertyDecorator =>
  checkedBy('isRef', checkRef, options);
export const IsRelativePath = (options?: ValidationOptions): PropertyDecorator =>
  checkedBy('isRelativePath', checkPath, options);
