//! Counts the memory and tables of one store over all its instances, and
//! remembers that something was denied, so that the trap that follows is
//! reported as what it is.

use wasmtime::ResourceLimiter;

use crate::options::Limits;

/// What a guest was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Memory,
    Table,
}

/// The limits of one store and what it holds.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    memory_bytes: usize,
    table_elements: usize,
    pending_memory: usize,
    pending_table: usize,
    denied: Option<Denied>,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            memory_bytes: 0,
            table_elements: 0,
            pending_memory: 0,
            pending_table: 0,
            denied: None,
        }
    }

    /// What was denied last, if anything.
    pub(crate) fn denied(&self) -> Option<Denied> {
        self.denied
    }
}

impl ResourceLimiter for Limiter {
    /// A guest that asks for too much is told no, as by a machine that is out
    /// of memory: a garbage collector may make do with what there is.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.pending_memory = 0;
        let more = desired.saturating_sub(current);
        let total = self.memory_bytes.saturating_add(more);
        if total > self.limits.memory_bytes {
            self.denied = Some(Denied::Memory);
            return Ok(false);
        }
        // The guest's own declaration is no limit of ours.
        if maximum.is_some_and(|max| desired > max) {
            return Ok(false);
        }
        self.memory_bytes = total;
        self.pending_memory = more;
        Ok(true)
    }

    /// The pool's slot is smaller than the limit, or the system has no memory.
    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory_bytes = self.memory_bytes.saturating_sub(self.pending_memory);
        self.pending_memory = 0;
        self.denied = Some(Denied::Memory);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.pending_table = 0;
        let more = desired.saturating_sub(current);
        let total = self.table_elements.saturating_add(more);
        if total > self.limits.table_elements {
            self.denied = Some(Denied::Table);
            return Ok(false);
        }
        if maximum.is_some_and(|max| desired > max) {
            return Ok(false);
        }
        self.table_elements = total;
        self.pending_table = more;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.table_elements = self.table_elements.saturating_sub(self.pending_table);
        self.pending_table = 0;
        self.denied = Some(Denied::Table);
        Ok(())
    }

    fn instances(&self) -> usize {
        self.limits.instances
    }

    fn tables(&self) -> usize {
        self.limits.tables
    }

    fn memories(&self) -> usize {
        self.limits.memories
    }
}
