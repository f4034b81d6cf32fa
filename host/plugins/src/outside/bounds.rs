//! The bounds of the effectful imports: the numbers that the WIT documents.
//! They keep one call from filling the host's memory; what a plugin may do at
//! all is its grant's matter.

use super::records::{
    Answered, ChatError, ChatMessage, ChatPlace, HttpError, HttpRequest, JobsError, KvError,
    Submission,
};

/// Requests to the outside in one call. A digest of a day needs a handful.
pub const MAX_HTTP_CALLS: u32 = 32;
/// The longest a request may take, in milliseconds.
pub const MAX_HTTP_TIMEOUT_MS: u32 = 30_000;
/// The most bytes of a request's body.
pub const MAX_BODY_BYTES: usize = 4 << 20;
/// Changes of keys in one call.
pub const MAX_KV_CHANGES: u32 = 1_000;
/// The longest key in bytes.
pub const MAX_KEY_BYTES: usize = 256;
/// The largest value in bytes.
pub const MAX_VALUE_BYTES: usize = 64 << 10;

/// Jobs a call may submit or move; more is no one's day's work.
const MAX_JOB_EFFECTS: u32 = 100;
/// Messages a call may send, edit, remove, pin and acknowledge together.
const MAX_CHAT_EFFECTS: u32 = 100;
const MAX_URL_BYTES: usize = 8 << 10;
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 << 10;
const MAX_TASK_BYTES: usize = 64 << 10;
/// A leap year in hours: what any statistics look back over.
const MAX_STATS_HOURS: u32 = 366 * 24;
const MAX_IDEMPOTENCY_BYTES: usize = 200;
/// Why a person decided so; what the HTTP API takes too.
const MAX_COMMENT_BYTES: usize = 4 << 10;
const MAX_CHAT_BYTES: usize = 64 << 10;
const MAX_BUTTON_BYTES: usize = 64;
const MAX_BUTTON_ROWS: usize = 8;
const MAX_NOTE_BYTES: usize = 200;
const MAX_ID_BYTES: usize = 256;

/// What one call has used of its bounds.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    kv: u32,
    jobs: u32,
    chat: u32,
}

/// Counts one more; none when that is one too many.
fn count(used: &mut u32, limit: u32) -> Option<()> {
    *used = used.checked_add(1).filter(|n| *n <= limit)?;
    Some(())
}

impl Budget {
    pub(super) fn job(&mut self) -> Result<(), JobsError> {
        count(&mut self.jobs, MAX_JOB_EFFECTS)
            .ok_or_else(|| JobsError::Denied(format!("a call may change {MAX_JOB_EFFECTS} jobs")))
    }

    pub(super) fn chat(&mut self) -> Result<(), ChatError> {
        count(&mut self.chat, MAX_CHAT_EFFECTS).ok_or_else(|| {
            ChatError::Denied(format!("a call may change {MAX_CHAT_EFFECTS} messages"))
        })
    }

    pub(super) fn kv(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), KvError> {
        count(&mut self.kv, MAX_KV_CHANGES)
            .ok_or_else(|| KvError::Other(format!("a call may change {MAX_KV_CHANGES} keys")))?;
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(KvError::Invalid(format!(
                "a key has 1 to {MAX_KEY_BYTES} bytes, this one {}",
                key.len()
            )));
        }
        match value {
            Some(value) if value.len() > MAX_VALUE_BYTES => Err(KvError::Invalid(format!(
                "a value has at most {MAX_VALUE_BYTES} bytes, this one {}",
                value.len()
            ))),
            _ => Ok(()),
        }
    }
}

/// Checks the sizes of the `nth` request of a call.
pub(super) fn request(nth: u32, request: &HttpRequest) -> Result<(), HttpError> {
    if nth > MAX_HTTP_CALLS {
        return Err(HttpError::Denied(format!(
            "a call may send {MAX_HTTP_CALLS} requests"
        )));
    }
    let headers = &request.headers;
    let head: usize = headers.iter().map(|h| h.name.len() + h.value.len()).sum();
    let body = request.body.as_ref().map_or(0, Vec::len);
    for (what, size, limit) in [
        ("the URL, in bytes", request.url.len(), MAX_URL_BYTES),
        ("header fields", headers.len(), MAX_HEADERS),
        ("the header, in bytes", head, MAX_HEADER_BYTES),
        ("the body, in bytes", body, MAX_BODY_BYTES),
    ] {
        if size > limit {
            return Err(HttpError::Invalid(format!(
                "{what}: {size}, the limit is {limit}"
            )));
        }
    }
    Ok(())
}

