import { ValidationPipe } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError as Finding, type ValidatorOptions } from 'class-validator';
import { ValidationError, type Violation } from '../common/errors.js';

/** Unknown fields are refused, never dropped; every violation is reported, not only the first. */
const OPTIONS: ValidatorOptions = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  stopAtFirstError: false,
};

/** The one validation of bodies, queries and path parameters. */
export const validationPipe = new ValidationPipe({
  ...OPTIONS,
  transform: true,
  exceptionFactory: (findings) => new ValidationError(violationsOf(findings)),
});

/** Validates a part of a body against its DTO. @returns the instance, or every violation with its pointer */
export function validateAs<T extends object>(
  dto: Type<T>,
  value: object,
  pointer = '',
): { ok: true; value: T } | { ok: false; violations: Violation[] } {
  const instance = plainToInstance(dto, value);
  const violations = violationsOf(validateSync(instance, OPTIONS), pointer);
  return violations.length === 0 ? { ok: true, value: instance } : { ok: false, violations };
}

export function violationsOf(findings: Finding[], parent = ''): Violation[] {
  return findings.flatMap((finding) => {
    const pointer = `${parent}/${finding.property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    // What is missing breaks every rule of its own at once; one line says it.
    const missing = finding.value === undefined && finding.constraints?.['whitelistValidation'] === undefined;
    const constraints = Object.entries(finding.constraints ?? {}).slice(0, missing ? 1 : undefined);
    const own = constraints.map(([constraint, message]) => ({
      pointer,
      code: codeOf(constraint, finding.value),
      message,
    }));
    return [...own, ...violationsOf(finding.children ?? [], pointer)];
  });
}

/** `maxLength` becomes MAX_LENGTH; what is missing or unknown gets a word of its own. */
function codeOf(constraint: string, value: unknown): string {
  if (constraint === 'whitelistValidation') return 'UNKNOWN_FIELD';
  if (value === undefined) return 'REQUIRED';
  return constraint.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}
