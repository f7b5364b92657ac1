import { setTimeout as pause } from "node:timers/promises";
import type { Log, Metrics } from "../../gateway/index.ts";
import { createBreaker } from "./breaker.ts";
import { type Denial, Denied, type Revocation } from "./denied.ts";
import { BATCH, Moment, type OpenedLog, SLOWEST_APPEND_MS } from "./revocation-logs/log.ts";
import type { Accused } from "./revocations.ts";
import { type SharedList, wallSeconds } from "./revocations-shared.ts";

/** How often the log is read. */
const POLL_MS = 30;
/** How old knowledge may be that is used without asking. */
const LEASE_MS = 100;
/** After a reading that failed there is a pause, twice as long each time. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** Those who learn of something from one database take their time at random, so that not all write it. */
const PASS_ON_MS = 10;
const COMPLETE_MS = 500;
const MOST_APPENDS = 3;
/** Appends that are under way at once when much is written. */
const AT_ONCE = 50;

export interface PolledListParts extends OpenedLog {
  /** The memory of the gateway's own list. */
  readonly denied: Denied;
  /** The kind of the storage, for messages and metrics. */
  readonly where: string;
  readonly logger: Log;
  readonly metrics: Metrics;
}

/**
 * A deny list in a storage that tells nobody of changes: a log that is read on every 30 ms. Memory may answer for 100 ms after the last
 * reading began that came to its end; else one is begun for whoever asks, and those who come meanwhile share the next.
 */
export class PolledList implements SharedList {
  readonly #parts: PolledListParts;
  readonly #timer: NodeJS.Timeout;
  readonly #reads = createBreaker();
  readonly #writes = createBreaker();
  /** Entries that were found lately: all of a reading from the start, until what is missing there is written. */
  #found = new Denied();
  /** What is to be written again. */
  readonly #unsaved = new Map<string, Revocation>();
  #reading: Promise<void> | undefined;
  #nextReading: Promise<void> | undefined;
  /** When the last reading began that came to its end. */
  #readAt: Moment | undefined;
  #pauseMs = 0;
  #resumeMs = 0;
  #isSaving = false;
  #isIncomplete = false;
  #hasWarned = false;
  #isClosed = false;

  constructor(parts: PolledListParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#poll(), POLL_MS).unref();
    this.#poll();
  }

  isCurrent(): boolean {
    return this.#readAt !== undefined && this.#readAt.ageMs() < LEASE_MS;
  }

  async ask(accused: Accused, now: number): Promise<Denial | undefined> {
    await this.#reads.run(now, () => this.#readFromNow());
    return this.#parts.denied.denial(accused, now);
  }

  async put(revocation: Revocation, now: number): Promise<void> {
    try {
      await this.#writes.run(now, () => this.#append(revocation, now));
    } catch (error) {
      this.#unsaved.set(revocation.key, revocation);
      throw error;
    }
  }

  async passOn(revocation: Revocation, now: number): Promise<void> {
    await pause(Math.random() * PASS_ON_MS, undefined, { ref: false });
    await this.#readFromNow().catch(ignore);
    if (!this.#found.covers(revocation)) await this.put(revocation, now);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#parts.close?.().catch(ignore);
  }

  #poll(): void {
    if (!this.#reading && performance.now() >= this.#resumeMs) this.#read().catch(ignore);
  }

  /** A reading that finds everything acknowledged until now. */
  #readFromNow(): Promise<void> {
    if (!this.#reading) return this.#read();
    this.#nextReading ??= this.#reading.catch(ignore).then(() => {
      this.#nextReading = undefined;
      return this.#read();
    });
    return this.#nextReading;
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOn(): Promise<void> {
    const { log, denied } = this.#parts;
    if (this.#isClosed) throw new Error("the list of what is revoked was closed");
    const beganAt = new Moment();
    const now = wallSeconds();
    try {
      await this.#timed("read", () =>
        log.read(
          {
            anew: () => {
              this.#found = new Denied();
              this.#isIncomplete = true;
            },
            found: (revocation) => {
              if (revocation.expires < now) return;
              this.#found.note(revocation, now);
              denied.note(revocation, now);
            },
          },
          now,
        ),
      );
    } catch (error) {
      this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
      this.#resumeMs = performance.now() + this.#pauseMs;
      this.#warn(error);
      throw error;
    }
    this.#readAt = beganAt;
    this.#pauseMs = 0;
    if (this.#hasWarned) this.#parts.logger.notice(`what is revoked is read from ${this.#parts.where} again`);
    this.#hasWarned = false;
    if (this.#isSaving) return;
    if (this.#isIncomplete || this.#unsaved.size > 0) this.#save().catch(ignore);
    else if (this.#found.size > BATCH) this.#found = new Denied();
  }

  async #append(revocation: Revocation, now: number): Promise<void> {
    for (let count = 0; count < MOST_APPENDS; count++) {
      const beganAt = new Moment();
      await this.#timed("append", () => this.#parts.log.append(revocation, now));
      if (beganAt.ageMs() < SLOWEST_APPEND_MS) return;
    }
    throw new Error(`${this.#parts.where} takes too long to write what is revoked`);
  }

  /** Write what the log lacks of what is known here. What fails is tried again after a later reading. */
  async #save(): Promise<void> {
    this.#isSaving = true;
    try {
      await pause(Math.random() * COMPLETE_MS, undefined, { ref: false });
      if (this.#isIncomplete) await this.#findMissing();
      let some: Promise<void>[] = [];
      for (const revocation of this.#unsaved.values()) {
        if (this.#isClosed) break;
        some.push(this.#saveOne(revocation));
        if (some.length < AT_ONCE) continue;
        await Promise.all(some);
        some = [];
      }
      await Promise.all(some);
    } finally {
      this.#isSaving = false;
    }
  }

  async #findMissing(): Promise<void> {
    this.#isIncomplete = false;
    const now = wallSeconds();
    let count = 0;
    for (const revocation of this.#parts.denied) {
      if (revocation.expires >= now && !this.#found.covers(revocation)) this.#unsaved.set(revocation.key, revocation);
      // Requests have their turn in between.
      if (++count % BATCH === 0) await new Promise(setImmediate);
    }
  }

  async #saveOne(revocation: Revocation): Promise<void> {
    const now = wallSeconds();
    if (revocation.expires >= now && !this.#found.covers(revocation)) await this.#append(revocation, now);
    if (this.#unsaved.get(revocation.key) === revocation) this.#unsaved.delete(revocation.key);
  }

  async #timed(operation: string, work: () => Promise<void>): Promise<void> {
    const startMs = performance.now();
    try {
      await work();
    } finally {
      const labels = { storage: this.#parts.where, operation };
      this.#parts.metrics.observe("sesame_session_storage_seconds", (performance.now() - startMs) / 1000, labels);
    }
  }

  #warn(error: unknown): void {
    if (this.#hasWarned || this.#isClosed) return;
    this.#hasWarned = true;
    const { logger, where } = this.#parts;
    logger.warn(`what is revoked cannot be read from ${where}: it is asked for each request`, { error });
  }
}

function ignore(): void {}
