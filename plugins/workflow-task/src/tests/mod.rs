//! Every transition by name, and properties over whatever a host may answer.

mod properties;
mod repair;

use crate::{advance, bindings::exports::sortie::workflow::workflow::*, options::Options};

/// Without rounds of repair, so that a failure is an end.
const ONCE: Options = Options {
    rounds: 0,
    plan: false,
};

fn advance(context: &Context, state: &[u8], results: Vec<StepResult>) -> AdvanceResult {
    advance::advance(context, ONCE, state, results)
}

fn context(verify: &[&str]) -> Context {
    Context {
        job: 42,
        attempt: 1,
        task: "fix the bug".into(),
        project: "demo".into(),
        agent: "agent-shell".into(),
        verify: verify.iter().map(|&v| v.into()).collect(),
        detected: false,
        conventions: vec!["AGENTS.md".into()],
        scanners: vec!["reward-hacking".into()],
        review_from: Severity::Warn,
        publish: PublishMode::Branch,
        branch: "sortie/42/fix-the-bug".into(),
        start: Start::Base,
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
    let said = |text: &str| match exit {
        Exit::Code(0) => String::new(),
        _ => text.into(),
    };
    Outcome::Exec(ExecOutcome {
        tail: "1 test failed".into(),
        errors: said("a.py:3: AssertionError"),
        fingerprint: said("f00d"),
        infrastructure: None,
        exit,
    })
}

/// A failure that is told apart by `fingerprint`.
fn failing(fingerprint: &str) -> Outcome {
    let Outcome::Exec(ended) = exec(Exit::Code(1)) else {
        unreachable!("it is a command's outcome");
    };
    Outcome::Exec(ExecOutcome {
        fingerprint: fingerprint.into(),
        ..ended
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
    let (steps, end) = fly_with(context, ONCE, outcomes);
    (steps.into_iter().map(|step| step.id).collect(), end)
}

/// The same with other options, and the steps themselves.
fn fly_with(context: &Context, options: Options, outcomes: Vec<Outcome>) -> (Vec<Step>, Decision) {
    let advance = |state: &[u8], results| advance::advance(context, options, state, results);
    let mut answer = advance(&[], vec![]);
    let mut asked = Vec::new();
    for outcome in outcomes {
        let Decision::Run(steps) = &answer.decision else {
            panic!("it ended before it heard of {outcome:?}");
        };
        let [step] = steps.as_slice() else {
            panic!("one step at a time");
        };
        asked.push(step.clone());
        let result = StepResult {
            id: step.id.clone(),
            outcome,
        };
        answer = advance(&answer.state, vec![result]);
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
fn finished_work_is_judged_and_published_without_an_agent() {
    let finished = Context {
        start: Start::Publish,
        ..context(&["make test"])
    };
    let options = Options {
        rounds: 5,
        plan: true,
    };
    let good = vec![exec(Exit::Code(0)), scan(0, 0, 0), published()];
    let (asked, end) = fly_with(&finished, options, good);
    let asked: Vec<&str> = asked.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(asked, ["verify-1", "scan", "publish"]);
    assert!(matches!(end, Decision::Finish(_)), "{end:?}");

    // No agent repairs what a person wants as it is.
    let (_, end) = fly_with(&finished, options, vec![exec(Exit::Code(1))]);
    assert!(
        matches!(end, Decision::Halt(HaltReason::VerificationFailed(_))),
        "{end:?}"
    );

    let unverified = Context {
        verify: vec![],
        ..finished
    };
    let (asked, _) = fly(&unverified, vec![scan(0, 0, 0), published()]);
    assert_eq!(asked, ["scan", "publish"]);
}

#[test]
fn an_agent_is_told_of_the_work_that_it_goes_on_with() {
    let prompt = |start| {
        let context = Context {
            start,
            ..context(&[])
        };
        let (steps, _) = fly_with(&context, ONCE, vec![agent_ok()]);
        match &steps[0].action {
            Action::Agent(step) => step.prompt.clone(),
            other => panic!("it began with {other:?}"),
        }
    };
    assert!(prompt(Start::Continue).contains("what it had done"));
    assert!(!prompt(Start::Base).contains("what it had done"));
}

#[test]
fn steps_carry_what_the_context_says() {
    let context = context(&["make test"]);
    let first = advance(&context, &[], vec![]);
    let Decision::Run(steps) = first.decision else {
        panic!("it begins with a step");
    };
    let [
        Step {
            id,
            action: Action::Agent(step),
        },
    ] = steps.as_slice()
    else {
        panic!("{steps:?}");
    };
    assert_eq!(id, "agent");
    assert_eq!(step.agent, "agent-shell");
    assert_eq!(step.instruction.as_deref(), Some("fix the bug"));
    assert_eq!((step.role.as_deref(), step.writes), (None, true));
    for told in [
        "<task>\nfix the bug\n</task>",
        "- `make test`",
        "AGENTS.md",
        "proxy",
        "/sortie/fetch?url=",
    ] {
        assert!(step.prompt.contains(told), "{told}: {}", step.prompt);
    }
    assert!(step.prompt.len() < 2_500, "{} bytes", step.prompt.len());
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
    for (exit, words) in [
        (Exit::Code(1), "status 1"),
        (Exit::Code(127), "runner image"),
        (Exit::Signal(9), "signal 9"),
        (Exit::TimedOut, "longer"),
        (Exit::Stopped("out of memory".into()), "out of memory"),
        (Exit::Code(0), "did not finish"),
    ] {
        let outcome = Outcome::Agent(AgentOutcome {
            exit,
            completed: false,
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
fn an_agent_that_finished_is_verified_whatever_its_process_says() {
    for exit in [Exit::Code(0), Exit::Code(1), Exit::Signal(9)] {
        let ended = |changed| {
            Outcome::Agent(AgentOutcome {
                exit: exit.clone(),
                completed: true,
                summary: String::new(),
                changed,
            })
        };
        let (_, next) = fly(&context(&["make"]), vec![ended(true)]);
        assert!(
            matches!(&next, Decision::Run(steps) if steps[0].id == "verify-1"),
            "{next:?}"
        );
        let (_, end) = fly(&context(&["make"]), vec![ended(false)]);
        assert!(
            matches!(end, Decision::Halt(HaltReason::NoChanges(_))),
            "{end:?}"
        );
    }
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
fn what_is_published_nowhere_is_asked_about_as_kept() {
    let mut context = context(&[]);
    context.publish = PublishMode::None;
    let (_, next) = fly(&context, vec![agent_ok(), scan(0, 0, 1)]);
    let Decision::Run(steps) = next else {
        panic!("{next:?}");
    };
    let Action::Approval(step) = &steps[0].action else {
        panic!("{:?}", steps[0].action);
    };
    assert!(step.question.ends_with("Keep it all the same?"), "{step:?}");
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