pub(super) fn submission(job: &Submission) -> Result<(), JobsError> {
    task(&job.task, job.idempotency_key.as_deref())?;
    if job
        .repository
        .as_ref()
        .is_some_and(|url| url.len() > MAX_URL_BYTES)
    {
        return Err(JobsError::Invalid(format!(
            "the URL of a repository has at most {MAX_URL_BYTES} bytes"
        )));
    }
    for name in [
        &job.project,
        &job.base,
        &job.agent,
        &job.workflow,
        &job.budget,
    ] {
        word(name.as_deref())?;
    }
    Ok(())
}

/// Checks what a job is to do and the key it is asked for under.
pub(super) fn task(task: &str, idempotency_key: Option<&str>) -> Result<(), JobsError> {
    if task.trim().is_empty() || task.len() > MAX_TASK_BYTES {
        return Err(JobsError::Invalid(format!(
            "a task has 1 to {MAX_TASK_BYTES} bytes and is not blank"
        )));
    }
    match idempotency_key {
        Some(key) if key.is_empty() || key.len() > MAX_IDEMPOTENCY_BYTES => {
            Err(JobsError::Invalid(format!(
                "an idempotency key has 1 to {MAX_IDEMPOTENCY_BYTES} bytes"
            )))
        }
        _ => Ok(()),
    }
}

/// Checks a name, a commit or a state, whichever a guest gives.
pub(super) fn word(word: Option<&str>) -> Result<(), JobsError> {
    match word {
        Some(word) if word.len() > MAX_ID_BYTES => Err(JobsError::Invalid(format!(
            "a name has at most {MAX_ID_BYTES} bytes"
        ))),
        _ => Ok(()),
    }
}

/// Checks how far back statistics look.
pub(super) fn hours(hours: u32) -> Result<(), JobsError> {
    match (1..=MAX_STATS_HOURS).contains(&hours) {
        true => Ok(()),
        false => Err(JobsError::Invalid(format!(
            "statistics look back 1 to {MAX_STATS_HOURS} hours"
        ))),
    }
}

pub(super) fn comment(comment: Option<&str>) -> Result<(), JobsError> {
    match comment {
        Some(text) if text.len() > MAX_COMMENT_BYTES => Err(JobsError::Invalid(format!(
            "a comment has at most {MAX_COMMENT_BYTES} bytes"
        ))),
        _ => Ok(()),
    }
}

pub(super) fn note(interaction: &str, text: Option<&str>) -> Result<(), ChatError> {
    if interaction.is_empty() || interaction.len() > MAX_ID_BYTES {
        return Err(ChatError::Invalid(
            "the interaction is not one of an event".into(),
        ));
    }
    match text {
        Some(text) if text.len() > MAX_NOTE_BYTES => Err(ChatError::Invalid(format!(
            "a note has at most {MAX_NOTE_BYTES} bytes"
        ))),
        _ => Ok(()),
    }
}

pub(super) fn place(place: &ChatPlace) -> Result<(), ChatError> {
    let fits = |text: &str| (1..=MAX_ID_BYTES).contains(&text.len());
    match fits(&place.source) && fits(&place.chat) && place.thread.as_deref().is_none_or(fits) {
        true => Ok(()),
        false => Err(ChatError::Invalid(format!(
            "source, chat and thread have 1 to {MAX_ID_BYTES} bytes"
        ))),
    }
}

