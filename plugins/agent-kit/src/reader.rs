//! Reads one launch: lines to a protocol, the end from what it understood.

use std::collections::VecDeque;

use crate::lines::{Line, Lines};
use crate::session::Session;
use crate::words;
use crate::{Conclusion, Ending, Event, Exit, Json, Stream};

/// Lines that are no events and are kept for an end without one.
const STRAY_LINES: usize = 8;

/// The longest of them, in bytes.
const MAX_STRAY_BYTES: usize = 300;

/// What the lines of an agent's output mean.
pub trait Protocol: Default + 'static {
    /// Takes a line that is JSON. One that it does not know it passes over:
    /// agents learn to say more.
    fn read(&mut self, line: Json<'_>, session: &mut Session);

    /// How the agent ended when it never said so outright, by the last that it
    /// did say; none when that says nothing either. The program is gone.
    fn ending(&mut self, session: &mut Session) -> Option<Ending> {
        session.ending()
    }
}

/// A protocol being read.
#[derive(Default)]
pub struct Reader<P> {
    protocol: P,
    session: Session,
    stdout: Lines,
    stderr: Lines,
    stray: Stray,
}

impl<P: Protocol> Reader<P> {
    /// Takes the next bytes of a stream.
    pub fn push(&mut self, source: Stream, bytes: &[u8]) -> Vec<Event> {
        let Self {
            protocol,
            session,
            stdout,
            stderr,
            stray,
        } = self;
        match source {
            Stream::Stdout => stdout.push(bytes, |line| read(line, protocol, session, stray)),
            Stream::Stderr => stderr.push(bytes, |line| stray.line(line)),
        }
        session.take()
    }

    /// Says what the end means.
    pub fn finish(&mut self, exit: &Exit) -> Conclusion {
        let Self {
            protocol,
            session,
            stdout,
            stderr,
            stray,
        } = self;
        stdout.finish(|line| read(line, protocol, session, stray));
        stderr.finish(|line| stray.line(line));
        let said = session.ending().or_else(|| protocol.ending(session));
        let ending = said.unwrap_or_else(|| match exit {
            Exit::Stopped(why) if why.trim().is_empty() => {
                session.error("it was stopped");
                Ending::Aborted
            }
            Exit::Stopped(why) => {
                session.error(why);
                Ending::Aborted
            }
            exit => {
                let why = stray.explain(exit, session.last_error());
                session.error(&why);
                Ending::Failed
            }
        });
        session.done(ending);
        Conclusion {
            events: session.take(),
            summary: session.summary(ending),
            ending,
        }
    }
}

fn read<P: Protocol>(line: Line<'_>, protocol: &mut P, session: &mut Session, stray: &mut Stray) {
    let bytes = match line {
        Line::Whole(bytes) => bytes,
        Line::TooLong => {
            if !core::mem::replace(&mut stray.skipped, true) {
                // The object is short and JSON, so it is said.
                let note = format!(
                    r#"{{"type":"line-skipped","longest-bytes":{}}}"#,
                    crate::MAX_LINE_BYTES
                );
                Json::parse(&note)
                    .into_iter()
                    .for_each(|note| session.other(note));
            }
            return;
        }
    };
    session.begin_line();
    let text = String::from_utf8_lossy(bytes);
    match Json::parse(&text) {
        Some(json) if json.raw().starts_with('{') => protocol.read(json, session),
        _ => stray.line(Line::Whole(bytes)),
    }
}

/// The last that was printed beside the events. It is only asked when an agent
/// ends without a word: then it is what people need to see.
#[derive(Default)]
struct Stray {
    lines: VecDeque<String>,
    /// Whether a line was too long; it is said once.
    skipped: bool,
}

