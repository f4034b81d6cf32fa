// Builds src/plugin.ts or src/plugin.js into build/<name>.wasm. `sortie plugin build` runs it.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

// What of the engine may reach outside. A scanner is pure, so all of it is off and the component
// imports nothing but its surface. A plugin of another surface that calls `fetch` keeps "http".
const DISABLED_FEATURES = ["random", "stdio", "clocks", "http", "fetch-event"];

// The first build of a fresh project installs exactly what package-lock.json names.
if (!existsSync("node_modules/.package-lock.json")) {
  // On Windows npm is a script, which only a shell can run.
  const shell = process.platform === "win32";
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { shell, stdio: ["ignore", 2, 2] });
}
const { build } = await import("esbuild");
const { componentize } = await import("@bytecodealliance/componentize-js");

const { name } = JSON.parse(readFileSync("package.json", "utf8"));
await build({
  entryPoints: [existsSync("src/plugin.ts") ? "src/plugin.ts" : "src/plugin.js"],
  outfile: "build/plugin.js",
  bundle: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  target: "es2023",
  // What the host provides is resolved when the component is linked.
  external: ["sortie:*", "wasi:*"],
  logLevel: "warning",
});
const { component } = await componentize({
  sourcePath: "build/plugin.js",
  witPath: "wit",
  worldName: "scanner",
  disableFeatures: DISABLED_FEATURES,
});
writeFileSync(`build/${name}.wasm`, component);
