//! The peer of a plugin call: wasmtime as its book begins, with its default
//! engine, a linker built for each call, and nothing of what the host adds
//! (limits, deadlines, a pool, checks of the answer).

#![allow(
    unsafe_code,
    reason = "the generated type implementations are unsafe; none is written here"
)]

use anyhow::{Result, anyhow};
use sortie_model::diff::{self as model, DiffSource};
use std::sync::Arc;
use wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

#[allow(missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wasmtime::component::bindgen!({
        path: ["../wit/host", "../wit/scanner"],
        world: "sortie:scanner/scanner",
        imports: { default: trappable },
        with: { "sortie:scanner/change.diff": super::Diff },
    });
}

use bindings::Scanner;
use bindings::sortie::host::{config, log};
use bindings::sortie::scanner::change;

/// What is linked for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Everything that the host offers a plugin, WASI included: the host does
    /// not know what language the next one is written in.
    All,
    /// What a scanner's world has and no more.
    Scanner,
}

/// A component, compiled once.
pub struct Bare {
    engine: Engine,
    component: Component,
}

impl Bare {
    pub fn new(wasm: &[u8]) -> Result<Self> {
        let engine = Engine::default();
        let component = Component::new(&engine, wasm).map_err(|e| anyhow!("compile: {e:#}"))?;
        Ok(Self { engine, component })
    }

    /// Links, instantiates and scans; the number of findings.
    pub fn scan(&self, offer: Offer, diff: &Arc<dyn DiffSource>) -> Result<usize> {
        self.try_scan(offer, diff)
            .map_err(|e| anyhow!("call the bare component: {e:#}"))
    }

    fn try_scan(&self, offer: Offer, diff: &Arc<dyn DiffSource>) -> wasmtime::Result<usize> {
        let mut linker = Linker::<State>::new(&self.engine);
        Scanner::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        let wasi = if offer == Offer::All {
            wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
            Some(WasiCtx::default())
        } else {
            None
        };
        let state = State {
            table: ResourceTable::new(),
            wasi,
        };
        let mut store = Store::new(&self.engine, state);
        let guest = Scanner::instantiate(&mut store, &self.component, &linker)?;
        let handle = store.data_mut().table.push(Diff(Arc::clone(diff)))?;
        let borrow = Resource::new_borrow(handle.rep());
        let found = guest.sortie_scanner_scan().call_scan(&mut store, borrow)?;
        Ok(found.len())
    }
}

/// What stands behind a guest's handle.
pub struct Diff(Arc<dyn DiffSource>);

struct State {
    table: ResourceTable,
    wasi: Option<WasiCtx>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: self.wasi.get_or_insert_default(),
            table: &mut self.table,
        }
    }
}

impl log::Host for State {
    fn write(&mut self, _level: log::Level, _message: String) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl config::Host for State {
    fn get(&mut self, _key: String) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }

    fn all(&mut self) -> wasmtime::Result<String> {
        Ok("{}".to_owned())
    }
}

impl change::Host for State {}

impl change::HostDiff for State {
    fn files(&mut self, this: Resource<Diff>) -> wasmtime::Result<Vec<change::FileChange>> {
        let source = &self.table.get(&this)?.0;
        Ok(source.files().iter().map(file).collect())
    }

    fn hunks(&mut self, this: Resource<Diff>, index: u32) -> wasmtime::Result<Vec<change::Hunk>> {
        let source = &self.table.get(&this)?.0;
        let hunks = source.hunks(usize::try_from(index)?)?;
        Ok(hunks.into_iter().map(hunk).collect())
    }

    fn page(
        &mut self,
        this: Resource<Diff>,
        index: u32,
        start: u32,
        limit: u32,
    ) -> wasmtime::Result<Vec<change::Hunk>> {
        let source = &self.table.get(&this)?.0;
        let hunks = source.page(usize::try_from(index)?, start, usize::try_from(limit)?)?;
        Ok(hunks.into_iter().map(hunk).collect())
    }

    fn before(&mut self, this: Resource<Diff>, index: u32) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.table.get(&this)?.0.before(usize::try_from(index)?)?)
    }

    fn after(&mut self, this: Resource<Diff>, index: u32) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.table.get(&this)?.0.after(usize::try_from(index)?)?)
    }

    fn drop(&mut self, this: Resource<Diff>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
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