impl Stray {
    fn line(&mut self, line: Line<'_>) {
        let Line::Whole(bytes) = line else { return };
        // Enough for any line once its white space is gone.
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * MAX_STRAY_BYTES)]);
        let text = words::line(&text, MAX_STRAY_BYTES);
        if text.is_empty() {
            return;
        }
        if self.lines.len() == STRAY_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(text);
    }

    fn explain(&self, exit: &Exit, error: Option<&str>) -> String {
        let mut text = match exit {
            Exit::Code(status) => format!("the agent ended with status {status}"),
            Exit::Signal(signal) => format!("the agent was killed by signal {signal}"),
            Exit::Stopped(why) => format!("the agent was stopped: {why}"),
        };
        text.push_str(" before it said that it was done");
        let lines = self.lines.iter().map(String::as_str);
        for (at, line) in error.into_iter().chain(lines).enumerate() {
            text.push_str(if at == 0 { ":\n" } else { "\n" });
            text.push_str(line);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_LINE_BYTES;

    /// Says each word that it is told, and is done when told.
    #[derive(Default)]
    struct Words;

    impl Protocol for Words {
        fn read(&mut self, line: Json<'_>, session: &mut Session) {
            if let Some(said) = line.get("say").and_then(Json::text) {
                session.text(&said);
            }
            if line.get("done").and_then(Json::truth) == Some(true) {
                session.done(Ending::Completed);
            }
        }
    }

    fn read_all(printed: &[u8], exit: &Exit) -> (Vec<Event>, Conclusion) {
        let mut reader = Reader::<Words>::default();
        let mut events = Vec::new();
        for piece in printed.chunks(8_192) {
            events.extend(reader.push(Stream::Stdout, piece));
        }
        (events, reader.finish(exit))
    }

    #[test]
    fn the_exit_decides_nothing_that_the_agent_said() {
        for exit in [Exit::Code(0), Exit::Code(7), Exit::Stopped("late".into())] {
            let (_, end) = read_all(b"{\"say\":\"fixed\"}\n{\"done\":true}\n", &exit);
            assert_eq!(end.ending, Ending::Completed, "{exit:?}");
            assert_eq!(end.summary, "fixed");
        }
    }

    #[test]
    fn silence_is_a_failure_that_names_what_was_printed() {
        let printed = b"Error: Cannot find module 'x'\n[]\n\"text\"\n{\"say\":\n";
        let (events, end) = read_all(printed, &Exit::Code(0));
        assert_eq!(events, []);
        assert_eq!(end.ending, Ending::Failed);
        assert_eq!(
            end.summary,
            "the agent ended with status 0 before it said that it was done:\n\
             Error: Cannot find module 'x'\n[]\n\"text\"\n{\"say\":"
        );
        assert_eq!(end.events.last(), Some(&Event::Done(Ending::Failed)));
        let (_, stopped) = read_all(b"", &Exit::Stopped(String::new()));
        assert_eq!(stopped.ending, Ending::Aborted);
        assert_eq!(stopped.summary, "it was stopped");
    }

    #[test]
    fn a_line_without_an_end_counts() {
        let (events, end) = read_all(b"{\"done\":true}", &Exit::Code(0));
        assert_eq!((events, end.ending), (Vec::new(), Ending::Completed));
    }

    #[test]
    fn a_line_that_is_too_long_is_said_once_and_the_rest_is_read() {
        let long = [b"{\"say\":\"", &vec![b'x'; MAX_LINE_BYTES][..], b"\"}\n"].concat();
        let printed = [&long[..], &long, b"{\"say\":\"on\"}\n{\"done\":true}\n"].concat();
        let (events, end) = read_all(&printed, &Exit::Code(0));
        assert_eq!(events.len(), 3, "{events:?}");
        assert!(matches!(&events[0], Event::Other(note) if note.contains("line-skipped")));
        assert_eq!(events[1], Event::Text("on".into()));
        assert_eq!(end.ending, Ending::Completed);
    }

    #[test]
    fn standard_error_is_only_for_an_end_without_words() {
        let mut reader = Reader::<Words>::default();
        assert_eq!(reader.push(Stream::Stderr, b"{\"done\":true}\nwarn"), []);
        let end = reader.finish(&Exit::Signal(9));
        assert_eq!(end.ending, Ending::Failed);
        assert!(end.summary.ends_with("{\"done\":true}\nwarn"), "{end:?}");
    }
}
