const answer = {
  ok: true,
  upstream: "benchmarks",
  note: "an answer of the usual size, as small JSON ones are",
  pad: "",
};

/** 126 bytes of JSON. */
export const SMALL = JSON.stringify({ ...answer, pad: ".".repeat(126 - JSON.stringify(answer).length) });

export const sizes = { "64k": 65_536, "1m": 1_048_576 } as const;

/** A large answer: lines that count, so that a piece that is lost or there twice is seen. */
export function bodyOf(size: keyof typeof sizes): string {
  let text = "";
  for (let line = 0; text.length < sizes[size]; line++) text += `${String(line).padStart(63, "0")}\n`;
  return text;
}
