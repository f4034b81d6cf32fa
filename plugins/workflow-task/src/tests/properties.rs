//! Whatever a host may answer.

use super::*;
use crate::stage::{Failure, Stage, State};
use proptest::prelude::*;

fn any_exit() -> impl Strategy<Value = Exit> {
    prop_oneof![
        6 => Just(Exit::Code(0)),
        1 => any::<i32>().prop_map(Exit::Code),
        1 => any::<i32>().prop_map(Exit::Signal),
        1 => Just(Exit::TimedOut),
        1 => Just(Exit::Stopped("why".into())),
    ]
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let few = 0..3_u32;
    prop_oneof![
        (
            any_exit(),
            prop::bool::weighted(0.8),
            prop::bool::weighted(0.8)
        )
            .prop_map(|(exit, completed, changed)| Outcome::Agent(AgentOutcome {
                exit,
                completed,
                summary: "s".into(),
                changed
            })),
        any_exit().prop_map(exec),
        "[a-c]{0,1}".prop_map(|mark| failing(&mark)),
        (few.clone(), few.clone(), few).prop_map(|(i, w, b)| scan(i, w, b)),
        prop_oneof![
            3 => Just(ApprovalOutcome::Approved),
            1 => Just(ApprovalOutcome::Rejected),
            1 => Just(ApprovalOutcome::Expired),
        ]
        .prop_map(Outcome::Approval),
        Just(published()),
        Just(Outcome::Done),
        Just(Outcome::Failed("why".into())),
    ]
}

/// The outcome of the kind that `action` asks for, out of the host's hat.
fn fitting(action: &Action, hat: &[Outcome]) -> Outcome {
    hat.iter()
        .find(|outcome| {
            matches!(
                (action, outcome),
                (Action::Agent(_), Outcome::Agent(_))
                    | (Action::Exec(_), Outcome::Exec(_))
                    | (Action::Scan(_), Outcome::Scan(_))
                    | (Action::Approval(_), Outcome::Approval(_))
                    | (Action::Publish(_), Outcome::Publish(_))
            )
        })
        .cloned()
        .unwrap_or(Outcome::Failed("nothing fits".into()))
}

fn any_severity() -> impl Strategy<Value = Severity> {
    prop_oneof![
        Just(Severity::Info),
        Just(Severity::Warn),
        Just(Severity::Block)
    ]
}

proptest! {
    /// Whatever happens to its steps, a run ends, and nothing goes out that
    /// was not scanned last, or was flagged and not approved.
    #[test]
    fn runs_end_and_publish_only_what_may_go_out(
        commands in 0..5_usize,
        review_from in any_severity(),
        rounds in 0..3_u32,
        plan in any::<bool>(),
        hats in prop::collection::vec(prop::collection::vec(any_outcome(), 0..20), 30),
    ) {
        let options = Options { rounds, plan };
        let advance = |context: &Context, state: &[u8], results| {
            advance::advance(context, options, state, results)
        };
        let most = (commands + 1) * (rounds as usize + 1) + 4;
        let mut context = context(&vec!["make"; commands]);
        context.review_from = review_from;
        let mut answer = advance(&context, &[], vec![]);
        let mut scanned: Option<ScanOutcome> = None;
        let mut approved = false;
        let mut refused = false;
        let mut calls = 0;
        while let Decision::Run(steps) = answer.decision.clone() {
            calls += 1;
            prop_assert!(calls <= most, "it does not end");
            prop_assert_eq!(steps.len(), 1);
            let outcome = fitting(&steps[0].action, &hats[calls]);
            match (&steps[0].action, &outcome) {
                (Action::Scan(_), Outcome::Scan(found)) => scanned = Some(*found),
                (Action::Approval(_), Outcome::Approval(decided)) => {
                    approved = *decided == ApprovalOutcome::Approved;
                    refused = !approved;
                }
                (Action::Publish(_), _) => {
                    let found = scanned.expect("published without a scan");
                    let flagged = match review_from {
                        Severity::Info => found.info + found.warn + found.block > 0,
                        Severity::Warn => found.warn + found.block > 0,
                        Severity::Block => found.block > 0,
                    };
                    prop_assert!(!refused, "published after a refusal");
                    prop_assert!(!flagged || approved, "published unapproved");
                }
                _ => {}
            }
            let result = StepResult { id: steps[0].id.clone(), outcome };
            answer = advance(&context, &answer.state, vec![result]);
        }
        if refused {
            prop_assert!(!matches!(answer.decision, Decision::Finish(_)));
        }
    }

    /// Nothing a host could hand back makes it panic or publish.
    #[test]
    fn foreign_state_is_refused(
        state in prop::collection::vec(any::<u8>(), 1..40),
        outcome in any_outcome(),
    ) {
        let result = StepResult { id: "scan".into(), outcome };
        let answer = advance(&context(&[]), &state, vec![result]);
        if State::decode(&state).is_none() {
            prop_assert!(matches!(answer.decision, Decision::Halt(HaltReason::Other(_))));
        }
    }

    #[test]
    fn state_survives_its_encoding(
        index in any::<u32>(),
        round in any::<u32>(),
        times in any::<u32>(),
        texts in prop::array::uniform3(".{0,50}"),
    ) {
        let [mark, summary, plan] = texts;
        for stage in [
            Stage::Plan,
            Stage::Agent,
            Stage::Verify(index),
            Stage::Scan,
            Stage::Approval,
            Stage::Publish,
        ] {
            let state = State {
                stage,
                round,
                failure: Failure { mark: mark.clone(), times },
                summary: summary.clone(),
                plan: plan.clone(),
            };
            let bytes = state.encode();
            prop_assert_eq!(State::decode(&bytes[..bytes.len() / 2]), None);
            prop_assert_eq!(State::decode(&bytes), Some(state));
        }
    }
}

#[test]
fn a_run_that_the_version_before_began_goes_on() {
    let mut bytes = vec![1, 1];
    bytes.extend_from_slice(&2_u32.to_le_bytes());
    bytes.extend_from_slice("fixed it".as_bytes());
    let state = State::decode(&bytes).expect("it is known");
    assert_eq!((state.stage, state.round), (Stage::Verify(2), 1));
    assert_eq!(state.summary, "fixed it");
}
