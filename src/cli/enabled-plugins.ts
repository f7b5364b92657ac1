import type { Plugin } from "../gateway/index.ts";
import { plugins as bundled } from "../plugins/index.ts";
import type { Settings } from "../settings.ts";
import { CommandError } from "./command.ts";

/** The plugins of this node, by its setting. Throws CommandError for a name that is not bundled. */
export function enabledPlugins({ plugins }: Settings): readonly Plugin[] {
  const names = new Set(
    plugins.flatMap((name) => (name === "bundled" ? bundled.map((plugin) => plugin.name) : [name])),
  );
  names.delete("off");
  for (const name of names) {
    if (bundled.some((plugin) => plugin.name === name)) continue;
    const known = bundled.map((plugin) => plugin.name).join(", ");
    throw new CommandError(`plugins: there is no plugin "${name}"; expected bundled, off or some of ${known}`);
  }
  return bundled.filter((plugin) => names.has(plugin.name));
}
