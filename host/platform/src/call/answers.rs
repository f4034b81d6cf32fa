//! Answers to questions: about a job, and about a host that a job was refused.
//! Each is checked at once and decided when the call is written, where only the
//! first of several counts.

use super::Context;
use super::jobs::{allowed, conflict, find, granted, other};
use super::role;
use sortie_model::approval::Decision as Answer;
use sortie_model::egress::RulingScope;
use sortie_model::id::ApprovalId;
use sortie_model::people::Act;
use sortie_package::manifest::JobAction;
use sortie_plugins::outside::{Decision, JobsError, Reach};
use sortie_store::Effect;

pub(super) async fn decide(
    context: &mut Context,
    job: u64,
    decision: Decision,
    commit: Option<String>,
    comment: Option<String>,
) -> Result<(), JobsError> {
    allowed(context, JobAction::Decide, Act::Decide)?;
    let found = find(context, job).await?;
    let open = context
        .store
        .approval(found.id)
        .await
        .map_err(|error| other(&error))?
        .filter(|_| found.state.phase().waits_for_person());
    let Some(open) = open else {
        return Err(conflict(&found, "there is no question to answer"));
    };
    if commit.is_some() && open.commit != commit {
        return Err(JobsError::Conflict(format!(
            "the question is about commit {}; look at the diff again",
            open.commit.as_deref().unwrap_or("none")
        )));
    }
    context.ledger.add(Effect::Decide {
        job: found.id,
        decision: meant(decision),
        commit,
        comment,
    });
    Ok(())
}

pub(super) async fn answer(
    context: &mut Context,
    question: u64,
    decision: Decision,
    comment: Option<String>,
) -> Result<(), JobsError> {
    allowed(context, JobAction::Decide, Act::Decide)?;
    let asked = context
        .store
        .approval_of(ApprovalId(question))
        .await
        .map_err(|error| other(&error))?
        .ok_or(JobsError::NotFound)?;
    let decision = meant(decision);
    if let Some(given) = asked.decision.filter(|given| *given != decision) {
        let by = match &asked.decided_by {
            Some(by) => {
                let called = context.store.called(by).await;
                format!(" by {}", called.map_err(|error| other(&error))?)
            }
            None => String::new(),
        };
        let how = match given {
            Answer::Expired => "has expired",
            Answer::Approved => "was approved",
            Answer::Rejected => "was rejected",
            Answer::Withdrawn => "was withdrawn",
        };
        return Err(JobsError::Conflict(format!(
            "the question about {} {how}{by}",
            asked.job
        )));
    }
    context.ledger.add(Effect::Answer {
        approval: asked.id,
        decision,
        comment,
    });
    Ok(())
}

pub(super) async fn admit_host(
    context: &mut Context,
    ask: u64,
    allow: bool,
    reach: Reach,
) -> Result<(), JobsError> {
    granted(context, JobAction::Decide)?;
    let (act, scope) = match reach {
        Reach::Run => (Act::AdmitHost, RulingScope::Run),
        Reach::Job => (Act::AdmitHost, RulingScope::Job),
        Reach::Project => (Act::AdmitHostForProject, RulingScope::Project),
    };
    role::check(context, act)?;
    context
        .store
        .egress_ask(ask)
        .await
        .map_err(|error| other(&error))?
        .ok_or(JobsError::NotFound)?;
    context.ledger.add(Effect::AdmitHost { ask, allow, scope });
    Ok(())
}

fn meant(decision: Decision) -> Answer {
    match decision {
        Decision::Approve => Answer::Approved,
        Decision::Reject => Answer::Rejected,
    }
}
