//! What a step said: kept from its first byte up to a limit, and the last few
//! bytes besides, however much came in between. Kept in the runner's memory,
//! where the step cannot reach it. Reading never slows the writer down.
//!
//! Offsets count both streams together, in the order in which they were read.

use bytes::Bytes;
use sortie_wire::limits::{CHUNK_MAX_BYTES, OUTPUT_TAIL_BYTES};
use sortie_wire::message::OutputStream;
use std::collections::VecDeque;

/// What a run of bytes costs besides its bytes; a program that alternates
/// between its streams byte by byte is thereby bounded as well.
const RUN_COST: u64 = 64;

struct Run {
    stream: OutputStream,
    offset: u64,
    bytes: Vec<u8>,
}

/// The journal of one step.
pub struct Journal {
    limit: u64,
    /// The kept beginning: contiguous from offset 0.
    head: Vec<Run>,
    head_cost: u64,
    head_full: bool,
    /// The kept end, once the beginning is full.
    tail: VecDeque<Run>,
    tail_cost: usize,
    total: u64,
    closed: bool,
}

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Some bytes, at most a chunk, perhaps beyond a gap.
    Data {
        stream: OutputStream,
        offset: u64,
        bytes: Bytes,
    },
    /// Nothing yet.
    Wait,
    /// Nothing any more.
    End,
}

impl Journal {
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            head: Vec::new(),
            head_cost: 0,
            head_full: false,
            tail: VecDeque::new(),
            tail_cost: 0,
            total: 0,
            closed: false,
        }
    }

    /// Everything that was written, kept or not.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether something was dropped between the beginning and the end.
    pub fn truncated(&self) -> bool {
        self.tail
            .front()
            .is_some_and(|run| run.offset > self.head_end())
    }

    pub fn append(&mut self, stream: OutputStream, mut bytes: &[u8]) {
        if !self.head_full {
            let joins = self
                .head
                .last()
                .is_some_and(|run| run.stream == stream && run.bytes.len() < CHUNK_MAX_BYTES);
            let room = self
                .limit
                .saturating_sub(self.head_cost + if joins { 0 } else { RUN_COST });
            let fits = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            if fits > 0 {
                self.append_head(stream, &bytes[..fits]);
            }
            bytes = &bytes[fits..];
            self.head_full = !bytes.is_empty();
        }
        if !bytes.is_empty() {
            self.append_tail(stream, bytes);
        }
    }

    fn append_head(&mut self, stream: OutputStream, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let run = match self.head.last_mut() {
                Some(run) if run.stream == stream && run.bytes.len() < CHUNK_MAX_BYTES => run,
                _ => {
                    self.head_cost += RUN_COST;
                    self.head.push(Run {
                        stream,
                        offset: self.total,
                        bytes: Vec::new(),
                    });
                    self.head.last_mut().expect("one was pushed")
                }
            };
            let n = bytes.len().min(CHUNK_MAX_BYTES - run.bytes.len());
            run.bytes.extend_from_slice(&bytes[..n]);
            self.head_cost += n as u64;
            self.total += n as u64;
            bytes = &bytes[n..];
        }
    }

    fn append_tail(&mut self, stream: OutputStream, bytes: &[u8]) {
        // What the next bytes would push out at once is not copied first.
        let skip = bytes.len().saturating_sub(OUTPUT_TAIL_BYTES);
        self.total += skip as u64;
        for piece in bytes[skip..].chunks(CHUNK_MAX_BYTES / 4) {
            match self.tail.back_mut() {
                Some(run)
                    if run.stream == stream
                        && run.offset + run.bytes.len() as u64 == self.total
                        && run.bytes.len() + piece.len() <= CHUNK_MAX_BYTES / 4 =>
                {
                    run.bytes.extend_from_slice(piece);
                }
                _ => {
                    self.tail_cost += RUN_COST as usize;
                    self.tail.push_back(Run {
                        stream,
                        offset: self.total,
                        bytes: piece.to_vec(),
                    });
                }
            }
            self.tail_cost += piece.len();
            self.total += piece.len() as u64;
        }
        while self.tail_cost > OUTPUT_TAIL_BYTES + CHUNK_MAX_BYTES / 4
            && let Some(run) = self.tail.pop_front()
        {
            self.tail_cost -= run.bytes.len() + RUN_COST as usize;
        }
    }

    /// Nothing will be written any more.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Lets go of the bytes and keeps the counts.
    pub fn forget(&mut self) {
        self.head = Vec::new();
        self.tail = VecDeque::new();
    }

    fn head_end(&self) -> u64 {
        self.head
            .last()
            .map_or(0, |run| run.offset + run.bytes.len() as u64)
    }

    /// The next bytes from `from` on. Past the kept beginning that is what the
    /// end still holds: a reader that keeps up misses nothing, and one that is
    /// slower finds gaps.
    pub fn read(&self, from: u64) -> Read {
        if from < self.head_end() {
            let at = self.head.partition_point(|run| run.offset <= from) - 1;
            return data(&self.head[at], from);
        }
        match self
            .tail
            .iter()
            .find(|run| run.offset + run.bytes.len() as u64 > from)
        {
            Some(run) => data(run, from.max(run.offset)),
            None if self.closed => Read::End,
            None => Read::Wait,
        }
    }
}

