//! Reads a stream of server-sent events on the side: what it says of usage.
//!
//! The bytes go on to the client as they came. One thing may be taken out: the
//! chunk with the usage of a chat, where the host asked for it and the client
//! did not. What is kept in memory is at most one line, and a line too long to
//! be kept is passed on unread.

use super::usage::{self, Report};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::Value;
use sortie_model::llm::ModelApi;

/// The longest line that is read. The last event of a response repeats all of
/// it: a hundred thousand tokens with their log probabilities fit.
const MAX_LINE_BYTES: usize = 8 * 1024 * 1024;

/// Reads one stream.
pub(crate) struct Watch {
    api: ModelApi,
    /// Whether to take the chunk out that only has usage.
    strip: bool,
    /// The beginning of a line whose end is yet to come.
    line: BytesMut,
    /// The line is too long to be kept; the rest of it is skipped.
    skipping: bool,
    /// The empty line after what was taken out goes with it.
    swallow_blank: bool,
    usage: Value,
    /// Whether the report is the final one.
    complete: bool,
    /// Whether the provider said that the answer is whole.
    ended: bool,
}

/// What any event may have of interest.
#[derive(Deserialize)]
struct Event {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    usage: Option<Value>,
    /// Messages: the start has its usage in here.
    #[serde(default)]
    message: Option<WithUsage>,
    /// Responses: the end has its usage in here.
    #[serde(default)]
    response: Option<WithUsage>,
    #[serde(default)]
    choices: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct WithUsage {
    #[serde(default)]
    usage: Option<Value>,
}

impl Watch {
    pub(crate) fn new(api: ModelApi, strip: bool) -> Self {
        Self {
            api,
            strip,
            line: BytesMut::new(),
            skipping: false,
            swallow_blank: false,
            usage: Value::Null,
            complete: false,
            ended: false,
        }
    }

    /// Takes the next piece and gives what goes on to the client, which may be
    /// nothing.
    pub(crate) fn push(&mut self, piece: Bytes) -> Bytes {
        if !self.strip {
            self.read(&piece);
            return piece;
        }
        let mut out = BytesMut::with_capacity(piece.len() + self.line.len());
        let mut rest = &piece[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(end + 1);
            rest = tail;
            if self.skipping {
                self.skipping = false;
                out.extend_from_slice(head);
                continue;
            }
            let line = match self.line.is_empty() {
                true => BytesMut::from(head),
                false => {
                    self.line.extend_from_slice(head);
                    self.line.split()
                }
            };
            if self.keeps(&line) {
                out.extend_from_slice(&line);
            }
        }
        if self.skipping {
            out.extend_from_slice(rest);
        } else {
            self.line.extend_from_slice(rest);
            if self.line.len() > MAX_LINE_BYTES {
                self.skipping = true;
                out.unsplit(self.line.split());
            }
        }
        out.freeze()
    }

    /// What is still held back at the end of the stream.
    pub(crate) fn rest(&mut self) -> Bytes {
        if !self.strip {
            return Bytes::new();
        }
        let line = self.line.split();
        match line.is_empty() || self.keeps(&line) {
            true => line.freeze(),
            false => Bytes::new(),
        }
    }

    /// What the stream said of its usage.
    pub(crate) fn report(&self) -> Report {
        match self.complete {
            true => usage::of_usage(self.api, &self.usage),
            false => Report::Missing,
        }
    }

    /// Whether the provider said that the answer is whole.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Reads without taking anything out.
    fn read(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(end + 1);
            rest = tail;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.line.is_empty() {
                self.observe(head);
            } else {
                self.line.extend_from_slice(head);
                let line = self.line.split();
                self.observe(&line);
            }
        }
        if !self.skipping {
            self.line.extend_from_slice(rest);
            if self.line.len() > MAX_LINE_BYTES {
                self.skipping = true;
                self.line.clear();
            }
        }
    }

    /// Reads a whole line, and says whether the client gets it.
    fn keeps(&mut self, line: &[u8]) -> bool {
        if std::mem::take(&mut self.swallow_blank) && line.trim_ascii().is_empty() {
            return false;
        }
        let only_usage = self.observe(line);
        self.swallow_blank = only_usage;
        !only_usage
    }

    /// Reads a whole line; true for a chat's chunk that has usage and nothing
    /// else.
    fn observe(&mut self, line: &[u8]) -> bool {
        let Some(data) = line.strip_prefix(b"data:") else {
            return false;
        };
        let data = data.trim_ascii();
        if data == b"[DONE]" || is_stop(data) {
            self.ended = true;
        }
        if !contains(data, b"\"usage\"") {
            return false;
        }
        let Ok(event) = serde_json::from_slice::<Event>(data) else {
            return false;
        };
        let found = match self.api {
            ModelApi::ChatCompletions | ModelApi::Embeddings => event.usage,
            ModelApi::Responses => {
                let usage = event.response.and_then(|response| response.usage);
                let ends = matches!(
                    event.kind.as_deref(),
                    Some("response.completed" | "response.incomplete" | "response.failed")
                );
                self.ended |= ends;
                usage.filter(|_| ends)
            }
            ModelApi::Messages => match event.kind.as_deref() {
                Some("message_start") => {
                    if let Some(usage) = event.message.and_then(|message| message.usage) {
                        self.usage = usage;
                    }
                    None
                }
                Some("message_delta") => event.usage,
                _ => None,
            },
        };
        let Some(found) = found.filter(|usage| !usage.is_null()) else {
            return false;
        };
        let before = std::mem::take(&mut self.usage);
        self.usage = match self.api {
            ModelApi::Messages => usage::overlay(before, found),
            _ => found,
        };
        self.complete = true;
        self.api == ModelApi::ChatCompletions && event.choices.is_some_and(|c| c.is_empty())
    }
}

