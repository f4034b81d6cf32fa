//! Free blocks of the heap as one list, in which those that lie next to each other become one.
#![allow(
    unsafe_code,
    reason = "it is the heap's, whose free blocks hold the list themselves"
)]

use std::ptr::null_mut;

/// A list of free blocks. Each holds the address of the one behind it and its own size.
///
/// SAFETY, of all that is here: a block comes in by [`Blocks::add`], whose caller gives away so many bytes that
/// nobody else uses, two words at least and aligned to one; nothing is read or written but these words.
pub struct Blocks(*mut u8);

impl Blocks {
    pub const fn none() -> Blocks {
        Blocks(null_mut())
    }

    /// Adds a free block in front.
    ///
    /// # Safety
    /// The bytes are the list's from now on; there are two words of them at least, aligned to one.
    pub unsafe fn add(&mut self, block: *mut u8, size: usize) {
        unsafe { write(block, self.0, size) };
        self.0 = block;
    }

    /// Takes the first block with its size.
    pub fn take(&mut self) -> Option<(*mut u8, usize)> {
        if self.0.is_null() {
            return None;
        }
        let (next, size) = unsafe { read(self.0) };
        Some((std::mem::replace(&mut self.0, next), size))
    }

    /// Sorts the blocks by address and makes one of those that touch.
    pub fn merge(&mut self) {
        unsafe {
            self.0 = sorted(self.0);
            let mut at = self.0;
            while !at.is_null() {
                let (next, size) = read(at);
                if next as usize == at as usize + size {
                    let (behind, more) = read(next);
                    write(at, behind, size + more);
                } else {
                    at = next;
                }
            }
        }
    }
}

unsafe fn read(block: *mut u8) -> (*mut u8, usize) {
    let words = block.cast::<usize>();
    unsafe { (words.read() as *mut u8, words.add(1).read()) }
}

unsafe fn write(block: *mut u8, next: *mut u8, size: usize) {
    let words = block.cast::<usize>();
    unsafe {
        words.write(next as usize);
        words.add(1).write(size);
    }
}

unsafe fn set_next(block: *mut u8, next: *mut u8) {
    unsafe { block.cast::<usize>().write(next as usize) };
}

/// Sorts a list by merging runs of one, two, four blocks and so on: no block is moved and no room is needed.
unsafe fn sorted(list: *mut u8) -> *mut u8 {
    // The run at `i`, where there is one, has two to the power of `i` blocks.
    let mut runs = [null_mut::<u8>(); usize::BITS as usize];
    let mut at = list;
    while !at.is_null() {
        let (next, _) = unsafe { read(at) };
        unsafe { set_next(at, null_mut()) };
        let mut run = at;
        for slot in &mut runs {
            if slot.is_null() {
                *slot = run;
                break;
            }
            run = unsafe { merged(*slot, run) };
            *slot = null_mut();
        }
        at = next;
    }
    let all = runs.into_iter().filter(|run| !run.is_null());
    all.fold(null_mut(), |a, b| unsafe { merged(a, b) })
}

/// One ascending list of two.
unsafe fn merged(mut a: *mut u8, mut b: *mut u8) -> *mut u8 {
    let mut first = null_mut();
    let mut last: *mut u8 = null_mut();
    while !a.is_null() || !b.is_null() {
        let from_a = b.is_null() || !a.is_null() && a < b;
        let next = if from_a { &mut a } else { &mut b };
        let block = *next;
        *next = unsafe { read(block).0 };
        if last.is_null() {
            first = block;
        } else {
            unsafe { set_next(last, block) };
        }
        last = block;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_block_whatever_order_they_came_in() {
        let mut memory = vec![0_u64; 1_000];
        let start = memory.as_mut_ptr().cast::<u8>();
        // Every tenth pair of words stays in use.
        let mut free: Vec<usize> = (0..500).filter(|i| i % 10 != 9).collect();
        free.sort_by_key(|i| i.wrapping_mul(7_919) % 503);
        let mut blocks = Blocks::none();
        for i in free {
            unsafe { blocks.add(start.add(16 * i), 16) };
        }
        blocks.merge();
        for i in 0..50 {
            let (block, size) = blocks.take().expect("a block between two in use");
            assert_eq!((block as usize - start as usize, size), (160 * i, 144));
        }
        assert!(blocks.take().is_none());
    }
}
