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
use crate::role::Role;

/// Changed lines from which on a file is read by pages. Below that all at once
/// is one call instead of two, and as small as a page.
const LARGE_LINES: u32 = 5_000;

/// The size of a page: what the host holds beside the lines kept here.
const PAGE_BYTES: u32 = 1 << 20;

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
            file.hunks = hunks(change, place, info);
            analysis.push(place, &file);
        }
        let found = analysis.finish(|place| {
            let info = &infos[place as usize];
            let mut file = without_hunks(info);
            file.hunks = hunks(change, place, info);
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

/// All hunks of a file, the pieces of one that was cut put together again.
fn hunks(change: &Diff, file: u32, info: &WireFile) -> Vec<Hunk> {
    if info.additions.saturating_add(info.deletions) < LARGE_LINES {
        return change.hunks(file).into_iter().map(hunk).collect();
    }
    let mut hunks: Vec<Hunk> = Vec::new();
    let (mut start, mut last) = (0, None);
    loop {
        let page = change.page(file, start, PAGE_BYTES);
        if page.is_empty() {
            return hunks;
        }
        for piece in page {
            start += piece.lines.len() as u32;
            let at = Some((piece.old_start, piece.new_start));
            match hunks.last_mut() {
                Some(whole) if at == last => whole.lines.extend(piece.lines.into_iter().map(line)),
                _ => hunks.push(hunk(piece)),
            }
            last = at;
        }
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