/// Whether an event says that a message is whole.
fn is_stop(data: &[u8]) -> bool {
    data.len() < 256 && contains(data, b"\"message_stop\"")
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sortie_model::llm::TokenUsage;

    const CHAT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"say \\\"usage\\\" \"}}],\"usage\":null}\n\n\
         data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
         data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n\
         data: [DONE]\n\n";

    const MESSAGES: &str = "event: message_start\r\n\
         data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,\"cache_read_input_tokens\":2,\"output_tokens\":1}}}\r\n\r\n\
         event: content_block_delta\r\n\
         data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"\\\"usage\\\":{}\"}}\r\n\r\n\
         event: message_delta\r\n\
         data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":3,\"input_tokens\":null}}\r\n\r\n\
         event: message_stop\r\ndata: {\"type\":\"message_stop\"}\r\n\r\n";

    const RESPONSES: &str = "event: response.created\n\
         data: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n\
         event: response.completed\n\
         data: {\"type\":\"response.completed\",\"response\":{\"output\":[{\"usage\":9}],\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}}\n\n";

    fn feed(api: ModelApi, strip: bool, pieces: &[&[u8]]) -> (Vec<u8>, Watch) {
        let mut watch = Watch::new(api, strip);
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&watch.push(Bytes::copy_from_slice(piece)));
        }
        out.extend_from_slice(&watch.rest());
        (out, watch)
    }

    fn used(cache_read: u64) -> Report {
        Report::Tokens(TokenUsage {
            input: 7,
            output: 3,
            cache_read,
            ..TokenUsage::default()
        })
    }

    #[test]
    fn usage_is_found_however_a_stream_is_cut_into_pieces() {
        for (api, text, expected) in [
            (ModelApi::ChatCompletions, CHAT, used(0)),
            (ModelApi::Messages, MESSAGES, used(2)),
            (ModelApi::Responses, RESPONSES, used(0)),
        ] {
            let bytes = text.as_bytes();
            for cut in 0..=bytes.len() {
                let (out, watch) = feed(api, false, &[&bytes[..cut], &bytes[cut..]]);
                assert_eq!(out, bytes, "byte for byte");
                assert_eq!(watch.report(), expected, "{api} at {cut}");
                assert!(watch.ended());
            }
            let each: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(feed(api, false, &each).1.report(), expected);
        }
    }

    #[test]
    fn only_the_chunk_that_the_client_did_not_ask_for_is_taken_out() {
        let without = CHAT.replace(
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n",
            "",
        );
        let bytes = CHAT.as_bytes();
        for cut in 0..=bytes.len() {
            let (out, watch) = feed(
                ModelApi::ChatCompletions,
                true,
                &[&bytes[..cut], &bytes[cut..]],
            );
            assert_eq!(String::from_utf8_lossy(&out), without);
            assert_eq!(watch.report(), used(0));
        }
    }

    #[test]
    fn a_stream_that_is_cut_has_no_report_until_its_usage_came() {
        for (api, text) in [
            (ModelApi::ChatCompletions, CHAT),
            (ModelApi::Messages, MESSAGES),
            (ModelApi::Responses, RESPONSES),
        ] {
            let bytes = text.as_bytes();
            let mut known = false;
            for cut in 0..=bytes.len() {
                let (_, watch) = feed(api, false, &[&bytes[..cut]]);
                let now = watch.report() != Report::Missing;
                assert!(now || !known, "what is known stays known");
                known = now;
            }
            assert!(known);
            assert_eq!(
                feed(api, false, &[&bytes[..20]]).1.report(),
                Report::Missing
            );
        }
    }

    #[test]
    fn a_line_without_end_is_passed_on_and_not_kept() {
        for strip in [false, true] {
            let mut watch = Watch::new(ModelApi::ChatCompletions, strip);
            let piece = Bytes::from(vec![b'x'; 1024 * 1024]);
            let mut out = 0;
            for _ in 0..20 {
                out += watch.push(piece.clone()).len();
                assert!(watch.line.len() <= MAX_LINE_BYTES + piece.len());
            }
            out += watch.push(Bytes::from_static(b"\n")).len();
            assert_eq!(out, 20 * 1024 * 1024 + 1);
            let rest = watch.push(Bytes::from_static(CHAT.as_bytes()));
            assert_eq!(rest.len() == CHAT.len(), !strip);
            assert_eq!(watch.report(), used(0), "it goes on after the line");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_pass(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..10), strip: bool) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            for api in ModelApi::ALL {
                let (out, _) = feed(api, strip, &pieces);
                prop_assert_eq!(out, pieces.concat());
            }
        }
    }
}
