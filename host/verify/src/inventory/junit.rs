//! JUnit XML, which nearly every runner can write.

use super::{Inventory, Status};
use roxmltree::{Document, Node, ParsingOptions};

/// The most elements of one document: a limit on memory, since an element
/// takes more of it than of the text.
const MAX_NODES: u32 = 1_000_000;

/// Every `testcase` of every document in the text, which may hold several in a
/// row and other lines around them.
pub(super) fn read(plain: &str) -> Inventory {
    let mut found = Inventory::default();
    for document in documents(plain) {
        // A type declaration could define what it likes, and no report has one.
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: MAX_NODES,
            ..ParsingOptions::default()
        };
        let Ok(document) = Document::parse_with_options(document, options) else {
            continue;
        };
        for case in document
            .descendants()
            .filter(|node| node.has_tag_name("testcase"))
        {
            let name = case.attribute("name").unwrap_or_default();
            let class = case.attribute("classname").unwrap_or_default();
            let full = match class {
                "" => name.to_owned(),
                class => format!("{class}.{name}"),
            };
            found.add(&full, status(case));
        }
    }
    found
}

fn status(case: Node<'_, '_>) -> Status {
    let has = |name: &str| case.children().any(|child| child.has_tag_name(name));
    if has("failure") || has("error") {
        Status::Failed
    } else if has("skipped") || case.attribute("status") == Some("notrun") {
        Status::Skipped
    } else {
        Status::Passed
    }
}

/// The parts of the text that begin and end like a report.
fn documents(plain: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut rest = plain;
    while let Some(start) = ["<testsuites", "<testsuite"]
        .iter()
        .filter_map(|open| rest.find(open))
        .min()
    {
        let from = &rest[start..];
        let close = match from.starts_with("<testsuites") {
            true => "</testsuites>",
            false => "</testsuite>",
        };
        let Some(end) = end_of(from, close) else {
            break;
        };
        documents.push(&from[..end]);
        rest = &from[end..];
    }
    documents
}

/// Where the first element ends. Suites may stand inside of suites.
fn end_of(from: &str, close: &str) -> Option<usize> {
    let open = &close.replace("</", "<")[..close.len() - 2];
    let head = from.find('>')?;
    if from[..head].ends_with('/') {
        return Some(head + 1);
    }
    let mut depth = 1_usize;
    let mut at = head + 1;
    loop {
        let next_close = from[at..].find(close)?;
        let opened = from[at..at + next_close]
            .match_indices(open)
            .filter(|(found, _)| {
                let after = &from[at + found + open.len()..];
                let end = after.find('>').unwrap_or(after.len());
                after.starts_with([' ', '>', '\n', '\t']) && !after[..end].ends_with('/')
            })
            .count();
        depth = depth + opened - 1;
        at += next_close + close.len();
        if depth == 0 {
            return Some(at);
        }
    }
}
