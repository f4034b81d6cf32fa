//! Every transition by name, and properties over whatever a host may answer.

use proptest::prelude::*;

use crate::{
    advance::advance,
    bindings::exports::sortie::workflow::workflow::*,
    stage::{Stage, State},
};

fn context(verify: &[&str]) -> Context {
    Context {
        job: 42,
        attempt: 1,
        task: "fix the bug".into(),
        project: "demo".into(),
        agent: "agent-shell".into(),
        verify: verify.iter().map(|&v| v.into()).collect(),
        scanners: vec!["reward-hacking".into()],
        review_from: Severity::Warn,
        publish: PublishMode::Branch,
        branch: "sortie/42/fix-the-bug".into(),
    }
}

fn agent_ok() -> Outcome {
    Outcome::Agent(AgentOutcome {
        exit: Exit::Code(0),
        completed: true,
        summary: "fixed it".into(),
        changed: true,
    })
}

fn exec(exit: Exit) -> Outcome {
    Outcome::Exec(ExecOutcome {
        exit,
        tail: "1 test failed".into(),
    })
}

fn scan(info: u32, warn: u32, block: u32) -> Outcome {
    Outcome::Scan(ScanOutcome { info, warn, block })
}

fn published() -> Outcome {
    Outcome::Publish(PublishOutcome {
        branch: "sortie/42/fix-the-bug".into(),
        commit: "0123456789abcdef0123456789abcdef01234567".into(),
    })
}

/// Answers each step in turn and returns the ids asked for and the end.
fn fly(context: &Context, outcomes: Vec<Outcome>) -> (Vec<String>, Decision) {
    let mut answer = advance(context, &[], vec![]);
    let mut asked = Vec::new();
    for outcome in outcomes {
        let Decision::Run(steps) = &answer.decision else {
            panic!("it ended before it heard of {outcome:?}");
        };
        let [step] = steps.as_slice() else {
            panic!("one step at a time");
        };
        asked.push(step.id.clone());
        let result = StepResult {
            id: step.id.clone(),
            outcome,
        };
        answer = advance(context, &answer.state, vec![result]);
    }
    (asked, answer.decision)
}

#[test]
fn the_straight_way() {
    let (asked, end) = fly(
        &context(&["make", "make test"]),
        vec![
            agent_ok(),
            exec(Exit::Code(0)),
            exec(Exit::Code(0)),
            scan(3, 0, 0),
            published(),
        ],
    );
    assert_eq!(asked, ["agent", "verify-1", "verify-2", "scan", "publish"]);
    assert_eq!(
        end,
        Decision::Finish("pushed 0123456789ab to sortie/42/fix-the-bug\nfixed it".into())
    );
}

#[test]
fn steps_carry_what_the_context_says() {
    let context = context(&["make test"]);
    let first = advance(&context, &[], vec![]);
    let Decision::Run(steps) = first.decision else {
        panic!("it begins with a step");
    };
    assert_eq!(
        steps,
        [Step {
            id: "agent".into(),
            action: Action::Agent(AgentStep {
                agent: "agent-shell".into(),
                prompt: "fix the bug".into(),
                writes: true,
            }),
        }]
    );
    let second = advance(
        &context,
        &first.state,
        vec![StepResult {
            id: "agent".into(),
            outcome: agent_ok(),
        }],
    );
    assert_eq!(
        second.decision,
        Decision::Run(vec![Step {
            id: "verify-1".into(),
            action: Action::Exec(ExecStep {
                command: "make test".into(),
                time_limit_ms: None,
            }),
        }])
    );
}

#[test]
fn without_commands_nothing_is_verified() {
    let (asked, _) = fly(&context(&[]), vec![agent_ok(), scan(0, 0, 0), published()]);
    assert_eq!(asked, ["agent", "scan", "publish"]);
}

#[test]
fn without_a_remote_nothing_is_pushed() {
    let mut context = context(&[]);
    context.publish = PublishMode::None;
    let (asked, end) = fly(&context, vec![agent_ok(), scan(0, 0, 0)]);
    assert_eq!(asked, ["agent", "scan"]);
    assert!(matches!(end, Decision::Finish(_)));
}

#[test]
fn an_agent_that_did_not_finish_stops_the_job() {
    for (exit, completed, words) in [
        (Exit::Code(1), true, "status 1"),
        (Exit::Code(127), true, "runner image"),
        (Exit::Signal(9), true, "signal 9"),
        (Exit::TimedOut, true, "longer"),
        (Exit::Stopped("out of memory".into()), true, "out of memory"),
        (Exit::Code(0), false, "did not finish"),
    ] {
        let outcome = Outcome::Agent(AgentOutcome {
            exit,
            completed,
            summary: "its account".into(),
            changed: true,
        });
        let (_, end) = fly(&context(&[]), vec![outcome]);
        let Decision::Halt(HaltReason::AgentFailed(why)) = end else {
            panic!("{end:?}");
        };
        assert!(why.contains(words) && why.ends_with("its account"), "{why}");
    }
}

