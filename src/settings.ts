import { readFileSync } from "node:fs";
import { type FileEntry, parseFile } from "./settings-file.ts";
import { isLoopback } from "./settings-listeners.ts";
import { isKongOnly, nearestSetting, type SettingName, settingOf, spellings } from "./settings-names.ts";
import { type Setting, settingsTable } from "./settings-table.ts";
import { HEADER_GROUPS, HEADER_NAMES, type HeaderName, parseValue, type SettingTypes } from "./settings-values.ts";

export { isLoopback, type Listener, parseListeners } from "./settings-listeners.ts";
export { type Setting, settingsTable } from "./settings-table.ts";
export { accepted, HEADER_NAMES, type HeaderName } from "./settings-values.ts";

type Table = typeof settingsTable;
type ValueOf<S extends Setting> =
  | (S extends { type: "enum"; one_of: readonly (infer V)[] } ? V : SettingTypes[S["type"]])
  | (S extends { type: "integer"; also: readonly (infer W)[] } ? W : never);

/** The parsed settings, frozen; names as in the table, durations in seconds, sizes in bytes. */
export type Settings = {
  readonly [N in SettingName]: ValueOf<Table[N]> | (Table[N] extends { default: string } ? never : undefined);
};

/** The operator's settings are wrong; `problems` has one line for each fault, and the message is those lines. */
export class SettingsError extends Error {
  readonly code = "ERR_SETTINGS";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "SettingsError";
    this.problems = problems;
  }
}

/** Where settings come from. Later ones of this list win: `file`, `KONG_*`, `SESAME_*`, `overrides` (by setting name). */
export interface SettingsSources {
  /** Path of a file in the form of kong.conf. */
  readonly file?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly overrides?: Readonly<Record<string, string>>;
}

/** A text for a setting and where it stood, for messages. */
interface Given {
  readonly text: string;
  readonly origin: string;
}

const table: Readonly<Record<string, Setting>> = settingsTable;
const names = Object.keys(settingsTable) as SettingName[];

/**
 * Read the settings of a process. Warnings are lines for the operator: properties of Kong that have no effect here,
 * unknown names (ignored, as Kong does) and an Admin API that other machines can reach. Throws SettingsError when the
 * file cannot be read, a value is not accepted, or two settings contradict each other.
 */
export function loadSettings(sources: SettingsSources): { settings: Settings; warnings: readonly string[] } {
  const { entries, problems: fileProblems } = sources.file === undefined ? nothing : readFile(sources.file);
  const problems = [...fileProblems];
  const given = new Map<SettingName, Given>();
  for (const { name, value, line } of entries) {
    const setting = settingOf(name);
    if (setting) given.set(setting, { text: value, origin: `${sources.file} line ${line}` });
  }
  for (const name of names) {
    const found = fromEnvironment(name, sources.env ?? {});
    if (found) given.set(name, found);
    const override = sources.overrides?.[name];
    if (override !== undefined) given.set(name, { text: override, origin: "command line" });
  }
  const values: Record<string, unknown> = {};
  for (const name of names) {
    try {
      values[name] = read(name, given.get(name));
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  const settings = Object.freeze(values) as Settings;
  if (problems.length === 0) problems.push(...contradictions(settings));
  if (problems.length > 0) throw new SettingsError(problems);
  return {
    settings,
    warnings: [...nameWarnings(sources, entries), ...unusedWarnings(settings), ...reachWarnings(settings)],
  };
}

/** Every header the gateway may add, and whether `headers` asks for it. */
export function enabledHeaders(settings: Settings): Readonly<Record<HeaderName, boolean>> {
  const words = headerWords(settings);
  const isOn = (name: HeaderName) =>
    words.includes(name.toLowerCase()) || words.some((word) => HEADER_GROUPS[word]?.includes(name));
  return Object.freeze(Object.fromEntries(HEADER_NAMES.map((name) => [name, isOn(name)]))) as Record<
    HeaderName,
    boolean
  >;
}

function headerWords(settings: Settings): string[] {
  return settings.headers.map((word) => word.toLowerCase());
}

/**
 * The settings as the member `configuration` of `GET /` shows them: by name, secrets as asterisks, listeners as texts
 * with their parts beside them, and an empty list as `{}`, which is how Kong prints it (SPEC-admin-api §4).
 */
export function describeConfiguration(settings: Settings): Record<string, unknown> {
  const described: Record<string, unknown> = {};
  for (const name of names) {
    const value = settings[name];
    if (value === undefined) continue;
    described[name] = table[name]?.secret ? "******" : list(value);
  }
  for (const name of ["proxy", "admin", "status"] as const) {
    const listeners = settings[`${name}_listen`];
    described[`${name}_listen`] = listeners.length > 0 ? listeners.map(({ listener }) => listener) : ["off"];
    described[`${name}_listeners`] = list(listeners);
    described[`${name}_ssl_enabled`] = listeners.some(({ ssl }) => ssl);
  }
  const headers = enabledHeaders(settings);
  const groups = Object.keys(HEADER_GROUPS).map((word) => [word, headerWords(settings).includes(word)]);
  return { ...described, admin_gui_listeners: {}, enabled_headers: { ...headers, ...Object.fromEntries(groups) } };
}

function list(value: unknown): unknown {
  return Array.isArray(value) && value.length === 0 ? {} : value;
}

const nothing: ReturnType<typeof parseFile> = { entries: [], problems: [] };

function readFile(path: string): ReturnType<typeof parseFile> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new SettingsError([`${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`]);
  }
  const { entries, problems } = parseFile(text);
  return { entries, problems: problems.map((problem) => `${path} ${problem}`) };
}

