import { type EntityErrorCode, entityErrors } from "../schema/index.ts";

const { DATABASE_ERROR, NOT_FOUND, OPERATION_UNSUPPORTED, UNIQUE_VIOLATION } = entityErrors;

/** Statuses of what entities refuse, by code; 400 for the codes not named. Source: SPEC-admin-api §3. */
const STATUSES = new Map<EntityErrorCode, number>([
  [UNIQUE_VIOLATION.code, 409],
  [NOT_FOUND.code, 404],
  [OPERATION_UNSUPPORTED.code, 405],
  [DATABASE_ERROR.code, 500],
]);

export const statusOf = (code: EntityErrorCode): number => STATUSES.get(code) ?? 400;
