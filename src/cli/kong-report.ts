/** What an import says at its end. */
export interface Report {
  count(kind: string): void;
  leaveOut(what: string, why: string): void;
  readonly isComplete: boolean;
  /** Lines; `verb` stands between the numbers and the name of the target. */
  text(verb: string, target: string): string;
}

/** Rows that are named for one reason; of more, only the number is told. */
const MOST_NAMES = 20;
const LONGEST_NAME = 100;

export function createReport(): Report {
  const counts = new Map<string, number>();
  const leftOut = new Map<string, { names: string[]; number: number }>();
  return {
    count: (kind) => void counts.set(kind, (counts.get(kind) ?? 0) + 1),
    leaveOut(what, why) {
      const group = leftOut.get(why) ?? { names: [], number: 0 };
      leftOut.set(why, group);
      group.number++;
      if (group.names.length < MOST_NAMES) group.names.push(printable(what));
    },
    get isComplete() {
      return leftOut.size === 0;
    },
    text(verb, target) {
      const numbers = [...counts].map(([kind, count]) => `${count} ${kind}`).join(", ");
      const lines = [...leftOut].map(([why, { names, number }]) => {
        const rest = number > names.length ? ` and ${number - names.length} more` : "";
        return `  ${printable(why, 500)}: ${names.join(", ")}${rest}\n`;
      });
      const head = `${numbers || "nothing"} ${verb} ${target}\n`;
      return lines.length > 0 ? `${head}left out:\n${lines.join("")}` : head;
    },
  };
}

/** Names come from elsewhere: no control characters on the terminal, and no end of it. */
export function printable(text: string, longest = LONGEST_NAME): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
  return clean.length > longest ? `${clean.slice(0, longest)}...` : clean;
}