/** The setting in the environment: `SESAME_*` before `KONG_*`, the setting's own name before Kong's other names of it. */
function fromEnvironment(name: SettingName, env: NonNullable<SettingsSources["env"]>): Given | undefined {
  for (const prefix of ["SESAME_", "KONG_"]) {
    for (const spelling of spellings(name)) {
      const variable = prefix + spelling.toUpperCase();
      const text = env[variable];
      if (text !== undefined) return { text: text.trim(), origin: variable };
    }
  }
  return undefined;
}

/** A blank text is an empty list, else the default. */
function read(name: SettingName, given: Given | undefined): unknown {
  const setting = table[name]!;
  const isBlank = given === undefined || given.text === "";
  const empty = given && setting.default !== undefined && isListType(setting.type) ? "" : setting.default;
  const text = isBlank ? empty : given.text;
  if (text === undefined) return undefined;
  if (text.startsWith("{vault://"))
    throw new Error(`${name}: references to vaults are not available (${given?.origin})`);
  try {
    return parseValue(text, setting);
  } catch (error) {
    const shown = setting.secret
      ? "a secret value"
      : JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);
    throw new Error(`${name}: ${(error as Error).message}, not ${shown} (${given?.origin})`);
  }
}

function isListType(type: Setting["type"]): boolean {
  return ["list", "files", "urls", "networks", "servers"].includes(type);
}

function contradictions(settings: Settings): string[] {
  const problems: string[] = [];
  if ((settings.ssl_cert === undefined) !== (settings.ssl_cert_key === undefined)) {
    problems.push("ssl_cert and ssl_cert_key: expected both or neither");
  }
  if ((settings.pg_ssl_cert === undefined) !== (settings.pg_ssl_cert_key === undefined)) {
    problems.push("pg_ssl_cert and pg_ssl_cert_key: expected both or neither");
  }
  const used = new Map<string, string>();
  for (const name of ["proxy_listen", "admin_listen", "status_listen"] as const) {
    for (const { ip, port } of settings[name]) {
      const address = `${ip}:${port}`;
      const other = used.get(address);
      if (other && port !== 0) problems.push(`${name}: ${address} is also an address of ${other}`);
      used.set(address, name);
    }
  }
  return problems;
}

function nameWarnings({ file, env = {} }: SettingsSources, entries: readonly FileEntry[]): string[] {
  const warnings: string[] = [];
  const ignored = new Set<string>();
  const seen = new Set<string>();
  for (const { name, line } of entries) {
    if (seen.has(name)) warnings.push(`${name} is set more than once in ${file}; line ${line} counts`);
    seen.add(name);
    if (settingOf(name)) continue;
    if (isKongOnly(name)) ignored.add(name);
    else warnings.push(unknownSetting(name, `${file} line ${line}`));
  }
  for (const variable of Object.keys(env)) {
    const [, prefix, capitals = ""] = /^(SESAME|KONG)_([A-Z0-9_]+)$/.exec(variable) ?? [];
    const name = capitals.toLowerCase();
    if (prefix === undefined || settingOf(name)) continue;
    if (isKongOnly(name)) ignored.add(name);
    else if (nearestSetting(name) || (prefix === "SESAME" && !isServiceLink(name)))
      warnings.push(unknownSetting(name, variable));
  }
  if (ignored.size > 0) warnings.push(`settings of Kong that have no effect here: ${[...ignored].join(", ")}`);
  return warnings;
}

/** Kubernetes describes a service named "sesame" in variables such as SESAME_SERVICE_HOST and SESAME_PORT_8000_TCP. */
function isServiceLink(name: string): boolean {
  return /(?:^|_)(?:service_(?:host|port)|port$|port_\d+_(?:tcp|udp))/.test(name);
}

function unknownSetting(name: string, origin: string): string {
  const nearest = nearestSetting(name);
  return `unknown setting "${name}" is ignored (${origin})${nearest ? `; did you mean ${nearest}?` : ""}`;
}

function unusedWarnings(settings: Settings): string[] {
  const { database, declarative_config, declarative_config_string, pg_ro_host } = settings;
  const warnings: string[] = [];
  if (database !== "off" && (declarative_config ?? declarative_config_string) !== undefined)
    warnings.push(`declarative_config has no effect while database is ${database}`);
  const ofReplica = names.filter((name) => name.startsWith("pg_ro_") && settings[name] !== undefined);
  if (pg_ro_host === undefined && ofReplica.length > 0)
    warnings.push(`without pg_ro_host these settings have no effect: ${ofReplica.join(", ")}`);
  return warnings;
}

function reachWarnings(settings: Settings): string[] {
  const open = settings.admin_listen.filter((listener) => !isLoopback(listener)).map(({ listener }) => listener);
  if (open.length === 0) return [];
  return [
    `admin_listen: other machines can reach the Admin API at ${open.join(", ")}, and it asks nobody for a password`,
  ];
}
