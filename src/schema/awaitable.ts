/** A value, or the promise of it. Databases that answer at once do not make the reader wait. */
export type Awaitable<T> = T | Promise<T>;

/** Go on with a value at once if it is there, else when it has come. */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
