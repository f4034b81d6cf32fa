//! What `sortie approve` and `sortie reject` have in common: which commit the
//! answer is about. It never sends an answer about a commit that was not shown
//! or named, so a result that changes meanwhile is not decided upon unseen.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::{ApprovalView, DecisionBody, JobDetail, LimitsView, MovedJob};

/// The least that is left of a commit's name when it is cut; git's own default.
const LEAST_ABBREVIATION: usize = 7;

/// What goes with either answer.
#[derive(Debug, clap::Args)]
pub struct Answer {
    /// The job's number
    #[arg(value_parser = crate::cli::job_number)]
    id: u64,
    /// The commit that you looked at, or the beginning of its name; when the
    /// question is about another one, nothing is decided [default: the one that
    /// the question is about now]
    #[arg(long, value_name = "COMMIT")]
    commit: Option<String>,
    /// The question that you answer, by its number; when another one is open,
    /// nothing is decided [default: the one that is open]
    #[arg(long, value_name = "ID")]
    question: Option<u64>,
    /// The reason
    #[arg(long, short = 'm', value_name = "TEXT")]
    comment: Option<String>,
}

/// Which of both answers it is.
#[derive(Clone, Copy, Debug)]
pub enum Decision {
    /// `sortie approve`.
    Approve,
    /// `sortie reject`.
    Reject,
}

/// Reads the question, shows which commit it is about and answers it.
pub async fn run(
    answer: Answer,
    decision: Decision,
    raise: Option<LimitsView>,
    client: &Client,
    out: &Out,
) -> Result<Exit, CliError> {
    let (action, done, before) = match decision {
        Decision::Approve => ("approve", "approved", "was approved before"),
        Decision::Reject => ("reject", "rejected", "was rejected before"),
    };
    let job: JobDetail = client.get(&format!("/v1/jobs/{}", answer.id)).await?;
    // Without a number it is the question that was just read, and no later one.
    let approval = answer
        .question
        .or(job.approval.as_ref().map(|open| open.id));
    let commit = seen(answer.commit, job.approval.as_ref());
    let open = job.approval.filter(|approval| approval.decision.is_none());
    if let Some(asked) = open.and_then(|approval| approval.commit)
        && commit.as_ref() == Some(&asked)
    {
        out.progress(format!("{action} commit {}", render::plain(&asked)));
    }
    let body = DecisionBody {
        approval,
        commit,
        comment: answer.comment,
        raise,
    };
    let moved: MovedJob = client
        .post(&format!("/v1/jobs/{}/{action}", answer.id), &body)
        .await?;
    super::moved(&moved, done, before, out)
}

/// The commit the answer is about: the one that was named, in full where the
/// question tells the rest of the name; else the question's.
fn seen(named: Option<String>, approval: Option<&ApprovalView>) -> Option<String> {
    let asked = approval.and_then(|approval| approval.commit.clone());
    match (named, asked) {
        (Some(named), Some(asked))
            if named.len() >= LEAST_ABBREVIATION
                && asked.starts_with(&named.to_ascii_lowercase()) =>
        {
            Some(asked)
        }
        (Some(named), _) => Some(named),
        (None, asked) => asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(commit: Option<&str>) -> ApprovalView {
        ApprovalView {
            id: 1,
            step: "review".into(),
            about: "review".into(),
            exhausted: None,
            raise: None,
            question: "Publish?".into(),
            commit: commit.map(str::to_owned),
            decision: None,
            decided_by: None,
            decided_via: None,
            comment: None,
            asked_at: String::new(),
            expires_at: String::new(),
            decided_at: None,
        }
    }

    #[test]
    fn the_answer_is_about_what_was_named_or_shown() {
        let asked = approval(Some("c0ffee0123456789"));
        let about = |named: Option<&str>, approval| seen(named.map(str::to_owned), approval);
        let whole = Some("c0ffee0123456789".to_owned());
        assert_eq!(about(None, Some(&asked)), whole);
        assert_eq!(about(Some("c0ffee0"), Some(&asked)), whole);
        assert_eq!(about(Some("C0FFEE0"), Some(&asked)), whole);
        for other in ["c0ffee", "decade0", "c0ffee01234567890"] {
            assert_eq!(about(Some(other), Some(&asked)), Some(other.to_owned()));
        }
        let unbound = approval(None);
        assert_eq!(about(None, Some(&unbound)), None);
        assert_eq!(
            about(Some("c0ffee0"), Some(&unbound)),
            Some("c0ffee0".into())
        );
        assert_eq!(about(None, None), None);
    }
}
