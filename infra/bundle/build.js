/**
 * Makes the page's bundle of the unchanged modules in static/: `node infra/bundle/build.js [FOLDER]`.
 *
 * `js/main.js` holds every module that the page starts with. Each part that is imported on demand is a file of its own,
 * and imports what it shares with the start from `main.js`. esbuild's own splitting would put what is shared into
 * a dozen chunks, each a request. The style sheets that index.html links become `page.css`.
 *
 * services/api/frontend/bundle.py reads the result, and serves it only beside the very files that it was made of.
 */

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const STATIC = path.join(ROOT, "static");
const TARGET = path.resolve(process.argv[2] ?? path.join(ROOT, "bundle"));

const START = "main.js";
const SERVICE_WORKER = "service-worker.js";

/** The oldest engines that the page runs in; ARCHITECTURE.md names them. */
const ENGINES = ["chrome120", "firefox128", "safari17"];

const COMMON = {
  ...{ absWorkingDir: STATIC, outdir: "/", outbase: STATIC, bundle: true, splitting: true, format: "esm" },
  ...{ target: ENGINES, charset: "utf8", legalComments: "none", write: false, metafile: true, logLevel: "error" },
};

const posix = (/** @type {string} */ name) => name.split(path.sep).join("/");

const files = (await readdir(STATIC, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
  .map((entry) => posix(path.relative(STATIC, path.join(entry.parentPath, entry.name))))
  .sort();

/** Digest of all files, as services/api/frontend/version.py computes it. */
async function digest() {
  const hash = createHash("sha256");
  for (const name of files) {
    const bytes = await readFile(path.join(STATIC, name));
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

/** Which module imports which, and what each exports. */
async function survey() {
  const scripts = files.filter((name) => name.endsWith(".js") && name !== SERVICE_WORKER);
  const { metafile } = await build({ ...COMMON, entryPoints: scripts });
  const exported = new Map(
    Object.values(metafile.outputs).flatMap(({ entryPoint, exports }) => (entryPoint ? [[entryPoint, exports]] : [])),
  );
  const imported = (/** @type {string} */ name, /** @type {string} */ kind) =>
    metafile.inputs[name].imports.filter((one) => one.kind === kind).map((one) => one.path);
  return { exported, imported };
}

const { exported, imported } = await survey();

/** Modules that are reached from some of them by imports at their top. @param {Iterable<string>} from */
function reached(from) {
  const found = new Set(from);
  for (const name of found) for (const next of imported(name, "import-statement")) found.add(next);
  return found;
}

const start = reached([START]);
/** Each module that is imported on demand, by the start or by another such part. */
const late = new Set([...start].flatMap((name) => imported(name, "dynamic-import")));
for (const part of late) {
  for (const name of reached([part])) for (const next of imported(name, "dynamic-import")) late.add(next);
}
for (const part of late) {
  if (start.has(part)) throw new Error(`${part} is imported on demand, and the start has it already.`);
}

/** What parts use of the start, each with a name of its own in `main.js`. */
const shared = [...new Set([...reached(late)].flatMap((name) => (start.has(name) ? [] : imported(name, "import-statement"))))]
  .filter((name) => start.has(name))
  .sort();
const alias = (/** @type {string} */ module, /** @type {string} */ name) => `${name}_${shared.indexOf(module)}`;

/** How the parts' imports from the start are called until their names are known. */
const SHARED = "start:";

/** @type {import("esbuild").Plugin} */
const parts = {
  name: "parts",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /./ }, ({ path: wanted, importer, kind, namespace, resolveDir }) => {
      const target = posix(path.relative(STATIC, path.resolve(resolveDir, wanted)));
      if (kind === "entry-point") return target === START ? { path: START, namespace: "start" } : undefined;
      const isStart = namespace === "start" || start.has(posix(path.relative(STATIC, importer)));
      return !isStart && start.has(target) ? { path: `${SHARED}${target}`, external: true } : undefined;
    });
    onLoad({ filter: /./, namespace: "start" }, () => {
      const lists = shared.map((module) => {
        const names = exported.get(module).map((/** @type {string} */ name) => `${name} as ${alias(module, name)}`);
        return `export { ${names.join(", ")} } from "./${module}";`;
      });
      return { contents: [`import "./${START}";`, ...lists].join("\n"), resolveDir: STATIC };
    });
  },
};

/** Give imports from the start the names that they have in `main.js`. @param {string} code */
function linked(code) {
  const named = code.replace(/import\{([^}]*)\}from"start:([^"]+)"/g, (_, list, module) => {
    const names = list.split(",").map((/** @type {string} */ item) => {
      const [name, local = name] = item.split(" as ");
      return `${alias(module, name)} as ${local}`;
    });
    return `import{${names}}from"./main.js"`;
  });
  if (named.includes(`"${SHARED}`)) throw new Error("A part imports from the start in a form that is not known here.");
  return named;
}

