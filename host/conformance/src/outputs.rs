//! What agents print sooner or later and the author of a parser may not think
//! of. The lines of JSON have the shapes that today's agents use.

/// What some agent printed.
pub(crate) struct Printed {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// A line as an agent prints that reads a whole file into one event.
const LONG_LINE_BYTES: usize = 1 << 20;

/// Deeper than any parser that recurses should follow.
const DEPTH: usize = 100_000;

/// What is short enough to be fed byte by byte.
pub(crate) fn short() -> Vec<Printed> {
    [
        ("nothing", &b""[..]),
        ("prose", "Fixing the typo.\nDone: naïve → naïf ✓\n".as_bytes()),
        ("half a line", b"Working on it"),
        ("lines that end in CR LF", b"one\r\ntwo\r\n\r\nthree\r\n"),
        ("terminal control", b"\x1b[1;31merror\x1b[0m: x\n 10%\r 99%\r100%\n\x1b]0;t\x07\x1b["),
        ("bytes that are no text", b"\xff\xfe\x00\xc3(\xed\xa0\x80\n\x80\x80{\"\xf0\n\x00\x00"),
        ("JSON that breaks off", b"{\"type\":\"turn.started\"}\n{\"type\":\"item.comp"),
        ("JSON of other types", b"null\n[]\n42\n\"text\"\n{}\n{\"type\":7}\n{\"type\":null}\ntrue\n"),
        ("numbers beyond every type", b"{\"type\":\"usage\",\"input_tokens\":1e999,\"n\":-184467440737095516160,\"t\":0.1e-400}\n"),
        ("events of a session", SESSION),
        ("events of turns and items", TURNS),
        ("events of parts", PARTS),
        ("events of messages", MESSAGES),
    ]
    .map(|(name, bytes)| Printed { name, bytes: bytes.to_vec() })
    .into()
}

/// What is too long for that.
pub(crate) fn long() -> Vec<Printed> {
    let line = |begin: &str, end: &str| {
        let mut bytes = begin.as_bytes().to_vec();
        bytes.extend(b"word \xc3\xa9 ".iter().cycle().take(LONG_LINE_BYTES));
        bytes.extend_from_slice(end.as_bytes());
        bytes
    };
    let deep = [b"[".repeat(DEPTH), b"\n".to_vec(), b"{\"a\":".repeat(DEPTH)].concat();
    vec![
        Printed {
            name: "a line of a mebibyte",
            bytes: line("", ""),
        },
        Printed {
            name: "an event of a mebibyte",
            bytes: line("{\"type\":\"text\",\"text\":\"", "\"}\n"),
        },
        Printed {
            name: "JSON nested 100,000 deep",
            bytes: deep,
        },
        Printed {
            name: "100,000 empty lines",
            bytes: b"\n".repeat(100_000),
        },
        Printed {
            name: "every byte many times",
            bytes: (0..=255).cycle().take(64 << 10).collect(),
        },
    ]
}

const SESSION: &[u8] = br#"{"type":"session","version":3,"cwd":"/workspace"}
{"type":"turn_start"}
{"type":"message_end","message":{"role":"assistant","content":[{"type":"text","text":"I will look."}],"usage":{"input":10,"output":3},"stopReason":"toolUse"}}
{"type":"tool_execution_start","toolCallId":"t1","toolName":"read","args":{"path":"README.md"}}
{"type":"tool_execution_end","toolCallId":"t1","toolName":"read","isError":false}
{"type":"message_end","message":{"role":"assistant","content":[],"stopReason":"error","errorMessage":"402 payment required"}}
{"type":"agent_end"}
"#;

const TURNS: &[u8] = br#"{"type":"thread.started","thread_id":"a"}
{"type":"turn.started"}
{"type":"item.started","item":{"id":"i1","type":"command_execution","command":"cat README.md","exit_code":null}}
{"type":"item.completed","item":{"id":"i1","type":"command_execution","command":"cat README.md","exit_code":1}}
{"type":"item.completed","item":{"id":"i2","type":"agent_message","text":"Fixed."}}
{"type":"turn.completed","usage":{"input_tokens":10,"cached_input_tokens":4,"output_tokens":3}}
"#;

const PARTS: &[u8] = br#"{"type":"step_start","part":{"id":"p1"}}
{"type":"text","part":{"id":"p2","text":"Working"}}
{"type":"tool_use","part":{"id":"p3","tool":"edit","state":{"status":"completed","input":{}}}}
{"type":"step_finish","part":{"id":"p4","tokens":{"input":10,"output":3},"cost":0.01}}
"#;

const MESSAGES: &[u8] = br#"{"type":"system","subtype":"init","cwd":"/workspace"}
{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"Read","input":{"file_path":"a"}}],"usage":{"input_tokens":1,"output_tokens":1}}}
{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","is_error":true}]}}
{"type":"result","subtype":"success","is_error":true,"result":"no credit left"}
"#;
