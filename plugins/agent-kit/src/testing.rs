//! For the tests of plugins: a task to plan, and outputs that every protocol
//! must bear.

use crate::{
    Conclusion, Ending, Event, Exit, Mode, Model, ModelApi, Protocol, Reader, Stream, Task,
};

/// The most bytes that the host pushes at once.
const PUSH_BYTES: usize = 8 << 10;

/// A task with a model that is served in every protocol.
#[must_use]
pub fn task(prompt: &str) -> Task {
    Task {
        prompt: prompt.into(),
        instruction: prompt.into(),
        mode: Mode::Write,
        role: "build".into(),
        workspace: "/work/repo".into(),
        home: "/work/home".into(),
        model_endpoint: Some("http://127.0.0.1:3129".into()),
        model: Some(Model {
            name: "fake-model".into(),
            apis: vec![
                ModelApi::ChatCompletions,
                ModelApi::Responses,
                ModelApi::Messages,
            ],
            context_tokens: Some(200_000),
            output_tokens: Some(32_000),
            vision: false,
        }),
        time_limit_ms: 600_000,
        nudge: None,
    }
}

/// Reads what was printed to standard output, in such pieces, to the end of a
/// program with status 0.
#[must_use]
pub fn read<P: Protocol>(printed: &[u8], pieces: usize) -> (Vec<Event>, Conclusion) {
    let mut reader = Reader::<P>::default();
    let mut events = Vec::new();
    for piece in printed.chunks(pieces) {
        events.extend(reader.push(Stream::Stdout, piece));
    }
    let end = reader.finish(&Exit::Code(0));
    events.extend(end.events.iter().cloned());
    (events, end)
}

/// Reads it whole.
#[must_use]
pub fn read_whole<P: Protocol>(printed: &[u8]) -> (Vec<Event>, Conclusion) {
    read::<P>(printed, PUSH_BYTES)
}

/// The most places at which a sample is cut in two; pieces of one byte cut it at
/// every place at once.
const MAX_CUTS: usize = 400;

/// Tries a recorded output cut in two and in pieces, broken off after every
/// line, and with rubbish between its lines.
///
/// # Panics
/// When an output says something else in pieces, or when a session that broke
/// off counts as completed.
pub fn endures<P: Protocol>(sample: &str) {
    let whole = read_whole::<P>(sample.as_bytes());
    for at in (0..=sample.len()).step_by(sample.len() / MAX_CUTS + 1) {
        let (head, tail) = sample.as_bytes().split_at(at);
        let mut reader = Reader::<P>::default();
        let mut events = reader.push(Stream::Stdout, head);
        events.extend(reader.push(Stream::Stdout, tail));
        let end = reader.finish(&Exit::Code(0));
        events.extend(end.events.iter().cloned());
        assert!((events, end) == whole, "cut at byte {at}");
    }
    for pieces in [1, 2, 3, 7, 1_000] {
        assert!(
            read::<P>(sample.as_bytes(), pieces) == whole,
            "in pieces of {pieces}"
        );
    }
    let mut printed = String::new();
    for line in sample.lines() {
        let (_, end) = read_whole::<P>(printed.as_bytes());
        assert!(
            end.ending != Ending::Completed,
            "broken off after {printed}"
        );
        printed.extend([line, "\n"]);
        let (_, end) = read_whole::<P>(printed.as_bytes());
        if (end.ending, &end.summary) == (whole.1.ending, &whole.1.summary) {
            // The end has been said; what follows is none of the agent's work.
            break;
        }
    }
    rubbish::<P>(sample, &whole);
}

fn rubbish<P: Protocol>(sample: &str, whole: &(Vec<Event>, Conclusion)) {
    let long = [r#"{"type":"text","text":""#, &"x".repeat(10_000_000), "\"}"].concat();
    let deep = [r#"{"type":"#, &"[".repeat(100_000)].concat();
    let lines: [&[u8]; 9] = [
        b"",
        b"Warning: something",
        b"null",
        b"{}",
        b"{\"type\":7}",
        b"{\"type\":\"what-comes-next-year\",\"message\":[]}",
        b"\xff\xfe\x00{\"type\":",
        long.as_bytes(),
        deep.as_bytes(),
    ];
    let is_note =
        |event: &Event| matches!(event, Event::Other(text) if text.contains("line-skipped"));
    for line in lines {
        let mut printed = Vec::new();
        for event in sample.lines() {
            printed.extend_from_slice(line);
            printed.push(b'\n');
            printed.extend_from_slice(event.as_bytes());
            printed.push(b'\n');
            // Megabytes between two lines are enough.
            if line.len() > 1_000 {
                printed.extend_from_slice(line);
                printed.push(b'\n');
                let rest = sample.split_once('\n').map_or("", |(_, rest)| rest);
                printed.extend_from_slice(rest.as_bytes());
                break;
            }
        }
        let (mut events, end) = read_whole::<P>(&printed);
        events.retain(|event| !is_note(event));
        let name = String::from_utf8_lossy(&line[..line.len().min(40)]).into_owned();
        assert_eq!(events, whole.0, "between lines: {name}");
        assert_eq!(end.ending, whole.1.ending, "between lines: {name}");
    }
}