pub(super) fn message(message: &ChatMessage) -> Result<(), ChatError> {
    let invalid = |why: String| Err(ChatError::Invalid(why));
    if message.text.trim().is_empty() || message.text.len() > MAX_CHAT_BYTES {
        return invalid(format!(
            "a text has 1 to {MAX_CHAT_BYTES} bytes and is not blank"
        ));
    }
    let rows = &message.buttons;
    if rows.len() > MAX_BUTTON_ROWS || rows.iter().any(|row| row.len() > MAX_BUTTON_ROWS) {
        return invalid(format!(
            "there are at most {MAX_BUTTON_ROWS} rows of {MAX_BUTTON_ROWS} buttons"
        ));
    }
    let fits = |text: &str| (1..=MAX_BUTTON_BYTES).contains(&text.len());
    if let Some(Answered::Message(id)) = &message.reply_to
        && !(1..=MAX_ID_BYTES).contains(&id.len())
    {
        return invalid(format!(
            "the id of an answered message has 1 to {MAX_ID_BYTES} bytes"
        ));
    }
    let all_fit = rows
        .iter()
        .flatten()
        .all(|b| fits(&b.label) && fits(&b.action));
    match all_fit {
        true => Ok(()),
        false => invalid(format!(
            "a button's label and action have 1 to {MAX_BUTTON_BYTES} bytes"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_allowed_is_allowed_and_the_next_is_not() {
        let mut budget = Budget::default();
        for _ in 0..MAX_JOB_EFFECTS {
            assert_eq!(budget.job(), Ok(()));
        }
        assert!(matches!(budget.job(), Err(JobsError::Denied(_))));
        let asked = HttpRequest {
            method: "GET".into(),
            url: "https://a/".into(),
            headers: Vec::new(),
            body: None,
            timeout_ms: 1,
        };
        assert_eq!(request(MAX_HTTP_CALLS, &asked), Ok(()));
        assert!(matches!(
            request(MAX_HTTP_CALLS + 1, &asked),
            Err(HttpError::Denied(_))
        ));
    }

    #[test]
    fn keys_and_values_have_their_sizes() {
        let mut budget = Budget::default();
        let long = "k".repeat(MAX_KEY_BYTES + 1);
        assert_eq!(budget.kv(&long[1..], Some(&[])), Ok(()));
        assert!(matches!(budget.kv(&long, None), Err(KvError::Invalid(_))));
        assert!(matches!(budget.kv("", None), Err(KvError::Invalid(_))));
        let large = vec![0; MAX_VALUE_BYTES + 1];
        assert_eq!(budget.kv("k", Some(&large[1..])), Ok(()));
        assert!(matches!(
            budget.kv("k", Some(&large)),
            Err(KvError::Invalid(_))
        ));
    }

    #[test]
    fn statistics_look_back_a_year() {
        assert_eq!(hours(1), Ok(()));
        assert_eq!(hours(MAX_STATS_HOURS), Ok(()));
        assert!(matches!(hours(0), Err(JobsError::Invalid(_))));
        assert!(matches!(
            hours(MAX_STATS_HOURS + 1),
            Err(JobsError::Invalid(_))
        ));
    }

    #[test]
    fn the_wit_says_the_same_numbers() {
        let http = include_str!("../../../../wit/host/http.wit");
        let jobs = include_str!("../../../../wit/host/jobs.wit");
        let chat = include_str!("../../../../wit/host/chat.wit");
        let kv = include_str!("../../../../wit/host/kv.wit");
        let kib = |bytes: usize| format!("{} KiB", bytes >> 10);
        for (wit, number) in [
            (http, format!("At most {MAX_HTTP_CALLS} a call")),
            (
                http,
                format!("limit of {},000", MAX_HTTP_TIMEOUT_MS / 1_000),
            ),
            (http, format!("at most {} MiB", MAX_BODY_BYTES >> 20)),
            (http, format!("at most {}", kib(MAX_URL_BYTES))),
            (
                http,
                format!("{MAX_HEADERS} header fields with {}", kib(MAX_HEADER_BYTES)),
            ),
            (jobs, format!("at most {MAX_JOB_EFFECTS} jobs")),
            (jobs, format!("at most {}", kib(MAX_COMMENT_BYTES))),
            (jobs, format!("at most {MAX_ID_BYTES} bytes")),
            (jobs, format!("At most {MAX_IDEMPOTENCY_BYTES} bytes")),
            (
                jobs,
                format!(
                    "1 to {},{}",
                    MAX_STATS_HOURS / 1_000,
                    MAX_STATS_HOURS % 1_000
                ),
            ),
            (chat, format!("at most {MAX_CHAT_EFFECTS} messages")),
            (chat, format!("at most {MAX_BUTTON_ROWS} rows")),
            (chat, format!("at most {MAX_BUTTON_BYTES} bytes")),
            (chat, format!("at most {MAX_NOTE_BYTES} bytes")),
            (kv, format!("{MAX_KEY_BYTES} bytes")),
            (kv, kib(MAX_VALUE_BYTES)),
        ] {
            // A comment may break anywhere.
            let text = wit.replace("///", " ");
            let text: Vec<&str> = text.split_whitespace().collect();
            assert!(
                text.join(" ").contains(&number),
                "the WIT does not say {number:?}"
            );
        }
    }
}
