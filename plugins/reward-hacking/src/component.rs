//! The component: the host's lazy diff in, findings out. Adds nothing to the judgement.

use crate::bindings::exports::sortie::scanner::scan::{
    Diff, Finding as WireFinding, Guest, Place, Rule, Severity as WireSeverity, Side as WireSide,
};
use crate::bindings::sortie::scanner::change::{
    ChangeKind as WireKind, FileChange as WireFile, LineKind as WireLine,
};
use crate::engine::Analysis;
use crate::limits;
use crate::meta;
use crate::model::{ChangeKind, FileChange, Finding, Hunk, Line, LineKind, Severity, Side};
use crate::role::Role;

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
            file.hunks = hunks(change, place);
            analysis.push(place, &file);
        }
        let found = analysis.finish(|place| {
            let mut file = without_hunks(&infos[place as usize]);
            file.hunks = hunks(change, place);
            file
        });
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

fn hunks(change: &Diff, place: u32) -> Vec<Hunk> {
    change.hunks(place).into_iter().map(hunk).collect()
}

fn hunk(h: crate::bindings::sortie::scanner::change::Hunk) -> Hunk {
    let lines = h
        .lines
        .into_iter()
        .map(|l| Line {
            kind: match l.kind {
                WireLine::Context => LineKind::Context,
                WireLine::Added => LineKind::Added,
                WireLine::Removed => LineKind::Removed,
            },
            old_line: l.old_line,
            new_line: l.new_line,
            text: l.text,
        })
        .collect();
    Hunk {
        section: h.section,
        lines,
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