/** @returns {Promise<[string, Uint8Array][]>} */
async function scripts() {
  const entries = [START, ...late].map((name) => ({ in: name, out: `js/${name.slice(0, -3).replaceAll("/", "-")}` }));
  const { outputFiles, metafile } = await build({
    ...{ ...COMMON, entryPoints: entries, chunkNames: "js/shared-[hash]", minify: true, plugins: [parts] },
  });
  const given = new Set(Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint === `start:${START}`)?.exports);
  return outputFiles.map(({ path: name, text }) => {
    const code = linked(text);
    for (const [, list] of code.matchAll(/import\{([^}]*)\}from"\.\/main\.js"/g)) {
      const missing = list.split(",").filter((item) => !given.has(item.split(" as ")[0]));
      if (missing.length) throw new Error(`${name} imports ${missing} from the start, which does not give it.`);
    }
    return [posix(path.relative("/", name)), new TextEncoder().encode(code)];
  });
}

/** `page.css`, of all that index.html links, and each other sheet under its own name. @returns {Promise<[string, Uint8Array][]>} */
async function styles() {
  const page = await readFile(path.join(STATIC, "index.html"), "utf8");
  const first = [...page.matchAll(/<link rel="stylesheet" href="\/static\/([^"]+)">/g)].map(([, name]) => name);
  const later = files.filter((name) => name.endsWith(".css") && !first.includes(name));
  const sheet = async (/** @type {string[]} */ names) => {
    const texts = await Promise.all(names.map((name) => readFile(path.join(STATIC, name), "utf8")));
    const { code } = await transform(texts.join("\n"), { loader: "css", minify: true, charset: "utf8" });
    return new TextEncoder().encode(code);
  };
  return Promise.all([
    sheet(first).then((code) => /** @type {[string, Uint8Array]} */ (["page.css", code])),
    ...later.map(async (name) => /** @type {[string, Uint8Array]} */ ([name, await sheet([name])])),
  ]);
}

const made = [...(await scripts()), ...(await styles())].sort(([a], [b]) => (a < b ? -1 : 1));
const hash = createHash("sha256");
for (const [name, bytes] of made) hash.update(`${name} ${bytes.length}\n`).update(bytes);
const id = hash.digest("hex").slice(0, 16);
const manifest = { id, made_of: await digest(), script: "js/main.js", style: "page.css", files: made.map(([name]) => name) };

/** The manifest of the bundle that is in the folder; none where there is no bundle yet. */
async function present() {
  const names = await readdir(TARGET).catch(() => []);
  const text = names.includes("manifest.json") ? await readFile(path.join(TARGET, "manifest.json"), "utf8") : "";
  if (!names.length || text.includes('"made_of"')) return text;
  // It would be deleted with all that is in it.
  process.stderr.write(`${TARGET} is not a bundle and not empty\n`);
  return process.exit(1);
}

const there = await present();
const told = `${JSON.stringify(manifest, null, 2)}\n`;
if (there !== told) {
  // Beside its place first: a build that is broken off leaves no half of a bundle.
  const fresh = `${TARGET}.${process.pid}`;
  for (const [name, bytes] of made) {
    await mkdir(path.dirname(path.join(fresh, name)), { recursive: true });
    await writeFile(path.join(fresh, name), bytes);
  }
  await writeFile(path.join(fresh, "manifest.json"), told);
  await rm(TARGET, { recursive: true, force: true });
  await rename(fresh, TARGET);
}
