// Types of sortie.js. The surface itself, with the unit and limit of every field, is in wit/.

/** What a finding asks for: `info` lets the job go on, `warn` wants a look, `block` an approval. */
export type Severity = "info" | "warn" | "block";

/** What happened to a file as a whole. */
export type ChangeKind = "added" | "deleted" | "modified" | "renamed" | "copied" | "type-changed";

/** Which side of the change a line stands on; `context` is on both. */
export type LineKind = "context" | "added" | "removed";

export interface Rule {
  /** Stable kebab-case name of at most 64 bytes. */
  id: string;
  /** A few words. */
  title: string;
  /** What it looks for, why that matters and what is not flagged. */
  help: string;
  /** What its findings carry unless they say otherwise. */
  severity: Severity;
}

export interface Place {
  /** Path on that side. */
  path: string;
  /** 1-based line on that side. */
  line: number;
  /** The side that path and line are of. */
  side: "old" | "new";
}

export interface Finding {
  /** The id of one of the scanner's rules. */
  rule: string;
  /** A line, a file as a whole, any other place, or nothing for the change as a whole. */
  at?: Line | File | Place;
  /** One sentence: what changed and why it matters. Cut to 1,000 bytes. */
  message: string;
  /** The rule's, unless given. */
  severity?: Severity;
  /** What it rests on, cut to 4,000 bytes. For a line it is the line's text, trimmed, unless given. */
  evidence?: string;
}

/** One line of a hunk. */
export class Line {
  private constructor();
  /** The file it is in. */
  readonly file: File;
  readonly kind: LineKind;
  /** 1-based number before; 0 for an added line. */
  readonly oldLine: number;
  /** 1-based number after; 0 for a removed line. */
  readonly newLine: number;
  /** Text without its line terminator. */
  readonly text: string;
}

/** A run of changed lines with their context. */
export interface Hunk {
  readonly oldStart: number;
  readonly oldCount: number;
  readonly newStart: number;
  readonly newCount: number;
  /** What git prints after the second `@@`: usually the enclosing function. */
  readonly section: string;
  readonly lines: readonly Line[];
}

/** One changed file. Its contents are fetched when asked for: a file that is skipped costs nothing. */
export class File {
  private constructor();
  /** Path after, or before when the file was deleted. */
  readonly path: string;
  /** Path before; undefined when added. */
  readonly oldPath: string | undefined;
  /** Path after; undefined when deleted. */
  readonly newPath: string | undefined;
  readonly kind: ChangeKind;
  /** Git treats the contents as binary: there are no hunks. */
  readonly binary: boolean;
  /** Git file mode, such as 0o100644; 0 when absent. */
  readonly oldMode: number;
  readonly newMode: number;
  /** Number of added lines. */
  readonly additions: number;
  /** Number of removed lines. */
  readonly deletions: number;
  readonly hunks: readonly Hunk[];
  /** The lines of all hunks. */
  lines(): Iterable<Line>;
  /** The added lines of all hunks. */
  added(): Iterable<Line>;
  /** The removed lines of all hunks. */
  removed(): Iterable<Line>;
  /** Full contents before; undefined when the file was not there or the host has only a patch. */
  before(): Uint8Array | undefined;
  /** Full contents after; undefined when the file is gone or the host has only a patch. */
  after(): Uint8Array | undefined;
}

/** The change under judgement. */
export interface Change {
  /** All changed files, in the order of the patch. */
  readonly files: readonly File[];
}

/**
 * Makes the `scan` export of a scanner. `judge` returns or yields at most 1,000 findings. An error
 * it throws is written to the log and fails the scan, which keeps the gate shut.
 */
export function scanner(parts: {
  rules: Rule[];
  judge(change: Change): Iterable<Finding>;
}): object;

/** Lines for the operator, at most 1,000 a call and 4,096 bytes each. `console` writes here too. */
export const log: Record<"debug" | "info" | "warn" | "error", (message: string) => void>;

/**
 * The plugin's configuration as the operator wrote it. A key that is not set gives the fallback, a
 * value of another type is an error. Only inside a call: there is none yet while the plugin is built.
 */
export const config: {
  all(): Record<string, unknown>;
  string(key: string, fallback: string): string;
  number(key: string, fallback: number): number;
  boolean(key: string, fallback: boolean): boolean;
  strings(key: string, fallback: string[]): string[];
};

/** Whether the text has the word with no ASCII letter, digit or `_` beside it. */
export function hasWord(text: string, word: string): boolean;

/** The text without ASCII whitespace at both ends. */
export function trim(text: string): string;
