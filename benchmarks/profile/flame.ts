import type { Frame } from "./profile.ts";

const WIDTH = 1600;
const ROW = 17;
const TOP = 28;
/** Narrower boxes are not drawn. */
const NARROWEST = 0.5;
const LETTER = 6.3;

/** Colours by where a function comes from. */
const COLOURS: readonly (readonly [pattern: RegExp, colour: string])[] = [
  [/^src\/session/, "#e8a33d"],
  [/^src\/plugins/, "#f2c14e"],
  [/^src\/gateway/, "#7fb069"],
  [/^src\/http1/, "#5aa9a3"],
  [/^src\//, "#a3c585"],
  [/^node_modules\//, "#c39bd3"],
  [/^node:/, "#9db4d0"],
];
const OTHER = "#d98880";

/** A flame graph as SVG: callers above, width is time; a box tells its name, place, time and share when pointed at. */
export function drawFlames(tree: Frame, title: string): string {
  const boxes: string[] = [];
  let depth = 0;
  const draw = (frame: Frame, x: number, level: number): void => {
    const width = (frame.total / tree.total) * WIDTH;
    if (width < NARROWEST) return;
    depth = Math.max(depth, level);
    boxes.push(box(frame, tree.total, x, TOP + level * ROW, width));
    let at = x;
    for (const child of frame.children) {
      draw(child, at, level + 1);
      at += (child.total / tree.total) * WIDTH;
    }
  };
  draw(tree, 0, 0);
  const height = TOP + (depth + 1) * ROW + 6;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10.5">
<rect width="100%" height="100%" fill="#fff"/>
<text x="6" y="18" font-size="14">${escapeXml(title)}</text>
${boxes.join("\n")}
</svg>
`;
}

function box({ name, file, line, total, self }: Frame, all: number, x: number, y: number, width: number): string {
  const colour = COLOURS.find(([pattern]) => pattern.test(file))?.[1] ?? OTHER;
  const percent = (part: number) => `${((100 * part) / all).toFixed(2)} %`;
  const place = file === "" ? "" : ` ${file}:${line}`;
  const letters = Math.floor((width - 4) / LETTER);
  const shown = name.length <= letters ? name : `${name.slice(0, Math.max(0, letters - 1))}…`;
  const label = letters < 3 ? "" : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escapeXml(shown)}</text>`;
  const tip = escapeXml(`${name}${place}: ${percent(total)}, itself ${percent(self)}`);
  return `<g><title>${tip}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colour}"/>${label}</g>`;
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
