//! The component's heap. Each call is an instance of its own whose memory is thrown away as a whole, so
//! what counts is that the first few hundred blocks cost next to nothing and touch few pages.
//!
//! Blocks come off the memory that the instance starts with, and go back to a list of their size: a scan frees
//! what it read of one file before it reads the next, which asks for much the same sizes again. In a scan for
//! which that memory is too small, small and large blocks do not share a stretch: most large ones are soon
//! free again, and if small ones that stay lay between them, they could not be made into one again.
#![allow(
    unsafe_code,
    reason = "an allocator hands out raw memory by nature; nothing else here does"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

use crate::blocks::Blocks;

/// Every block starts at a multiple of this; nothing in the scanner asks for more.
const ALIGN: usize = 8;

/// Blocks up to this size have lists in steps of [`ALIGN`], larger ones in four steps per doubling.
const SMALL: usize = 128;

/// Lists of free blocks: sixteen of small ones, then four for each power of two of a 32-bit memory.
const LISTS: usize = SMALL / ALIGN + 4 * 25;

const PAGE: usize = 64 << 10;

/// Blocks from which on they are large.
const LARGE: usize = 4 << 10;

/// The list of these.
const FIRST_LARGE: usize = SMALL / ALIGN + 4 * (LARGE.ilog2() - SMALL.ilog2()) as usize - 1;

/// What a stretch for small blocks has at least.
const STRETCH: usize = 128 << 10;

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(State {
    next: 0,
    end: 0,
    top: 0,
    large_free: 0,
    reused: 0,
    free: [null_mut(); LISTS],
}));

unsafe extern "C" {
    /// Where the linker's data ends.
    static __heap_base: u8;
}

struct Heap(UnsafeCell<State>);

struct State {
    /// The stretch that blocks are taken off: its first byte that is free, and its end.
    next: usize,
    end: usize,
    /// The end of the memory.
    top: usize,
    /// Bytes of large blocks that are free.
    large_free: usize,
    /// Bytes of these that were used for others since they were merged.
    reused: usize,
    /// The first free block of each size; each holds the address of the one behind it.
    free: [*mut u8; LISTS],
}

// SAFETY: a component has one thread.
unsafe impl Sync for Heap {}

/// The list for blocks of at least `size` bytes, and how many they have.
fn list(size: usize) -> (usize, usize) {
    if size <= SMALL {
        let steps = size.max(1).div_ceil(ALIGN);
        return (steps - 1, steps * ALIGN);
    }
    let doubling = (size - 1).ilog2();
    let step = 1 << (doubling - 2);
    let steps = (size - 1) / step - 3;
    let index = SMALL / ALIGN + 4 * (doubling - SMALL.ilog2()) as usize + steps - 1;
    (index, (steps + 4) * step)
}

/// The size of the blocks in a list.
fn bytes(list: usize) -> usize {
    if list < SMALL / ALIGN {
        return (list + 1) * ALIGN;
    }
    let large = list - SMALL / ALIGN;
    let step = 1 << (SMALL.ilog2() as usize + large / 4 - 2);
    (large % 4 + 5) * step
}

impl State {
    /// A block of a list that is empty, or nothing when there is no memory left.
    fn fresh(&mut self, size: usize) -> *mut u8 {
        if size > self.end - self.next {
            let begun = self.top == 0 && self.begin(size);
            if !begun && size >= LARGE {
                return self.large(size);
            }
            if !begun && !self.refill() {
                return null_mut();
            }
        }
        let block = self.next;
        self.next += size;
        block as *mut u8
    }

    /// Takes the memory that the instance starts with for a stretch; whether `size` bytes fit.
    #[cold]
    fn begin(&mut self, size: usize) -> bool {
        self.next = (&raw const __heap_base as usize).next_multiple_of(ALIGN);
        self.top = core::arch::wasm32::memory_size(0) * PAGE;
        self.end = self.top;
        size <= self.end - self.next
    }

    /// Begins another stretch: of a large block that came back, when there are many, or of more memory.
    #[cold]
    fn refill(&mut self) -> bool {
        self.keep(self.next, self.end - self.next);
        self.next = self.end;
        if self.large_free > self.top / 4
            && let Some((block, size)) = self.best(STRETCH)
        {
            (self.next, self.end) = (block, block + STRETCH);
            self.keep(self.end, size - STRETCH);
            return true;
        }
        let Some((block, size)) = self.extend(STRETCH) else {
            return false;
        };
        (self.next, self.end) = (block, block + size);
        true
    }

