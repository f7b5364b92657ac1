const SLASH = 0x2f;
const ABSOLUTE = /^https?:\/\/([^/?#]*)([^#]*)/i;

/** The authority of a target in absolute form (as sent to proxies); undefined for any other. */
export function authorityOf(target: string): string | undefined {
  return target.charCodeAt(0) === SLASH ? undefined : ABSOLUTE.exec(target)?.[1];
}

/** A target in origin form, or `*`: one in absolute form loses its scheme and authority. */
export function originForm(target: string): string {
  if (target.charCodeAt(0) === SLASH) return target;
  const rest = ABSOLUTE.exec(target)?.[2];
  if (rest === undefined) return target;
  return rest.startsWith("/") ? rest : `/${rest}`;
}
