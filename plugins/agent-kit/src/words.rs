//! Texts for people, cut to what they are for, and digests of texts for the
//! host.

use crate::Json;

/// The longest text of an event in bytes, as the WIT says.
pub(crate) const MAX_TEXT_BYTES: usize = 16 << 10;

/// What a tool was given, in bytes: a line on a screen.
const MAX_SUMMARY_BYTES: usize = 200;

/// The arguments that say best what a tool is given, the first that is there.
const TELLING: [&str; 12] = [
    "command",
    "cmd",
    "path",
    "file_path",
    "filePath",
    "notebook_path",
    "pattern",
    "query",
    "url",
    "description",
    "prompt",
    "name",
];

/// The arguments that name a file or folder.
const PATHS: [&str; 4] = ["path", "file_path", "filePath", "notebook_path"];

/// At most `most` bytes, on a character boundary, with a mark where it was cut.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.into();
    }
    const MARK: &str = "…";
    let end = text.floor_char_boundary(most.saturating_sub(MARK.len()));
    [text[..end].trim_end(), MARK].concat()
}

/// In one line: every run of white space and control characters is one space.
pub(crate) fn line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for c in text.chars() {
        // More than fits, so that the cut is marked whatever was at it.
        if line.len() > most + 1 {
            break;
        }
        if !c.is_whitespace() && !c.is_control() {
            line.push(c);
        } else if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line.truncate(line.trim_end().len());
    cut(&line, most)
}

/// What a tool was given, for people.
pub(crate) fn summary(arguments: Json<'_>) -> String {
    let told = TELLING
        .into_iter()
        .find_map(|key| Some(line(&arguments.get(key)?.shown(), MAX_SUMMARY_BYTES)));
    told.unwrap_or_else(|| match arguments.raw() {
        "{}" => String::new(),
        _ => line(&arguments.shown(), MAX_SUMMARY_BYTES),
    })
}

/// The file that a tool is about.
pub(crate) fn path(arguments: Json<'_>) -> Option<String> {
    PATHS
        .into_iter()
        .find_map(|key| Some(arguments.get(key)?.text()?.into_owned()))
        .filter(|path| !path.is_empty())
}

/// FNV-1a of 64 bits: two calls of one run that differ have another one. It is
/// no defence against an agent that wants to look busy.
pub(crate) fn fingerprint(text: &str) -> String {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let digest = text.bytes().fold(BASIS, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    format!("{digest:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json<'_> {
        Json::parse(text).expect("it is JSON")
    }

    #[test]
    fn a_cut_keeps_whole_characters_and_is_marked() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "lo…");
        assert_eq!(cut("ééé", 5), "é…");
        assert!(cut("…………", 4).len() <= 4);
    }

    #[test]
    fn a_line_has_no_control_characters_and_no_runs_of_space() {
        assert_eq!(line(" a\r\n\tb\u{1b}c  ", 20), "a b c");
        assert_eq!(line(&"x ".repeat(1_000_000), 9), "x x x…");
        assert_eq!(line("\n\n", 9), "");
    }

    #[test]
    fn a_summary_says_what_matters_most() {
        assert_eq!(
            summary(json(r#"{"timeout":3,"command":"ls\n-l"}"#)),
            "ls -l"
        );
        assert_eq!(summary(json(r#"{"content":"x","path":"a.rs"}"#)), "a.rs");
        assert_eq!(summary(json(r#"{"todos":[1]}"#)), r#"{"todos":[1]}"#);
        assert_eq!(summary(json("{}")), "");
        assert_eq!(summary(json(r#""cargo test\nls""#)), "cargo test ls");
        assert_eq!(
            summary(json(r#"{"command":["ls","-l"]}"#)),
            r#"["ls","-l"]"#
        );
    }

    #[test]
    fn a_path_is_found_by_its_usual_names() {
        assert_eq!(
            path(json(r#"{"filePath":"src/a.rs"}"#)).as_deref(),
            Some("src/a.rs")
        );
        assert_eq!(
            path(json(r#"{"path":7,"file_path":"b"}"#)).as_deref(),
            Some("b")
        );
        assert_eq!(path(json(r#"{"path":""}"#)), None);
        assert_eq!(path(json("[]")), None);
    }

    #[test]
    fn fingerprints_differ_when_their_texts_do() {
        assert_eq!(fingerprint(""), "cbf29ce484222325");
        assert_eq!(fingerprint("a"), "af63dc4c8601ec8c");
        assert_ne!(fingerprint("ab"), fingerprint("ba"));
    }
}