#[test]
fn an_agent_that_changed_nothing_stops_the_job() {
    let outcome = Outcome::Agent(AgentOutcome {
        exit: Exit::Code(0),
        completed: true,
        summary: String::new(),
        changed: false,
    });
    let (_, end) = fly(&context(&[]), vec![outcome]);
    assert!(matches!(end, Decision::Halt(HaltReason::NoChanges(_))));
}

#[test]
fn the_first_failing_command_stops_the_job() {
    for exit in [Exit::Code(2), Exit::Signal(6), Exit::TimedOut] {
        let (asked, end) = fly(
            &context(&["make", "make test"]),
            vec![agent_ok(), exec(exit)],
        );
        assert_eq!(asked, ["agent", "verify-1"]);
        let Decision::Halt(HaltReason::VerificationFailed(why)) = end else {
            panic!("{end:?}");
        };
        assert!(
            why.starts_with("`make` ") && why.ends_with("\n1 test failed"),
            "{why}"
        );
    }
}

#[test]
fn people_are_asked_from_the_severity_the_project_names() {
    for (from, counts, asks) in [
        (Severity::Info, (1, 0, 0), true),
        (Severity::Info, (0, 0, 0), false),
        (Severity::Warn, (9, 0, 0), false),
        (Severity::Warn, (0, 1, 0), true),
        (Severity::Warn, (0, 0, 1), true),
        (Severity::Block, (9, 9, 0), false),
        (Severity::Block, (0, 0, 1), true),
    ] {
        let mut context = context(&[]);
        context.review_from = from;
        let (_, next) = fly(
            &context,
            vec![agent_ok(), scan(counts.0, counts.1, counts.2)],
        );
        let Decision::Run(steps) = next else {
            panic!("{next:?}");
        };
        let expected = if asks { "approval" } else { "publish" };
        assert_eq!(steps[0].id, expected, "{from:?} {counts:?}");
    }
}

#[test]
fn the_question_counts_what_was_found() {
    let (_, next) = fly(&context(&[]), vec![agent_ok(), scan(0, 2, 1)]);
    let Decision::Run(steps) = next else {
        panic!("{next:?}");
    };
    assert_eq!(
        steps[0].action,
        Action::Approval(ApprovalStep {
            question:
                "The scanners flagged this change (1 block, 2 warn). Publish it all the same?"
                    .into(),
            review: true,
        })
    );
}

#[test]
fn a_person_decides() {
    let flagged = |decided| vec![agent_ok(), scan(0, 0, 1), Outcome::Approval(decided)];
    let (_, approved) = fly(&context(&[]), flagged(ApprovalOutcome::Approved));
    assert!(matches!(&approved, Decision::Run(steps) if steps[0].id == "publish"));
    let (_, rejected) = fly(&context(&[]), flagged(ApprovalOutcome::Rejected));
    assert!(matches!(rejected, Decision::Reject(_)));
    let (_, expired) = fly(&context(&[]), flagged(ApprovalOutcome::Expired));
    assert!(matches!(
        expired,
        Decision::Halt(HaltReason::ApprovalExpired(_))
    ));
}

#[test]
fn a_step_that_could_not_be_carried_out_is_tried_again() {
    let good = [
        agent_ok(),
        exec(Exit::Code(0)),
        scan(0, 1, 0),
        Outcome::Approval(ApprovalOutcome::Approved),
    ];
    for done in 0..=good.len() {
        let mut outcomes = good[..done].to_vec();
        outcomes.push(Outcome::Failed("the engine is down".into()));
        let (asked, end) = fly(&context(&["make"]), outcomes);
        let step = asked.last().expect("a step failed");
        assert_eq!(
            end,
            Decision::Retry([step, ": the engine is down"].concat())
        );
    }
}

#[test]
fn answers_to_other_questions_stop_the_job() {
    let first = advance(&context(&[]), &[], vec![]);
    let result = |id: &str, outcome| StepResult {
        id: id.into(),
        outcome,
    };
    for results in [
        vec![],
        vec![result("scan", scan(0, 0, 0))],
        vec![result("agent", scan(0, 0, 0))],
        vec![result("agent", Outcome::Other("{}".into()))],
        vec![result("agent", agent_ok()), result("agent", agent_ok())],
    ] {
        let answer = advance(&context(&[]), &first.state, results);
        assert!(matches!(
            answer.decision,
            Decision::Halt(HaltReason::Other(_))
        ));
    }
}

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
        hats in prop::collection::vec(prop::collection::vec(any_outcome(), 0..20), 12),
    ) {
        let mut context = context(&vec!["make"; commands]);
        context.review_from = review_from;
        let mut answer = advance(&context, &[], vec![]);
        let mut scanned: Option<ScanOutcome> = None;
        let mut approved = false;
        let mut refused = false;
        let mut calls = 0;
        while let Decision::Run(steps) = answer.decision.clone() {
            calls += 1;
            prop_assert!(calls <= commands + 4, "it does not end");
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
    fn state_survives_its_encoding(index in any::<u32>(), summary in ".{0,50}") {
        for stage in [Stage::Agent, Stage::Verify(index), Stage::Scan, Stage::Approval, Stage::Publish] {
            let state = State { stage, summary: summary.clone() };
            prop_assert_eq!(State::decode(&state.encode()), Some(state));
        }
    }
}
