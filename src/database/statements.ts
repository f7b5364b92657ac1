/** A statement as the driver takes it: prepared once on each connection under its name, then only bound. */
export interface Statement {
  /** Absent: not kept. */
  readonly name?: string;
  readonly text: string;
}

/** Statements that a connection keeps prepared at most; far more than the store uses, were it not for lists of any length. */
const MAX_STATEMENTS = 500;

/** Statements by their SQL with `?`. */
export class Statements {
  readonly #known = new Map<string, Statement>();

  of(sql: string): Statement {
    const known = this.#known.get(sql);
    if (known) return known;
    const text = numberPlaces(sql);
    if (this.#known.size >= MAX_STATEMENTS) return { text };
    const statement = { name: `s${this.#known.size}`, text };
    this.#known.set(sql, statement);
    return statement;
  }
}

/** `$1`, `$2`, ... in the places of `?`, but not within quotes. */
export function numberPlaces(sql: string): string {
  let count = 0;
  return sql.replace(/'[^']*'|"[^"]*"|\?/g, (found) => (found === "?" ? `$${++count}` : found));
}
