export { type RunningGateway, runGateway } from "./cli/gateway-process.ts";
export { version } from "./cli/version.ts";
export { loadSettings, type Settings, SettingsError, type SettingsSources } from "./settings.ts";
