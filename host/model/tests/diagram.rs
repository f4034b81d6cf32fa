//! The drawing of a job's life in the documentation equals the table.

use sortie_model::job::TRANSITIONS;
use std::collections::BTreeSet;

#[test]
fn the_drawing_equals_the_table() {
    let page = include_str!("../../../docs/ARCHITECTURE.md");
    let drawing = page
        .split("```mermaid")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("the page has a drawing");
    let drawn: BTreeSet<(String, String, String)> = drawing
        .lines()
        .filter_map(|line| {
            let (from, rest) = line.trim().split_once(" --> ")?;
            let (to, event) = rest.split_once(": ")?;
            Some((from.to_owned(), event.to_owned(), to.to_owned()))
        })
        .collect();
    let table: BTreeSet<_> = TRANSITIONS
        .iter()
        .map(|(from, event, to)| {
            (
                from.as_str().to_owned(),
                event.as_str().to_owned(),
                to.as_str().to_owned(),
            )
        })
        .collect();
    assert_eq!(drawn, table);
}
