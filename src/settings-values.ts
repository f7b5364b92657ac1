import { isIP } from "node:net";
import { type Listener, parseListeners } from "./settings-listeners.ts";
import type { Setting } from "./settings-table.ts";

/** What a setting of each type is once parsed. Durations are seconds, sizes bytes. */
export interface SettingTypes {
  string: string;
  enum: string;
  integer: number;
  boolean: boolean;
  duration: number;
  size: number;
  list: readonly string[];
  file: string;
  files: readonly string[];
  url: string;
  urls: readonly string[];
  networks: readonly string[];
  servers: readonly string[];
  headers: readonly string[];
  header: string;
  log: string;
  listeners: readonly Listener[];
}

/** The headers that the setting `headers` can switch on, as they are spelled in answers. */
export const HEADER_NAMES = [
  "Server",
  "Via",
  "X-Kong-Proxy-Latency",
  "X-Kong-Response-Latency",
  "X-Kong-Admin-Latency",
  "X-Kong-Upstream-Latency",
  "X-Kong-Upstream-Status",
  "X-Kong-Request-Id",
] as const;
export type HeaderName = (typeof HEADER_NAMES)[number];

/** The words of `headers` that stand for several headers. */
export const HEADER_GROUPS: Readonly<Record<string, readonly HeaderName[]>> = {
  server_tokens: ["Server", "Via"],
  latency_tokens: [
    "X-Kong-Proxy-Latency",
    "X-Kong-Response-Latency",
    "X-Kong-Admin-Latency",
    "X-Kong-Upstream-Latency",
  ],
};

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
const BYTES: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

const header = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Parse a setting's text (trimmed, not empty unless the type is a list). Throws an Error whose message says what was
 * expected; neither the setting's name nor the value is in it.
 */
export function parseValue(text: string, setting: Setting): SettingTypes[keyof SettingTypes] {
  const reason = setting.refused && Object.hasOwn(setting.refused, text) ? setting.refused[text] : undefined;
  if (reason !== undefined) throw new Error(`${reason}; expected ${accepted(setting)}`);
  if (setting.also?.includes(text)) return text;
  const value = parsers[setting.type](text, setting);
  if (typeof value === "number") checkRange(value, setting);
  return value;
}

const parsers: { [T in keyof SettingTypes]: (text: string, setting: Setting) => SettingTypes[T] } = {
  string: (text) => text,
  enum: (text, setting) => (setting.one_of?.includes(text) ? text : fail(setting)),
  integer: (text, setting) => (/^\d{1,15}$/.test(text) ? Number(text) : fail(setting)),
  boolean(text, setting) {
    const word = text.toLowerCase();
    if (word === "on" || word === "true") return true;
    return word === "off" || word === "false" ? false : fail(setting);
  },
  duration(text, setting) {
    const [, digits, unit] = /^(\d{1,12})(ms|s|m|h|d|w)?$/.exec(text) ?? fail(setting);
    return Number(digits) * SECONDS[unit ?? "s"]!;
  },
  size(text, setting) {
    const [, digits, unit] = /^(\d{1,12})([kmg])?$/i.exec(text) ?? fail(setting);
    return Number(digits) * (unit ? BYTES[unit.toLowerCase()]! : 1);
  },
  list: (text, setting) => parseList(text, setting, (item) => !/\s/.test(item)),
  file: (text, setting) => (isPath(text) ? text : fail(setting)),
  files: (text, setting) => parseList(text, setting, isPath),
  url: (text, setting) => (isHttpUrl(text) ? text : fail(setting)),
  urls: (text, setting) => parseList(text, setting, isHttpUrl),
  networks: (text, setting) => parseList(text, setting, isNetwork),
  servers: (text, setting) => parseList(text, setting, isServer),
  headers(text, setting) {
    const items = parseList(text, setting, isHeaderChoice);
    if (!items.includes("off")) return items;
    return items.length === 1 ? [] : fail(setting);
  },
  header: (text, setting) => (header.test(text) ? text : fail(setting)),
  // A format's name may follow the path, as in nginx's access_log; there is one format here.
  log: (text) => text.split(/\s+/)[0]!,
  listeners: (text) => parseListeners(text),
};

/** What may be written for a setting, as messages and the documentation say it. */
export function accepted(setting: Setting): string {
  const words: Record<keyof SettingTypes, string> = {
    string: "text",
    enum: `one of ${setting.one_of?.join(", ")}`,
    integer: "a whole number",
    boolean: "on or off",
    duration: "seconds, or a number with ms, s, m, h, d or w",
    size: "bytes, or a number with k, m or g",
    list: "names separated by commas",
    file: "the path of a file",
    files: "paths of files separated by commas",
    url: "an http or https address",
    urls: "http or https addresses separated by commas",
    networks: "addresses or networks (10.0.0.0/8, 2001:db8::/32) separated by commas",
    servers: "address or address:port separated by commas",
    headers: `off, or some of ${[...Object.keys(HEADER_GROUPS), ...HEADER_NAMES].join(", ")}`,
    header: "the name of a header",
    log: "a path, /dev/stdout, /dev/stderr or off",
    listeners: "address:port [ssl] [http2] [backlog=N] separated by commas, or off",
  };
  const { min, max } = setting;
  const least = min === undefined ? "" : `, at least ${min}`;
  const most = max === undefined ? "" : `, at most ${max}`;
  return words[setting.type] + least + most + (setting.also ? `, or ${setting.also.join(", ")}` : "");
}

function fail(setting: Setting): never {
  throw new Error(`expected ${accepted(setting)}`);
}

function checkRange(value: number, setting: Setting): void {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = setting;
  if (value < min || value > max) fail(setting);
}

function parseList(text: string, setting: Setting, isItem: (item: string) => boolean): readonly string[] {
  if (text === "") return [];
  const items = text.split(",").map((item) => item.trim());
  return items.every((item) => item !== "" && isItem(item)) ? Object.freeze(items) : fail(setting);
}

/** Kong takes PEM text here too; paths have neither commas nor that. */
function isPath(text: string): boolean {
  return !text.includes(",") && !text.includes("-----BEGIN");
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function isServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, address = "", port = ""] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && (version === 6) === text.startsWith("[") && Number(port) >= 1 && Number(port) <= 65535;
}

function isHeaderChoice(text: string): boolean {
  const word = text.toLowerCase();
  return (
    word === "off" || Object.hasOwn(HEADER_GROUPS, word) || HEADER_NAMES.some((name) => name.toLowerCase() === word)
  );
}
