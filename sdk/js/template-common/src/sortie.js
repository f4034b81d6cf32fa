// What makes a scanner short: typed files and lines instead of indices, places and evidence that
// fill themselves in, configuration checked as it is read. It keeps no state between calls.
// Its types and their documentation are in sortie.d.ts.
import { all } from "sortie:host/config@0.1.0";
import { write } from "sortie:host/log@0.1.0";

export const log = {
  debug: (message) => write("debug", message),
  info: (message) => write("info", message),
  warn: (message) => write("warn", message),
  error: (message) => write("error", message),
};

// There is no terminal to print to: what a library prints is read in the plugin's log.
for (const level of ["debug", "info", "warn", "error"]) {
  console[level] = (...values) => write(level, values.map(String).join(" "));
}
console.log = console.info;

export const config = {
  all: () => JSON.parse(all()),
  string: (key, fallback) => setting(key, fallback, "a string", (value) => typeof value === "string"),
  number: (key, fallback) => setting(key, fallback, "a number", (value) => typeof value === "number"),
  boolean: (key, fallback) => setting(key, fallback, "true or false", (value) => typeof value === "boolean"),
  strings: (key, fallback) =>
    setting(
      key,
      fallback,
      "a list of strings",
      (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
    ),
};

function setting(key, fallback, wanted, fits) {
  const settings = config.all();
  if (!Object.hasOwn(settings, key)) return fallback;
  if (!fits(settings[key])) {
    throw new Error(`config key '${key}' is ${JSON.stringify(settings[key])}, which is not ${wanted}`);
  }
  return settings[key];
}

export class Line {
  constructor(file, { kind, oldLine, newLine, text }) {
    Object.assign(this, { file, kind, oldLine, newLine, text });
  }
}

export class File {
  #diff;
  #index;
  #hunks;

  constructor(diff, index, record) {
    Object.assign(this, record);
    this.#diff = diff;
    this.#index = index;
  }

  get path() {
    return this.newPath ?? this.oldPath;
  }

  get hunks() {
    this.#hunks ??= this.#diff
      .hunks(this.#index)
      .map((hunk) => ({ ...hunk, lines: hunk.lines.map((line) => new Line(this, line)) }));
    return this.#hunks;
  }

  *lines() {
    for (const hunk of this.hunks) yield* hunk.lines;
  }

  *added() {
    for (const line of this.lines()) if (line.kind === "added") yield line;
  }

  *removed() {
    for (const line of this.lines()) if (line.kind === "removed") yield line;
  }

  before() {
    return this.#diff.before(this.#index);
  }

  after() {
    return this.#diff.after(this.#index);
  }
}

// Enough to find the place; a recursion without end would fill the log by itself.
const FRAMES_LOGGED = 20;

export function scanner({ rules, judge }) {
  const severities = new Map(rules.map((rule) => [rule.id, rule.severity]));
  const complete = ({ rule, at, message, severity, evidence }) => {
    if (!severities.has(rule)) throw new Error(`a finding names the rule '${rule}', which is not in rules`);
    return {
      rule,
      severity: severity ?? severities.get(rule),
      place: at && placeOf(at),
      message,
      evidence: evidence ?? (at instanceof Line ? trim(at.text) : ""),
    };
  };
  return {
    rules: () => rules,
    scan: (diff) => {
      try {
        const files = diff.files().map((record, index) => new File(diff, index, record));
        return Array.from(judge({ files }), complete);
      } catch (error) {
        // Nothing but a trap leaves the component; the reason is kept where the operator looks.
        const frames = error instanceof Error ? error.stack.trim().split("\n").slice(0, FRAMES_LOGGED) : [];
        for (const line of [String(error), ...frames]) log.error(line);
        throw error;
      }
    },
  };
}

function placeOf(at) {
  if (at instanceof File) {
    return { path: at.path, line: 1, side: at.newPath === undefined ? "old" : "new" };
  }
  if (at instanceof Line) {
    return at.kind === "removed"
      ? { path: at.file.oldPath, line: at.oldLine, side: "old" }
      : { path: at.file.newPath, line: at.newLine, side: "new" };
  }
  return at;
}

export function hasWord(text, word) {
  if (word === "") return false;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (!isWordCharacter(text[at - 1]) && !isWordCharacter(text[at + word.length])) return true;
  }
  return false;
}

const isWordCharacter = (character) => character !== undefined && /[A-Za-z0-9_]/.test(character);

const ASCII_WHITESPACE = "\t\n\f\r ";

// String's own trim also takes the spaces of other scripts, which are part of the evidence.
export function trim(text) {
  let start = 0;
  let end = text.length;
  while (start < end && ASCII_WHITESPACE.includes(text[start])) start += 1;
  while (end > start && ASCII_WHITESPACE.includes(text[end - 1])) end -= 1;
  return text.slice(start, end);
}
