//! What people read.

use crate::bindings::sortie::host::{
    chat::{Answered, Button, Format, Message},
    job_types::View,
};

/// What there is to say about the commands.
pub(crate) const HELP: &str = "\
/task [project=NAME] WHAT TO DO: a new job. Also base=, agent=, workflow=, budget=.
/status [NUMBER]: how a job stands, or the newest ones.
/cancel NUMBER: end a job; or answer its message with /cancel.";

/// The longest acknowledgement, in bytes, as the WIT says.
const MAX_NOTE_BYTES: usize = 200;

/// The longest message, in bytes: one of the service's own, so that a job's
/// message stays one.
const MAX_TEXT_BYTES: usize = 4_000;

/// A message of plain text. What a task or a job says is not the plugin's, so
/// nothing in it is markup.
pub(crate) fn message(mut text: String, reply_to: Option<Answered>) -> Message {
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    Message {
        text,
        format: Format::Plain,
        buttons: Vec::new(),
        reply_to,
        silent: false,
    }
}

/// How a job stands, in a few lines.
pub(crate) fn progress(job: &View) -> String {
    let mut text = line(job);
    for more in [
        job.branch.as_ref().map(|branch| format!("Branch {branch}")),
        job.detail.clone(),
    ]
    .into_iter()
    .flatten()
    {
        text.push('\n');
        text.push_str(&more);
    }
    text
}

/// How a job stands, in one.
pub(crate) fn line(job: &View) -> String {
    let state = job.state.replace('_', " ");
    format!("#{} {}: {state}. {}", job.id, job.project, job.title)
}

/// The question that a job asks, with its buttons.
pub(crate) fn question(job: &View, commit: &str, row: Vec<Button>, about: u64) -> Message {
    let mut text = format!("#{} asks about commit {}.", job.id, short(commit));
    if let Some(detail) = &job.detail {
        text.push('\n');
        text.push_str(detail);
    }
    Message {
        buttons: vec![row],
        ..message(text, Some(Answered::Number(about)))
    }
}

/// What becomes of a question that nobody can answer any more.
pub(crate) fn answered(job: &View, commit: &str) -> Message {
    let state = job.state.replace('_', " ");
    message(
        format!(
            "#{} asked about commit {}. It is {state}.",
            job.id,
            short(commit)
        ),
        None,
    )
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// A text that fits into an acknowledgement.
pub(crate) fn note(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NOTE_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::job;

    #[test]
    fn a_job_is_told_in_full_and_in_short() {
        let job = View {
            branch: Some("sortie/42".into()),
            detail: Some("Two files.".into()),
            ..job(42, "needs_review")
        };
        assert_eq!(line(&job), "#42 site: needs review. Fix it");
        assert_eq!(
            progress(&job),
            "#42 site: needs review. Fix it\nBranch sortie/42\nTwo files."
        );
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(message("ä".repeat(3_000), None).text.len(), 4_000);
        assert_eq!(note("short"), "short");
        assert_eq!(note(&"ä".repeat(150)).len(), 200);
        assert_eq!(note(&format!("a{}", "ä".repeat(150))).len(), 199);
    }
}
