//! Takes the provider's own key out of a stream on its way to the client.
//!
//! Whole lines are looked through, so at most the beginning of one is held
//! back. Of a line too long to be held, all but its end goes on, and no form of
//! a key is longer than that end. Not seen is a key that a provider spreads
//! over several lines. A stream that was asked for without a key passes
//! untouched, as it comes.

use crate::outbound::scrub;
use bytes::{Bytes, BytesMut};
use sortie_vault::{MAX_SECRET_BYTES, Redactor};

/// The most of a line that waits for its end. An event with a piece of an
/// answer is a few hundred bytes; only pictures and whole answers are longer.
const MAX_HELD_BYTES: usize = 256 * 1024;

/// What is held back of a longer line: one byte less than the longest form of
/// the longest secret, which is the one where each byte is escaped by three.
const END_BYTES: usize = 3 * MAX_SECRET_BYTES - 1;

/// Cleans one stream.
pub(crate) struct Clean {
    /// What to look for; none where there is no key.
    redactor: Option<Redactor>,
    /// The beginning of a line whose end is yet to come.
    held: BytesMut,
}

impl Clean {
    pub(crate) fn new(redactor: Option<Redactor>) -> Self {
        Self {
            redactor,
            held: BytesMut::new(),
        }
    }

    /// Takes the next piece and gives what goes on to the client, which may be
    /// nothing.
    pub(crate) fn push(&mut self, mut piece: Bytes) -> Bytes {
        let Some(redactor) = &self.redactor else {
            return piece;
        };
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        if let Some(end) = piece.iter().rposition(is_end) {
            let mut lines = piece.split_to(end + 1);
            if !self.held.is_empty() {
                self.held.extend_from_slice(&lines);
                lines = self.held.split().freeze();
            }
            self.held.extend_from_slice(&piece);
            return scrub::body(lines, redactor);
        }
        self.held.extend_from_slice(&piece);
        if self.held.len() <= MAX_HELD_BYTES + END_BYTES {
            return Bytes::new();
        }
        // What is whole is taken out first, so the cut goes through no key: one
        // that is not whole yet begins behind it.
        let mut clean = scrub::body(self.held.split().freeze(), redactor);
        let end = clean.split_off(clean.len().saturating_sub(END_BYTES));
        self.held.extend_from_slice(&end);
        clean
    }

    /// What is still held back at the end of the stream, with its last piece.
    pub(crate) fn rest(&mut self, piece: Bytes) -> Bytes {
        let Some(redactor) = &self.redactor else {
            return piece;
        };
        self.held.extend_from_slice(&piece);
        scrub::body(self.held.split().freeze(), redactor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sortie_vault::{Secret, SecretSource, Vault};

    const KEY: &str = "sk-canary-of-the-provider";
    const SHOWN: &str = "[redacted:mine]";

    fn clean() -> Clean {
        let source = SecretSource::Value(Secret::new(KEY.to_owned()));
        let vault = Vault::new([("mine".to_owned(), source)].into()).expect("a vault");
        Clean::new(Some(vault.redactor_of(["mine"])))
    }

    fn feed<'p>(clean: &mut Clean, pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&clean.push(Bytes::copy_from_slice(piece)));
            assert!(clean.held.len() <= MAX_HELD_BYTES + END_BYTES + piece.len());
        }
        out.extend_from_slice(&clean.rest(Bytes::new()));
        out
    }

    #[test]
    fn a_key_is_taken_out_wherever_a_stream_is_cut() {
        let text = format!("data: {{\"echo\":\"{KEY}\"}}\r\n\r\ndata: {KEY}\n\n: {KEY}");
        let expected = text.replace(KEY, SHOWN).into_bytes();
        let bytes = text.as_bytes();
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(feed(&mut clean(), [head, tail]), expected, "{cut}");
        }
        assert_eq!(feed(&mut clean(), bytes.chunks(1)), expected);
    }

    #[test]
    fn a_whole_line_waits_for_nothing() {
        let mut clean = clean();
        let piece = Bytes::from_static(b"data: 1\n\ndata: 2");
        assert_eq!(clean.push(piece), "data: 1\n\n");
        assert_eq!(clean.push(Bytes::from_static(b"3")), "");
        assert_eq!(clean.rest(Bytes::from_static(b"4")), "data: 234");
    }

    #[test]
    fn a_line_without_end_is_passed_on_and_splits_no_key() {
        // Keys lie at all distances from where the line is cut.
        let long: String = (0..3_000)
            .map(|index| format!("{KEY}{}", "x".repeat(index % 701)))
            .collect();
        assert!(long.len() > 2 * (MAX_HELD_BYTES + END_BYTES));
        let expected = long.replace(KEY, SHOWN).into_bytes();
        for size in [997, 65_536] {
            let mut clean = clean();
            let out = feed(&mut clean, long.as_bytes().chunks(size));
            assert!(out == expected, "in pieces of {size}");
        }
        // It does not wait for the end of the line.
        let mut clean = clean();
        let piece = Bytes::from(vec![b'x'; MAX_HELD_BYTES + END_BYTES + 1]);
        assert_eq!(clean.push(piece).len(), MAX_HELD_BYTES + 1);
    }

    proptest! {
        #[test]
        fn any_bytes_without_a_key_pass(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..10),
            keyed: bool,
        ) {
            let mut clean = if keyed { clean() } else { Clean::new(None) };
            let out = feed(&mut clean, pieces.iter().map(Vec::as_slice));
            prop_assert_eq!(out, pieces.concat());
        }
    }
}
