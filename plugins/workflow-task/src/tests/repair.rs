//! What fails goes back to the agent, and plans go on to it.

use super::*;

fn prompt(step: &Step) -> &str {
    match &step.action {
        Action::Agent(step) => &step.prompt,
        other => panic!("it is no agent's step: {other:?}"),
    }
}

fn role(step: &Step) -> Option<&str> {
    match &step.action {
        Action::Agent(step) => step.role.as_deref(),
        other => panic!("it is no agent's step: {other:?}"),
    }
}

#[test]
fn a_failed_verification_goes_back_to_the_agent_with_what_it_said() {
    let options = Options::default();
    let (steps, end) = fly_with(
        &context(&["make", "make test"]),
        options,
        vec![
            agent_ok(),
            exec(Exit::Code(0)),
            failing("one"),
            agent_ok(),
            exec(Exit::Code(0)),
            exec(Exit::Code(0)),
            scan(0, 0, 0),
            published(),
        ],
    );
    let ids: Vec<_> = steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "agent",
            "verify-1",
            "verify-2",
            "agent-2",
            "verify-2-1",
            "verify-2-2",
            "scan",
            "publish"
        ]
    );
    let told = prompt(&steps[3]);
    for part in [
        "`make test` exited with status 1",
        "<output>\na.py:3: AssertionError\n</output>",
        "<task>\nfix the bug\n</task>",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(role(&steps[3]), None);
    assert!(matches!(end, Decision::Finish(_)));
}

#[test]
fn repair_ends_after_the_rounds_that_are_set() {
    for rounds in [0, 1, 5] {
        let options = Options {
            rounds,
            plan: false,
        };
        let mut outcomes = vec![agent_ok(), failing("0")];
        for round in 1..=rounds {
            outcomes.extend([agent_ok(), failing(&round.to_string())]);
        }
        let (steps, end) = fly_with(&context(&["make"]), options, outcomes);
        assert_eq!(steps.len(), 2 * (rounds as usize + 1));
        let Decision::Halt(HaltReason::VerificationFailed(why)) = end else {
            panic!("{end:?}");
        };
        assert_eq!(why.contains("rounds of repair"), rounds > 0, "{why}");
        assert!(why.ends_with("\n1 test failed"), "{why}");
    }
}

#[test]
fn the_same_failure_three_times_is_for_the_debugger() {
    let again = |fingerprints: &[&str]| {
        let mut outcomes = vec![agent_ok()];
        for fingerprint in fingerprints {
            outcomes.extend([failing(fingerprint), agent_ok()]);
        }
        let (steps, _) = fly_with(&context(&["make"]), Options::default(), outcomes);
        let last = steps.last().expect("an agent works").clone();
        (role(&last).map(str::to_owned), last)
    };
    assert_eq!(again(&["a", "a"]).0, None);
    let (debug, step) = again(&["a", "a", "a"]);
    assert_eq!(
        (debug.as_deref(), step.id.as_str()),
        (Some("debug"), "debug-4")
    );
    assert!(prompt(&step).contains("came 3 times in a row"));
    assert_eq!(again(&["a", "a", "a", "a"]).1.id, "debug-5");
    // Another failure is a step forward.
    assert_eq!(again(&["a", "a", "b"]).0, None);
    assert_eq!(again(&["a", "a", "b", "a"]).0, None);
    // What cannot be recognised is never the same.
    assert_eq!(again(&["", "", "", ""]).0, None);
}

#[test]
fn what_no_agent_can_mend_is_not_given_to_one() {
    let Outcome::Exec(ended) = exec(Exit::Code(127)) else {
        unreachable!("it is a command's outcome");
    };
    let missing = Outcome::Exec(ExecOutcome {
        infrastructure: Some("`cargo` is not in the image".into()),
        ..ended
    });
    let (steps, end) = fly_with(
        &context(&["cargo test"]),
        Options::default(),
        vec![agent_ok(), missing],
    );
    assert_eq!(steps.len(), 2);
    let Decision::Halt(HaltReason::InfrastructureFailed(why)) = end else {
        panic!("{end:?}");
    };
    assert!(why.contains("`cargo` is not in the image"), "{why}");
}

fn planned(summary: &str, exit: Exit, completed: bool) -> Outcome {
    Outcome::Agent(AgentOutcome {
        exit,
        completed,
        summary: summary.into(),
        changed: false,
    })
}

#[test]
fn a_plan_goes_into_the_prompts_that_follow() {
    let options = Options {
        plan: true,
        ..Options::default()
    };
    let account = r#"[{"title": "Look at a.py"}, {"title": "Mend it"}]"#;
    let (steps, _) = fly_with(
        &context(&["make"]),
        options,
        vec![
            // Its own word counts, not its process's.
            planned(account, Exit::Code(1), true),
            agent_ok(),
            failing("a"),
            agent_ok(),
        ],
    );
    let ids: Vec<_> = steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["plan", "agent", "verify-1", "agent-2"]);
    let Action::Agent(plan) = &steps[0].action else {
        panic!("it is an agent's step");
    };
    assert_eq!((plan.role.as_deref(), plan.writes), (Some("plan"), false));
    for step in [&steps[1], &steps[3]] {
        let block = "<untrusted-plan>\n1. Look at a.py\n2. Mend it\n</untrusted-plan>";
        assert!(prompt(step).contains(block), "{}", prompt(step));
    }
}

#[test]
fn without_a_plan_that_can_be_read_the_task_is_the_only_step() {
    let options = Options {
        plan: true,
        ..Options::default()
    };
    let list = r#"[{"title": "Mend it"}]"#;
    for outcome in [
        planned("I would mend it.", Exit::Code(0), true),
        planned(list, Exit::Code(0), false),
        planned(list, Exit::TimedOut, false),
    ] {
        let (_, next) = fly_with(&context(&[]), options, vec![outcome]);
        let Decision::Run(steps) = next else {
            panic!("{next:?}");
        };
        assert_eq!(steps[0].id, "agent");
        assert!(!prompt(&steps[0]).contains("untrusted-plan"));
    }
}
