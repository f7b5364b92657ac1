import { addFault, type Faults, quoted } from "./checks.ts";
import type { Transform } from "./entity.ts";
import { isEmpty, type Values, valueAt } from "./shape.ts";
import type { Scope } from "./validate.ts";

/**
 * A transform needs all its values: a write that brings one of its inputs, or changes what it was made with, must bring
 * all inputs.
 */
export function checkTransforms(transforms: readonly Transform[], row: Values, faults: Faults, scope: Scope): void {
  const { original = row, stored } = scope;
  for (const { input, needs = [] } of transforms) {
    const changed = stored && needs.some((name) => valueAt(row, name) !== valueAt(stored, name));
    if (!changed && input.every((name) => isEmpty(valueAt(original, name)))) continue;
    const complete =
      input.every((name) => !isEmpty(valueAt(original, name))) && needs.every((name) => !isEmpty(valueAt(row, name)));
    if (!complete) addFault(faults, `all or none of these fields must be set: ${quoted([...input, ...needs])}`);
  }
}

/** Apply the transforms whose input came with the write. */
export function transform(transforms: readonly Transform[], row: Values, original: Values): Values {
  let result = row;
  for (const { input, needs = [], onWrite } of transforms) {
    const values = [...input, ...needs].map((name) => valueAt(result, name));
    const given = input.every((name) => !isEmpty(valueAt(original, name)));
    if (given && !values.some(isEmpty)) result = { ...result, ...onWrite(...values) };
  }
  return result;
}