fn data(run: &Run, from: u64) -> Read {
    // `from` lies inside the run, so the difference fits.
    let skip = (from - run.offset) as usize;
    Read::Data {
        stream: run.stream,
        offset: from,
        bytes: Bytes::copy_from_slice(&run.bytes[skip..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(journal: &Journal, mut from: u64) -> Vec<(OutputStream, u64, Vec<u8>)> {
        let mut read = Vec::new();
        while let Read::Data {
            stream,
            offset,
            bytes,
        } = journal.read(from)
        {
            assert!(offset >= from && !bytes.is_empty() && bytes.len() <= CHUNK_MAX_BYTES);
            from = offset + bytes.len() as u64;
            read.push((stream, offset, bytes.to_vec()));
        }
        read
    }

    #[test]
    fn a_reader_that_keeps_up_misses_nothing_of_too_much() {
        let mut journal = Journal::new(1000);
        let mut next = 0;
        for n in 0..20_000u32 {
            let line = format!("line {n:060}\n");
            journal.append(OutputStream::Stdout, line.as_bytes());
            let mut heard = Vec::new();
            for (_, offset, bytes) in all(&journal, next) {
                assert_eq!(offset, next + heard.len() as u64);
                heard.extend(bytes);
            }
            next += heard.len() as u64;
            assert_eq!(heard, line.as_bytes());
            assert_eq!(journal.read(next), Read::Wait);
        }
        journal.close();
        assert_eq!(journal.read(next), Read::End);
    }

    #[test]
    fn keeps_the_beginning_and_the_end_of_too_much() {
        let mut journal = Journal::new(1000);
        for n in 0..20_000u32 {
            journal.append(OutputStream::Stdout, format!("line {n:060}\n").as_bytes());
        }
        journal.close();
        assert!(journal.truncated());
        let read = all(&journal, 0);
        assert!(read[0].2.starts_with(b"line 0000"));
        assert!(
            read.last()
                .unwrap()
                .2
                .ends_with(format!("line {:060}\n", 19_999).as_bytes())
        );
        let kept: usize = read.iter().map(|r| r.2.len()).sum();
        assert!(
            (OUTPUT_TAIL_BYTES..1000 + OUTPUT_TAIL_BYTES + CHUNK_MAX_BYTES).contains(&kept),
            "{kept}"
        );
        assert_eq!(journal.total(), 20_000 * 66);
    }

    #[test]
    fn alternating_single_bytes_stay_bounded() {
        let mut journal = Journal::new(64 * 1024);
        for n in 0..1_000_000u32 {
            let stream = if n % 2 == 0 {
                OutputStream::Stdout
            } else {
                OutputStream::Stderr
            };
            journal.append(stream, b"x");
        }
        assert!(journal.head.len() * RUN_COST as usize <= 64 * 1024 + RUN_COST as usize);
        assert!(journal.tail.len() * RUN_COST as usize <= OUTPUT_TAIL_BYTES + CHUNK_MAX_BYTES);
        assert_eq!(journal.total(), 1_000_000);
    }

    proptest! {
        /// Whatever is written, reading it back from any offset gives the
        /// written bytes at the offsets they were written at, without overlap.
        #[test]
        fn reads_what_was_written(
            limit in 0u64..200_000,
            writes in proptest::collection::vec((any::<bool>(), 0usize..90_000), 0..12),
            from in 0u64..500_000,
        ) {
            let mut journal = Journal::new(limit);
            let mut written = Vec::new();
            for (n, (err, len)) in writes.into_iter().enumerate() {
                let stream = if err { OutputStream::Stderr } else { OutputStream::Stdout };
                let bytes: Vec<u8> = (0..len).map(|i| (i * 31 + n * 7) as u8).collect();
                journal.append(stream, &bytes);
                written.extend(bytes.into_iter().map(|b| (stream, b)));
            }
            journal.close();
            prop_assert_eq!(journal.total(), written.len() as u64);
            let mut kept = 0;
            for (stream, offset, bytes) in all(&journal, from) {
                for (n, byte) in bytes.iter().enumerate() {
                    prop_assert_eq!(written[offset as usize + n], (stream, *byte));
                }
                kept += bytes.len();
            }
            if !journal.truncated() {
                prop_assert_eq!(kept as u64, (written.len() as u64).saturating_sub(from));
            } else {
                prop_assert!(written.len() as u64 > limit.saturating_sub(RUN_COST * 32));
            }
        }
    }
}
