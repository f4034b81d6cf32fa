//! The change as a resource of the host. Reads may run git, so they go to a
//! thread that may block; the guest's processor time stands still meanwhile.
//! Only a few lines that are in memory anyway are read where the guest runs.

use std::sync::Arc;

use sortie_model::diff::{self as model, DiffError, DiffSource};
use wasmtime::component::Resource;

use crate::{
    bindings::scanner::sortie::scanner::change,
    call::{CallState, Stop},
};

/// The most that one page holds, whatever the guest asks for; the number that
/// the WIT documents. It is held twice for a moment, as lines and as what the
/// guest gets, and no scanner gains from more.
const MAX_PAGE_BYTES: usize = 4 << 20;

/// Changed lines up to which a file's hunks are read where the guest runs, when
/// they come out of memory. That takes a tenth of a millisecond at most; to
/// wake another thread takes up to half of that, for each file.
const INLINE_LINES: u32 = 500;

/// What stands behind a guest's handle.
pub struct Diff(pub(crate) Arc<dyn DiffSource>);

impl change::Host for CallState {}

impl change::HostDiff for CallState {
    fn files(&mut self, this: Resource<Diff>) -> wasmtime::Result<Vec<change::FileChange>> {
        self.count_host_call()?;
        Ok(self.source(&this)?.files().iter().map(file).collect())
    }

    async fn hunks(
        &mut self,
        this: Resource<Diff>,
        index: u32,
    ) -> wasmtime::Result<Vec<change::Hunk>> {
        let read = |source: &dyn DiffSource, index| {
            Ok(source.hunks(index)?.into_iter().map(hunk).collect())
        };
        let source = self.source(&this)?;
        let small = usize::try_from(index)
            .ok()
            .and_then(|index| Some((index, source.files().get(index)?)))
            .filter(|(_, file)| file.additions.saturating_add(file.deletions) <= INLINE_LINES);
        if let Some((index, _)) = small.filter(|_| source.in_memory()) {
            self.count_host_call()?;
            return read(&*source, index).map_err(|error| Stop::Read(error).into());
        }
        self.read(&this, index, read).await
    }

    async fn page(
        &mut self,
        this: Resource<Diff>,
        index: u32,
        start: u32,
        limit: u32,
    ) -> wasmtime::Result<Vec<change::Hunk>> {
        let limit = usize::try_from(limit).map_or(MAX_PAGE_BYTES, |n| n.min(MAX_PAGE_BYTES));
        self.read(&this, index, move |source, index| {
            let hunks = source.page(index, start, limit)?;
            Ok(hunks.into_iter().map(hunk).collect())
        })
        .await
    }

    async fn before(
        &mut self,
        this: Resource<Diff>,
        index: u32,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        self.read(&this, index, |source, index| source.before(index))
            .await
    }

    async fn after(
        &mut self,
        this: Resource<Diff>,
        index: u32,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        self.read(&this, index, |source, index| source.after(index))
            .await
    }

    fn drop(&mut self, this: Resource<Diff>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl CallState {
    fn source(&self, this: &Resource<Diff>) -> wasmtime::Result<Arc<dyn DiffSource>> {
        Ok(Arc::clone(&self.table.get(this)?.0))
    }

    async fn read<T: Send + 'static>(
        &mut self,
        this: &Resource<Diff>,
        index: u32,
        read: impl FnOnce(&dyn DiffSource, usize) -> Result<T, DiffError> + Send + 'static,
    ) -> wasmtime::Result<T> {
        self.count_host_call()?;
        let source = self.source(this)?;
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let files = source.files().len();
        if index >= files {
            return Err(Stop::Read(DiffError::NoSuchFile { index, files }).into());
        }
        let result = tokio::task::spawn_blocking(move || read(&*source, index))
            .await
            .unwrap_or_else(|_| Err(DiffError::Source("its reader panicked".into())));
        result.map_err(|error| Stop::Read(error).into())
    }
}

fn file(file: &model::FileChange) -> change::FileChange {
    change::FileChange {
        old_path: file.old_path.clone(),
        new_path: file.new_path.clone(),
        kind: match file.kind {
            model::ChangeKind::Added => change::ChangeKind::Added,
            model::ChangeKind::Deleted => change::ChangeKind::Deleted,
            model::ChangeKind::Modified => change::ChangeKind::Modified,
            model::ChangeKind::Renamed => change::ChangeKind::Renamed,
            model::ChangeKind::Copied => change::ChangeKind::Copied,
            model::ChangeKind::TypeChanged => change::ChangeKind::TypeChanged,
        },
        binary: file.binary,
        old_mode: file.old_mode,
        new_mode: file.new_mode,
        additions: file.additions,
        deletions: file.deletions,
    }
}

fn hunk(hunk: model::Hunk) -> change::Hunk {
    change::Hunk {
        old_start: hunk.old_start,
        old_count: hunk.old_count,
        new_start: hunk.new_start,
        new_count: hunk.new_count,
        section: hunk.section,
        lines: hunk.lines.into_iter().map(line).collect(),
    }
}

fn line(line: model::Line) -> change::Line {
    change::Line {
        kind: match line.kind {
            model::LineKind::Context => change::LineKind::Context,
            model::LineKind::Added => change::LineKind::Added,
            model::LineKind::Removed => change::LineKind::Removed,
        },
        old_line: line.old_line.unwrap_or(0),
        new_line: line.new_line.unwrap_or(0),
        text: line.text,
    }
}
