/** A value, or the promise of one: what needs no waiting is answered without a promise. */
export type Awaitable<T> = T | Promise<T>;

/** Whether an answer has to be waited for. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** Continue with `next` at once, or when the promise is kept. */
export function chain<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** Do some work; what it throws, or rejects with, goes to `failed`, whose answer takes its place. */
export function attempt<T, U>(work: () => Awaitable<T>, failed: (error: unknown) => U): Awaitable<T | U> {
  try {
    const value = work();
    return isPromise(value) ? value.then(undefined, failed) : value;
  } catch (error) {
    return failed(error);
  }
}
