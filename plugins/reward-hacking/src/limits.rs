//! Every bound of the scanner, in one place.

/// Characters of evidence kept in a finding: enough to recognise the line, little enough for a chat message.
pub const EVIDENCE_CHARS: usize = 200;

/// Findings reported for one change. A change that trips more has made its point.
pub const FINDINGS: usize = 200;

/// Lines of one side that are parsed into units, where a caller hands over the text of a whole file. What a
/// diff shows is judged in parts that are far smaller.
pub const UNIT_LINES: usize = 60_000;

/// Bytes of a line that are looked at: minified code and data have longer ones, people do not.
pub const LINE_BYTES: usize = 2_000;

/// Units kept per side of a file.
pub const UNITS: usize = 5_000;

/// Units around a unit. People do not nest a tenth as deep; each level is another look at the lines in it.
pub const NESTING: usize = 100;

/// Old or new units over the whole change that take part in the search for moved tests.
pub const MOVED_UNITS: usize = 20_000;

/// Fresh tests that are remembered in case others are gone.
pub const STAND_INS: usize = 5_000;

/// Literals and names remembered per pool (added source, removed source, added tests).
pub const POOL: usize = 400_000;

/// Special cases in source that are held against the literals of the tests.
pub const CANDIDATES: usize = 20_000;

/// Bytes of changed text whose facts are kept until the end. Facts take up to nine times their text; beyond
/// this a file is read twice instead.
pub const WHOLE_BYTES: usize = 512 << 10;

/// Lines of a file that are judged at once, and bytes of these: what a person writes in one file fits, and what
/// is gathered of so many takes some megabytes for a moment.
pub const PART_LINES: usize = 5_000;
/// See [`PART_LINES`].
pub const PART_BYTES: usize = 256 << 10;

/// Removed lines of one kind that the next part of a torn hunk is held against.
pub const CARRIED: usize = 20_000;

/// Facts of parts that are held beside those of the one that is judged.
pub const PARTS_BESIDE: usize = 4;

/// Bytes of whole file text (before or after) worth fetching for a better view of a test file.
pub const FULL_TEXT_BYTES: usize = 1 << 20;