    /// A large block: of one that came back, or of more memory.
    #[cold]
    fn large(&mut self, size: usize) -> *mut u8 {
        let mut found = self.best(size);
        // A merge looks at all of them, so that some are to be used between two.
        if found.is_none() && self.large_free >= size && self.reused >= self.top / 16 {
            self.merge();
            found = self.best(size);
        }
        let Some((block, has)) = found.or_else(|| self.extend(size)) else {
            return null_mut();
        };
        self.keep(block + size, has - size);
        block as *mut u8
    }

    /// Takes the smallest large block of at least `size` bytes: larger ones are asked for again.
    fn best(&mut self, size: usize) -> Option<(usize, usize)> {
        let (first, _) = list(size.max(LARGE));
        let list = (first..LISTS).find(|&list| !self.free[list].is_null())?;
        self.reused += bytes(list);
        Some((self.take(list) as usize, bytes(list)))
    }

    /// Makes one block of large ones that lie next to each other.
    fn merge(&mut self) {
        self.reused = 0;
        let mut all = Blocks::none();
        for list in FIRST_LARGE..LISTS {
            while !self.free[list].is_null() {
                let block = self.take(list);
                unsafe { all.add(block, bytes(list)) };
            }
        }
        all.merge();
        while let Some((block, size)) = all.take() {
            self.keep(block as usize, size);
        }
    }

    /// More memory, of at least `size` bytes.
    fn extend(&mut self, size: usize) -> Option<(usize, usize)> {
        // A sixteenth more keeps the number of steps small and the waste as well.
        let pages = size.max(self.top / 16).div_ceil(PAGE);
        if core::arch::wasm32::memory_grow(0, pages) == usize::MAX {
            return None;
        }
        let block = self.top;
        self.top += pages * PAGE;
        Some((block, pages * PAGE))
    }

    /// Puts free memory into lists, in blocks as large as they have.
    fn keep(&mut self, mut at: usize, mut size: usize) {
        while size >= ALIGN {
            let (above, wants) = list(size);
            let list = if wants > size { above - 1 } else { above };
            self.give(list, at as *mut u8);
            at += bytes(list);
            size -= bytes(list);
        }
    }

    /// Takes the first block of a list that has one.
    fn take(&mut self, list: usize) -> *mut u8 {
        let block = self.free[list];
        self.free[list] = unsafe { block.cast::<*mut u8>().read() };
        if list >= FIRST_LARGE {
            self.large_free -= bytes(list);
        }
        block
    }

    /// Gives a block of its size to a list.
    fn give(&mut self, list: usize, block: *mut u8) {
        unsafe { block.cast::<*mut u8>().write(self.free[list]) };
        self.free[list] = block;
        if list >= FIRST_LARGE {
            self.large_free += bytes(list);
        }
    }
}

// Not inlined: there are some thousand places that allocate.
//
// SAFETY: blocks are multiples of `ALIGN` long and start at one, lie behind the linker's data, and are
// handed out once until they come back. A larger alignment gets nothing.
unsafe impl GlobalAlloc for Heap {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > ALIGN || layout.size() > isize::MAX as usize / 2 {
            return null_mut();
        }
        let state = unsafe { &mut *self.0.get() };
        let (list, size) = list(layout.size());
        if state.free[list].is_null() {
            return state.fresh(size);
        }
        state.take(list)
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let state = unsafe { &mut *self.0.get() };
        let (list, size) = list(layout.size());
        if block as usize + size == state.next {
            state.next = block as usize;
            return;
        }
        state.give(list, block);
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > isize::MAX as usize / 2 {
            return null_mut();
        }
        let state = unsafe { &mut *self.0.get() };
        let (has, wants) = (list(layout.size()).1, list(size).1);
        if has == wants {
            return block;
        }
        // The last block grows and shrinks where it is.
        if block as usize + has == state.next {
            if wants <= state.end - block as usize {
                state.next = block as usize + wants;
                return block;
            }
        }
        let fresh = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !fresh.is_null() {
            unsafe {
                fresh.copy_from_nonoverlapping(block, size.min(layout.size()));
                self.dealloc(block, layout);
            }
        }
        fresh
    }
}
