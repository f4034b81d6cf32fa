//! The component: the host's lazy diff in, findings out. Adds nothing to the judgement.

use crate::bindings::exports::sortie::scanner::scan::{
    Diff, Finding as WireFinding, Guest, Place, Rule, Severity as WireSeverity, Side as WireSide,
};
use crate::bindings::sortie::scanner::change::{
    ChangeKind as WireKind, FileChange as WireFile, Hunk as WireHunk, Line as WireLine,
    LineKind as WireLineKind,
};
use crate::engine::Analysis;
use crate::limits;
use crate::meta;
use crate::model::{ChangeKind, FileChange, Finding, Hunk, Line, LineKind, Severity, Side};
use crate::parts::{Pages, Part, Parts, Room};
use crate::role::Role;

/// Changed lines from which on a file is read by pages. Below that all at once
/// is one call instead of two, and as small as a page.
const LARGE_LINES: u32 = 2_000;

/// The size of a page: what the host holds beside the lines kept here.
const PAGE_BYTES: u32 = 256 << 10;

struct Component;

impl Guest for Component {
    fn rules() -> Vec<Rule> {
        meta::rules()
            .map(|r| Rule {
                id: r.id.into(),
                title: r.title.into(),
                help: r.help.into(),
                severity: severity(r.severity),
            })
            .collect()
    }

    fn scan(change: &Diff) -> Vec<WireFinding> {
        let mut analysis = Analysis::with_room(limits::WHOLE_BYTES);
        let infos = change.files();
        for (place, info) in (0..).zip(&infos) {
            if info.binary {
                continue;
            }
            let mut file = without_hunks(info);
            // Lock files, vendored code and the like are told by their path alone.
            if Analysis::role(&file) == Role::Ignored {
                continue;
            }
            if is_small(info) {
                file.hunks = hunks(change, place);
                analysis.push(Part::whole(place), &file);
                continue;
            }
            for (part, hunks) in Parts::new(place, Room::default(), Paged::new(change, place)) {
                file.hunks = hunks;
                if !analysis.push(part, &file) {
                    break;
                }
            }
        }
        let found = analysis.finish(|part| {
            let info = &infos[part.file as usize];
            let mut file = without_hunks(info);
            file.hunks = if is_small(info) {
                hunks(change, part.file)
            } else {
                again(change, part)
            };
            file
        });
        // The instance's memory goes as a whole after the call; nothing needs to be given back.
        std::mem::forget((analysis, infos));
        found.into_iter().map(finding).collect()
    }
}

fn without_hunks(info: &WireFile) -> FileChange {
    FileChange {
        old_path: info.old_path.clone(),
        new_path: info.new_path.clone(),
        kind: match info.kind {
            WireKind::Added => ChangeKind::Added,
            WireKind::Deleted => ChangeKind::Deleted,
            WireKind::Modified | WireKind::TypeChanged => ChangeKind::Modified,
            WireKind::Renamed | WireKind::Copied => ChangeKind::Renamed,
        },
        hunks: Vec::new(),
        before: None,
        after: None,
    }
}

/// Whether the hunks of a file are read at once.
fn is_small(info: &WireFile) -> bool {
    info.additions.saturating_add(info.deletions) < LARGE_LINES
}

fn hunks(change: &Diff, file: u32) -> Vec<Hunk> {
    change.hunks(file).into_iter().map(hunk).collect()
}

/// A part of a file, or all of it, once more.
fn again(change: &Diff, part: &Part) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let mut pages = Paged::new(change, part.file);
    if part.is_whole() {
        let mut read = 0;
        loop {
            match pages.read(read, &mut hunks) {
                0 => return hunks,
                got => read += got,
            }
        }
    }
    // Just these lines: whoever reads on then goes on from there.
    pages.limit = part.page_bytes;
    let mut read = 0;
    while read < part.lines {
        match pages.read(part.start + read, &mut hunks) {
            0 => break,
            got => read += got,
        }
    }
    part.of(hunks)
}

/// Reads a file by pages, the pieces of a hunk that was cut put together again.
struct Paged<'a> {
    change: &'a Diff,
    file: u32,
    limit: u32,
    /// Where the last hunk starts, before and after.
    last: Option<(u32, u32)>,
}

impl<'a> Paged<'a> {
    fn new(change: &'a Diff, file: u32) -> Paged<'a> {
        Paged {
            change,
            file,
            limit: PAGE_BYTES,
            last: None,
        }
    }
}

impl Pages for Paged<'_> {
    fn read(&mut self, start: u32, hunks: &mut Vec<Hunk>) -> u32 {
        let mut lines = 0;
        for piece in self.change.page(self.file, start, self.limit) {
            lines += piece.lines.len() as u32;
            let at = Some((piece.old_start, piece.new_start));
            match hunks.last_mut() {
                Some(whole) if at == self.last => {
                    whole.lines.extend(piece.lines.into_iter().map(line));
                }
                _ => hunks.push(hunk(piece)),
            }
            self.last = at;
        }
        lines
    }
}

fn hunk(h: WireHunk) -> Hunk {
    Hunk {
        section: h.section,
        lines: h.lines.into_iter().map(line).collect(),
    }
}

fn line(l: WireLine) -> Line {
    Line {
        kind: match l.kind {
            WireLineKind::Context => LineKind::Context,
            WireLineKind::Added => LineKind::Added,
            WireLineKind::Removed => LineKind::Removed,
        },
        old_line: l.old_line,
        new_line: l.new_line,
        text: l.text,
    }
}

fn severity(severity: Severity) -> WireSeverity {
    match severity {
        Severity::Warn => WireSeverity::Warn,
        Severity::Block => WireSeverity::Block,
    }
}

fn finding(f: Finding) -> WireFinding {
    let side = match f.side {
        Side::Old => WireSide::Old,
        Side::New => WireSide::New,
    };
    WireFinding {
        rule: f.rule.into(),
        severity: severity(f.severity),
        place: Some(Place {
            path: f.path,
            line: f.line,
            side,
        }),
        message: f.message,
        evidence: f.evidence,
    }
}

crate::bindings::export!(Component with_types_in crate::bindings);
