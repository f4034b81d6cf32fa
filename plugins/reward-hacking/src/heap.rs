//! The component's heap. Each call is an instance of its own whose memory is thrown away as a whole, so
//! what counts is that the first few hundred blocks cost next to nothing and touch few pages.
//!
//! Blocks come off the end of the memory that the instance starts with, and go back to a list of their
//! size. Nothing is merged: a scan frees what it read of one file before it reads the next, which asks for
//! much the same sizes again.
#![allow(
    unsafe_code,
    reason = "an allocator hands out raw memory by nature; nothing else here does"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

/// Every block starts at a multiple of this; nothing in the scanner asks for more.
const ALIGN: usize = 8;

/// Blocks up to this size have lists in steps of [`ALIGN`], larger ones in four steps per doubling.
const SMALL: usize = 128;

/// Lists of free blocks: sixteen of small ones, then four for each power of two of a 32-bit memory.
const LISTS: usize = SMALL / ALIGN + 4 * 25;

const PAGE: usize = 64 << 10;

/// Pages by which the memory grows at least, so that a large scan asks seldom.
const GROW_PAGES: usize = 4;

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(State {
    next: 0,
    end: 0,
    free: [null_mut(); LISTS],
}));

unsafe extern "C" {
    /// Where the linker's data ends.
    static __heap_base: u8;
}

struct Heap(UnsafeCell<State>);

struct State {
    /// The first byte that was never handed out, and the end of the memory.
    next: usize,
    end: usize,
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

impl State {
    /// Takes `size` bytes off the end, or nothing when the host gives no more.
    fn bump(&mut self, size: usize) -> *mut u8 {
        if self.end == 0 {
            self.next = (&raw const __heap_base as usize).next_multiple_of(ALIGN);
            self.end = core::arch::wasm32::memory_size(0) * PAGE;
        }
        if size > self.end - self.next && !self.grow(size - (self.end - self.next)) {
            return null_mut();
        }
        let block = self.next;
        self.next += size;
        block as *mut u8
    }

    fn grow(&mut self, missing: usize) -> bool {
        // An eighth more keeps the number of steps small and the waste as well.
        let pages = missing
            .div_ceil(PAGE)
            .max(GROW_PAGES)
            .max(self.end / PAGE / 8);
        if core::arch::wasm32::memory_grow(0, pages) == usize::MAX {
            return false;
        }
        self.end += pages * PAGE;
        true
    }
}

// SAFETY: blocks are multiples of `ALIGN` long and start at one, lie behind the linker's data, and are
// handed out once until they come back. A larger alignment gets nothing.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > ALIGN || layout.size() > isize::MAX as usize / 2 {
            return null_mut();
        }
        let state = unsafe { &mut *self.0.get() };
        let (list, size) = list(layout.size());
        let block = state.free[list];
        if block.is_null() {
            return state.bump(size);
        }
        state.free[list] = unsafe { block.cast::<*mut u8>().read() };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let state = unsafe { &mut *self.0.get() };
        let (list, size) = list(layout.size());
        if block as usize + size == state.next {
            state.next = block as usize;
            return;
        }
        unsafe { block.cast::<*mut u8>().write(state.free[list]) };
        state.free[list] = block;
    }

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
            state.next = block as usize;
            if state.bump(wants).is_null() {
                state.next += has;
                return null_mut();
            }
            return block;
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
