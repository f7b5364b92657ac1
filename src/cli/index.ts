// The package's main entry: a gateway run from a program of one's own.
export { loadSettings, type Settings, SettingsError, type SettingsSources } from "../settings.ts";
export { type RunningGateway, runGateway } from "./gateway-process.ts";
export { version } from "./version.ts";
