//! The head and the tail of an output of any length, in bounded memory.

use crate::fault::Fault;
use crate::program::Reader;
use sortie_sandbox::Output;
use std::collections::VecDeque;

/// What stands where something was left out.
const GAP: &str = "\n[…]\n";

/// The first and the last bytes of an output.
pub(crate) struct Clip {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_bytes: usize,
    tail_bytes: usize,
    left_out: bool,
}

impl Clip {
    /// Keeps that many bytes of each end.
    pub(crate) fn new(head_bytes: usize, tail_bytes: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_bytes,
            tail_bytes,
            left_out: false,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.head_bytes - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        let rest = match rest.len().checked_sub(self.tail_bytes) {
            Some(over @ 1..) => {
                self.left_out = true;
                &rest[over..]
            }
            _ => rest,
        };
        let over = (self.tail.len() + rest.len()).saturating_sub(self.tail_bytes);
        self.left_out |= over > 0;
        self.tail.drain(..over.min(self.tail.len()));
        self.tail.extend(rest);
    }

    /// Both ends as text, with a mark between them where something is missing.
    pub(crate) fn text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        if !self.left_out {
            // A character may stand across the two.
            return String::from_utf8_lossy(&[self.head.as_slice(), &tail].concat()).into_owned();
        }
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        text.push_str(GAP);
        text.push_str(&String::from_utf8_lossy(&tail));
        text
    }
}

impl Reader for Clip {
    async fn read(&mut self, output: &Output) -> Result<(), Fault> {
        self.push(&output.bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_kept_however_the_output_comes() {
        for piece in [1, 3, 7, 100] {
            let mut clip = Clip::new(4, 6);
            let all: Vec<u8> = (b'a'..=b'z').collect();
            for bytes in all.chunks(piece) {
                clip.push(bytes);
            }
            assert_eq!(clip.text(), "abcd\n[…]\nuvwxyz", "in pieces of {piece}");
        }
    }

    #[test]
    fn what_fits_is_whole() {
        let mut clip = Clip::new(3, 7);
        clip.push("aaé".as_bytes());
        clip.push("bbbbbb".as_bytes());
        assert_eq!(clip.text(), "aaébbbbbb");
    }
}
