//! From output to events: one per line, bounded, without terminal control.

use std::collections::VecDeque;

use crate::bindings::exports::sortie::agent::agent::{Conclusion, Ending, Event, Exit, Stream};

/// The longest line that is kept, in bytes; the rest of a longer one is left
/// out. The host journals the output as it was.
const MAX_LINE_BYTES: usize = 4_096;

/// Lines of the summary, the last ones of the output.
const SUMMARY_LINES: usize = 12;

/// Bytes of one line in the summary.
const MAX_SUMMARY_LINE_BYTES: usize = 300;

/// With this a shell ends that finds no such command.
const NOT_FOUND: i32 = 127;

/// What is said then: as a rule somebody wrote prose.
const RUNS_COMMANDS: &str =
    "this project's agent runs commands; for tasks in prose give it a coding agent: docs/AGENTS.md";

/// What was read of one launch. Holds two lines and the summary, whatever is
/// printed.
#[derive(Default)]
pub(crate) struct Output {
    stdout: Line,
    stderr: Line,
    last: VecDeque<String>,
}

#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    cut: bool,
}

impl Line {
    fn push(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES - self.bytes.len();
        self.cut |= bytes.len() > room;
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Ends the line; none when nothing of it can be seen.
    fn take(&mut self) -> Option<String> {
        let mut text = clean(&self.bytes);
        if self.cut && !text.is_empty() {
            text.push('…');
        }
        self.bytes.clear();
        self.cut = false;
        (!text.is_empty()).then_some(text)
    }
}

impl Output {
    pub(crate) fn push(&mut self, source: Stream, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut parts = bytes.split(|&b| b == b'\n');
        let mut part = parts.next().unwrap_or_default();
        for next in parts {
            self.line(source).push(part);
            let ended = self.line(source).take();
            self.say(ended, &mut events);
            part = next;
        }
        self.line(source).push(part);
        events
    }

    pub(crate) fn finish(&mut self, exit: Exit) -> Conclusion {
        let mut events = Vec::new();
        for source in [Stream::Stdout, Stream::Stderr] {
            let rest = self.line(source).take();
            self.say(rest, &mut events);
        }
        let ending = match exit {
            Exit::Code(0) => Ending::Completed,
            Exit::Code(status) => {
                let mut said = String::from("the command ended with status ");
                said.push_str(&status.to_string());
                if status == NOT_FOUND {
                    said.push_str("; ");
                    said.push_str(RUNS_COMMANDS);
                    self.keep(RUNS_COMMANDS);
                }
                events.push(Event::Error(said));
                Ending::Failed
            }
            Exit::Signal(signal) => {
                let mut said = String::from("the command was killed by signal ");
                said.push_str(&signal.to_string());
                events.push(Event::Error(said));
                Ending::Failed
            }
            Exit::Stopped(why) => {
                events.push(Event::Error(why));
                Ending::Aborted
            }
        };
        events.push(Event::Done(ending));
        let summary = self.last.make_contiguous().join("\n");
        Conclusion {
            events,
            summary,
            ending,
        }
    }

    fn line(&mut self, source: Stream) -> &mut Line {
        match source {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn say(&mut self, line: Option<String>, events: &mut Vec<Event>) {
        let Some(line) = line else { return };
        self.keep(&line);
        events.push(Event::Text(line));
    }

    /// Puts a line into the summary.
    fn keep(&mut self, line: &str) {
        if self.last.len() == SUMMARY_LINES {
            self.last.pop_front();
        }
        let end = line.floor_char_boundary(MAX_SUMMARY_LINE_BYTES);
        self.last.push_back(line[..end].into());
    }
}

/// A line as people read it: without control sequences, only what stands
/// after the last carriage return, as a terminal would show a progress bar.
fn clean(bytes: &[u8]) -> String {
    let line = bytes.trim_ascii_end();
    let start = line
        .iter()
        .rposition(|&b| b == b'\r')
        .map_or(0, |at| at + 1);
    let text = String::from_utf8_lossy(&line[start..]);
    let mut seen = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => seen.push('\t'),
            c if c.is_control() => {}
            c => seen.push(c),
        }
    }
    seen.truncate(seen.trim_end().len());
    seen
}

/// Skips what follows an escape character: a CSI sequence up to its final
/// byte, an OSC sequence up to its terminator, or one character.
fn skip_escape(chars: &mut core::str::Chars<'_>) {
    match chars.next() {
        Some('[') => {
            chars.find(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        Some(']') => {
            chars.find(|c| matches!(c, '\u{7}' | '\u{1b}'));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(events: &[Event]) -> Vec<&str> {
        events
            .iter()
            .filter_map(|event| match event {
                Event::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn lines_are_events_however_they_are_cut() {
        let printed = "one\nzwei: ü\n\nthree".as_bytes();
        for cut in 0..=printed.len() {
            let mut output = Output::default();
            let mut events = output.push(Stream::Stdout, &printed[..cut]);
            events.extend(output.push(Stream::Stdout, &printed[cut..]));
            let end = output.finish(Exit::Code(0));
            events.extend(end.events);
            assert_eq!(texts(&events), ["one", "zwei: ü", "three"], "cut at {cut}");
            assert_eq!(end.summary, "one\nzwei: ü\nthree");
            assert_eq!(end.ending, Ending::Completed);
        }
    }

    #[test]
    fn streams_do_not_run_into_each_other() {
        let mut output = Output::default();
        assert!(output.push(Stream::Stdout, b"out").is_empty());
        assert_eq!(texts(&output.push(Stream::Stderr, b"err\n")), ["err"]);
        assert_eq!(texts(&output.push(Stream::Stdout, b"put\n")), ["output"]);
    }

    #[test]
    fn endless_lines_and_endless_output_stay_small() {
        let mut output = Output::default();
        for _ in 0..1_000 {
            assert!(output.push(Stream::Stdout, &[b'x'; 8_192]).is_empty());
        }
        let events = output.push(Stream::Stdout, b"\n");
        assert_eq!(texts(&events)[0].len(), MAX_LINE_BYTES + '…'.len_utf8());
        for _ in 0..1_000 {
            output.push(Stream::Stdout, b"line\n");
        }
        let end = output.finish(Exit::Code(0));
        assert_eq!(end.summary.lines().count(), SUMMARY_LINES);
    }

    #[test]
    fn terminal_control_is_left_out() {
        assert_eq!(clean(b"\x1b[1;31merror\x1b[0m: \x07x\ty"), "error: x\ty");
        assert_eq!(clean(b"10%\r 50%\r100%\r"), "100%");
        assert_eq!(clean(b"\x1b]0;title\x07done"), "done");
        assert_eq!(clean(b"\xff\xfe"), "\u{fffd}\u{fffd}");
        assert_eq!(clean(b"\x1b["), "");
    }

    #[test]
    fn the_exit_decides() {
        let end = |exit| Output::default().finish(exit);
        let failed = end(Exit::Code(3));
        assert_eq!(failed.ending, Ending::Failed);
        assert_eq!(
            failed.events,
            [
                Event::Error("the command ended with status 3".into()),
                Event::Done(Ending::Failed)
            ]
        );
        let prose = end(Exit::Code(127));
        assert!(
            prose
                .summary
                .starts_with("this project's agent runs commands")
        );
        assert!(
            matches!(&prose.events[0], Event::Error(said) if said.contains(RUNS_COMMANDS)),
            "{:?}",
            prose.events
        );
        assert_eq!(end(Exit::Signal(9)).ending, Ending::Failed);
        assert_eq!(end(Exit::Stopped("late".into())).ending, Ending::Aborted);
    }
}
