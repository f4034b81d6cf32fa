//! Changes to scan: in memory, failing, and holding the reader back until the
//! test lets it go.

use std::sync::{
    Arc, Condvar, Mutex,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use sortie_model::diff::{
    ChangeKind, DiffError, DiffSource, FileChange, Hunk, LINE_BYTES, Line, LineKind,
};

pub fn file(path: &str) -> FileChange {
    FileChange {
        old_path: Some(path.into()),
        new_path: Some(path.into()),
        kind: ChangeKind::Modified,
        binary: false,
        old_mode: 0o100_644,
        new_mode: 0o100_644,
        additions: 5,
        deletions: 5,
    }
}

/// Ten changed lines.
pub fn hunk() -> Hunk {
    let line = |n: u32| Line {
        kind: if n.is_multiple_of(2) {
            LineKind::Removed
        } else {
            LineKind::Added
        },
        old_line: (n.is_multiple_of(2)).then_some(n / 2 + 1),
        new_line: (n % 2 == 1).then_some(n / 2 + 1),
        text: format!("    let value_{n} = compute({n});"),
        no_newline: false,
    };
    Hunk {
        old_start: 1,
        old_count: 5,
        new_start: 1,
        new_count: 5,
        section: "fn main()".into(),
        lines: (0..10).map(line).collect(),
    }
}

type Read = Box<dyn Fn() -> Result<(), DiffError> + Send + Sync>;

/// One changed file; `read` runs before the first of its lines is given out.
pub struct Change {
    files: Vec<FileChange>,
    read: Read,
}

pub fn change() -> Arc<dyn DiffSource> {
    reading(|| Ok(()))
}

pub fn change_of(path: &str) -> Arc<dyn DiffSource> {
    Arc::new(Change {
        files: vec![file(path)],
        read: Box::new(|| Ok(())),
    })
}

pub fn reading(
    read: impl Fn() -> Result<(), DiffError> + Send + Sync + 'static,
) -> Arc<dyn DiffSource> {
    Arc::new(Change {
        files: vec![file("src/a.rs")],
        read: Box::new(read),
    })
}

impl DiffSource for Change {
    fn files(&self) -> &[FileChange] {
        &self.files
    }

    /// Counts lines as if they had no text.
    fn page(&self, index: usize, start: u32, limit: usize) -> Result<Vec<Hunk>, DiffError> {
        if start == 0 {
            (self.read)()?;
        }
        assert!(index < self.files.len(), "the host checks indexes");
        let mut hunk = hunk();
        hunk.lines.drain(..hunk.lines.len().min(start as usize));
        hunk.lines.truncate((limit / LINE_BYTES).max(1));
        Ok(Vec::from_iter(Some(hunk).filter(|h| !h.lines.is_empty())))
    }

    fn before(&self, _: usize) -> Result<Option<Vec<u8>>, DiffError> {
        Ok(Some(b"before\n".to_vec()))
    }

    fn after(&self, _: usize) -> Result<Option<Vec<u8>>, DiffError> {
        Ok(None)
    }
}

/// Holds readers until it is opened, and counts those inside.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Gate {
    /// A change whose readers wait at the gate, and where they report.
    pub fn guard(self: &Arc<Self>) -> (Arc<dyn DiffSource>, mpsc::Receiver<()>) {
        let gate = Arc::clone(self);
        let (arrived, arrivals) = mpsc::channel();
        let change = reading(move || {
            let inside = gate.inside.fetch_add(1, Ordering::SeqCst) + 1;
            gate.most.fetch_max(inside, Ordering::SeqCst);
            // A test that no longer listens has ended.
            let _ = arrived.send(());
            let mut open = gate.open.lock().expect("no reader panics");
            while !*open {
                open = gate.opened.wait(open).expect("no reader panics");
            }
            gate.inside.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        });
        (change, arrivals)
    }

    pub fn open(&self) {
        *self.open.lock().expect("no reader panics") = true;
        self.opened.notify_all();
    }

    /// The most readers that were inside at once.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}
