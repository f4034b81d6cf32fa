//! A file whose parts are taken in one after the other: what a later part must know of those before it.

use std::collections::HashMap;

use crate::limits;
use crate::model::{FileChange, Finding, Hunk, LineKind, Side};
use crate::parts::Part;
use crate::role::Role;
use crate::snapshot;
use crate::text::{Hashes, evidence, hash};

/// Rules for which a line that the file had elsewhere is none that came.
const MOVED: [&str; 3] = ["mock-replaces-unit", "exit-code-tamper", "harness-tamper"];

/// What the removed lines of a hunk say that began in a part before.
#[derive(Debug)]
pub struct Carried<V> {
    said: HashMap<String, V>,
    /// Whether the first hunk of the part is the rest of one.
    begun: bool,
    /// Whether the last one may go on.
    goes_on: bool,
}

impl<V> Default for Carried<V> {
    fn default() -> Carried<V> {
        Carried {
            said: HashMap::new(),
            begun: false,
            goes_on: false,
        }
    }
}

impl<V> Carried<V> {
    fn next(&mut self, part: &Part) {
        self.begun = part.section.is_some();
        self.goes_on = part.more;
        if !self.begun {
            self.said.clear();
        }
    }

    /// What was said in front of the part, when its hunk `at` is the rest of one.
    pub fn said(&self, at: usize) -> Option<&HashMap<String, V>> {
        (at == 0 && self.begun).then_some(&self.said)
    }

    /// Keeps what the last hunk of the part says, by what the first line says of each name.
    pub fn keep<I: IntoIterator<Item = (String, V)>>(
        &mut self,
        file: &FileChange,
        read: impl Fn(&Hunk) -> I,
    ) {
        let Some(last) = file.hunks.last().filter(|_| self.goes_on) else {
            return;
        };
        if file.hunks.len() > 1 || !self.begun {
            self.said.clear();
        }
        for (name, value) in read(last) {
            if self.said.len() < limits::CARRIED {
                self.said.entry(name).or_insert(value);
            }
        }
    }
}

/// What is known of the parts that were taken in.
#[derive(Debug)]
pub struct Torn {
    /// What part the file plays, as its beginning tells.
    pub role: Role,
    /// Whether it was reported that its new name keeps it from being collected.
    pub lost_its_name: bool,
    /// Lines so far.
    pub lines: usize,
    /// Constants in removed lines of the hunk that is torn.
    pub constants: Carried<f64>,
    /// Numbers of repetitions there, by the line around them.
    pub rounds: Carried<Vec<f64>>,
    /// What was waited for there.
    pub waited: Carried<()>,
    /// Hashes of the removed lines.
    removed: Hashes,
    /// How many findings there were before it.
    findings: usize,
    /// And of the harness.
    harness: usize,
}

impl Torn {
    /// Nothing is known yet.
    pub fn new(role: Role, findings: usize, harness: usize) -> Torn {
        Torn {
            role,
            lost_its_name: false,
            lines: 0,
            constants: Carried::default(),
            rounds: Carried::default(),
            waited: Carried::default(),
            removed: Hashes::default(),
            findings,
            harness,
        }
    }

    /// Takes in a part.
    pub fn add(&mut self, part: &Part, file: &FileChange) {
        self.lines += file.hunks.iter().map(|h| h.lines.len()).sum::<usize>();
        if part.is_whole() {
            return;
        }
        self.constants.next(part);
        self.rounds.next(part);
        self.waited.next(part);
        if matches!(self.role, Role::Test | Role::Harness) {
            let lines = file.hunks.iter().flat_map(|h| &h.lines);
            let removed = lines.filter(|l| l.kind == LineKind::Removed);
            self.removed
                .extend(removed.map(|l| hash(&evidence(&l.text))));
        }
    }

    /// Whether anything is asked of what follows.
    pub fn matters(&self) -> bool {
        match self.role {
            Role::Golden => self.lines <= snapshot::MAX_LINES,
            Role::Fixture | Role::Docs | Role::Ignored => false,
            Role::Test | Role::Source | Role::Harness => true,
        }
    }

    /// Takes back findings on lines that only moved from one part to another.
    pub fn settle(&self, findings: &mut Vec<Finding>, harness: &mut Vec<Finding>) {
        for (list, from) in [(findings, self.findings), (harness, self.harness)] {
            let mut at = 0;
            list.retain(|f| {
                at += 1;
                let moved = at > from
                    && f.side == Side::New
                    && MOVED.contains(&f.rule)
                    && self.removed.contains(&hash(&f.evidence));
                !moved
            });
        }
    }
}
