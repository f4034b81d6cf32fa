//! The shipped plugins as they are embedded, called for real.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sortie_model::{finding::Severity, project::PublishMode, start::StartMode};
use sortie_plugins::{
    PluginOptions, Plugins, shipped,
    surfaces::{
        agent::{Ending, Event, Exit, Mode, Stream, Task},
        budget::{Limits, Pending, Refusal, Request, Usage, Verdict},
        workflow::{
            Action, AgentOutcome, ApprovalOutcome, Context, Decision, Exit as ProgramExit,
            HaltReason, Outcome, ScanOutcome, StepResult,
        },
    },
};

async fn plugin(name: &str, config: Value) -> Plugins {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    let embedded = shipped()
        .iter()
        .find(|plugin| plugin.name == name)
        .expect("it is shipped");
    let info = plugins
        .load(name, embedded.wasm, config)
        .await
        .expect("it loads");
    assert_eq!(info.digest, embedded.digest);
    assert!(
        info.imports
            .iter()
            .all(|import| import.starts_with("sortie:")),
        "{:?}",
        info.imports
    );
    plugins
}

#[tokio::test]
async fn all_load_and_are_what_was_pinned() {
    let plugins = Plugins::new(PluginOptions::default()).expect("wasmtime runs here");
    plugins
        .load_shipped(&BTreeMap::new())
        .await
        .expect("they load");
    let names: Vec<_> = plugins.list().into_iter().map(|info| info.name).collect();
    for name in [
        "agent-shell",
        "budget-profiles",
        "reward-hacking",
        "workflow-task",
    ] {
        assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
    }
    for plugin in shipped() {
        assert_eq!(plugin.digest, hex::encode(Sha256::digest(plugin.wasm)));
    }
}

fn task(prompt: &str) -> Task {
    Task {
        prompt: prompt.into(),
        instruction: prompt.into(),
        mode: Mode::Write,
        workspace: "/workspace".into(),
        home: "/home/agent".into(),
        role: "build".into(),
        model_endpoint: None,
        model: None,
        time_limit_ms: 60_000,
        nudge: None,
    }
}

#[tokio::test]
async fn agent_shell_runs_a_command_and_reads_its_output() {
    let plugins = plugin("agent-shell", Value::Null).await;
    let spec = plugins
        .agent_plan("agent-shell", &task("cargo fix"))
        .await
        .expect("it answers")
        .expect("it takes the task");
    assert_eq!(spec.argv, ["/bin/sh", "-c", "cargo fix"]);
    assert_eq!(spec.cwd, "/workspace");
    let refused = plugins
        .agent_plan("agent-shell", &task("  "))
        .await
        .expect("it answers");
    assert!(refused.expect_err("an empty task").contains("empty"));

    let mut parser = plugins
        .agent_parser("agent-shell")
        .await
        .expect("it starts");
    let events = parser
        .push(Stream::Stdout, b"fixing a.rs\nfixing ")
        .await
        .expect("it reads");
    assert_eq!(events, [Event::Text("fixing a.rs".into())]);
    let events = parser
        .push(Stream::Stdout, b"b.rs\n")
        .await
        .expect("it reads");
    assert_eq!(events, [Event::Text("fixing b.rs".into())]);
    let end = parser.finish(Exit::Code(0)).await.expect("it ends");
    assert_eq!(end.summary, "fixing a.rs\nfixing b.rs");
    assert_eq!(end.ending, Ending::Completed);
}

/// A hundred megabytes in a fixed amount of the guest's memory.
#[tokio::test]
async fn agent_shell_survives_endless_output() {
    let plugins = plugin("agent-shell", Value::Null).await;
    let mut parser = plugins
        .agent_parser("agent-shell")
        .await
        .expect("it starts");
    let flood = "y\n".repeat(1 << 19);
    let mut seen = 0;
    for _ in 0..20 {
        seen += parser
            .push(Stream::Stdout, flood.as_bytes())
            .await
            .expect("it reads on")
            .len();
    }
    assert_eq!(seen, 20 << 19);
    let end = parser.finish(Exit::Signal(9)).await.expect("it ends");
    assert_eq!(end.ending, Ending::Failed);
}

#[tokio::test]
async fn agent_shell_takes_the_operators_shell() {
    let plugins = plugin("agent-shell", json!({ "shell": "/bin/bash" })).await;
    let spec = plugins
        .agent_plan("agent-shell", &task("true"))
        .await
        .expect("it answers")
        .expect("it takes the task");
    assert_eq!(spec.argv[0], "/bin/bash");
}

fn request(profile: Option<&str>) -> Request {
    Request {
        project: "demo".into(),
        profile: profile.map(Into::into),
        workflow: "workflow-task".into(),
        task: "fix it".into(),
    }
}

#[tokio::test]
async fn budget_profiles_has_three_and_takes_more() {
    let config =
        json!({ "profiles": { "night": { "calls": 500, "cost_usd": 5, "minutes": 240 } } });
    let plugins = plugin("budget-profiles", config).await;
    let profiles = plugins
        .budget_profiles("budget-profiles")
        .await
        .expect("it answers");
    let names: Vec<_> = profiles.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["quick", "default", "deep", "night"]);
    let resolve = async |name| {
        plugins
            .budget_resolve("budget-profiles", &request(name))
            .await
            .expect("it answers")
    };
    assert_eq!(
        resolve(Some("quick")).await,
        Ok(Limits {
            calls: 20,
            cost_micro_usd: 50_000,
            time_ms: 600_000
        })
    );
    assert_eq!(resolve(Some("night")).await.expect("known").calls, 500);
    assert_eq!(resolve(None).await, resolve(Some("default")).await);
    assert!(matches!(
        resolve(Some("huge")).await,
        Err(Refusal::UnknownProfile(names)) if names.len() == 4
    ));
}

#[tokio::test]
async fn budget_profiles_warns_and_denies() {
    let plugins = plugin("budget-profiles", Value::Null).await;
    let limits = Limits {
        calls: 10,
        cost_micro_usd: 1_000,
        time_ms: 60_000,
    };
    let pending = Pending {
        calls: 1,
        cost_micro_usd: 0,
    };
    for (calls, expected) in [(0, "allow"), (8, "warn"), (10, "deny")] {
        let usage = Usage {
            calls,
            ..Usage::default()
        };
        let verdict = plugins
            .budget_evaluate("budget-profiles", &usage, &limits, &pending)
            .await
            .expect("it answers");
        let said = match verdict {
            Verdict::Allow => "allow",
            Verdict::Warn(_) => "warn",
            Verdict::Ask(_) => "ask",
            Verdict::Deny(_) => "deny",
        };
        assert_eq!(said, expected, "after {calls} calls");
    }
}

#[tokio::test]
async fn a_wrong_budget_configuration_is_said_where_it_matters() {
    let plugins = plugin("budget-profiles", json!({ "profile": {} })).await;
    let refused = plugins
        .budget_resolve("budget-profiles", &request(None))
        .await
        .expect("it answers");
    assert!(matches!(refused, Err(Refusal::Denied(why)) if why.contains("`profile`")));
}

fn context() -> Context {
    Context {
        job: 7,
        attempt: 1,
        task: "fix it".into(),
        project: "demo".into(),
        agent: "agent-shell".into(),
        verify: Vec::new(),
        detected: false,
        conventions: Vec::new(),
        scanners: vec!["reward-hacking".into()],
        review_from: Severity::Warn,
        publish: PublishMode::Branch,
        branch: "sortie/7/fix-it".into(),
        start: StartMode::Base,
    }
}

#[tokio::test]
async fn workflow_task_asks_a_person_and_takes_no_for_an_answer() {
    let plugins = plugin("workflow-task", Value::Null).await;
    let about = plugins
        .workflow_describe("workflow-task")
        .await
        .expect("it answers");

    let outcomes = [
        Outcome::Agent(AgentOutcome {
            exit: ProgramExit::Code(0),
            completed: true,
            summary: "done".into(),
            changed: true,
        }),
        Outcome::Scan(ScanOutcome {
            block: 1,
            ..ScanOutcome::default()
        }),
        Outcome::Approval(ApprovalOutcome::Rejected),
    ];
    let mut asked = Vec::new();
    let (mut state, mut results) = (Vec::new(), Vec::new());
    let mut outcomes = outcomes.into_iter();
    let end = loop {
        let next = plugins
            .workflow_advance("workflow-task", &context(), &state, &results)
            .await
            .expect("it answers");
        // What the engine stores and reads back after a crash.
        let stored = serde_json::to_string(&next).expect("it is JSON");
        let next: sortie_plugins::surfaces::workflow::Advance =
            serde_json::from_str(&stored).expect("it reads itself");
        state = next.state;
        let Decision::Run(steps) = next.decision else {
            break next.decision;
        };
        assert!(!matches!(steps[0].action, Action::Publish(_)));
        asked.push(steps[0].id.clone());
        results = vec![StepResult {
            id: steps[0].id.clone(),
            outcome: outcomes.next().expect("no further step"),
        }];
    };
    assert_eq!(asked, ["agent", "scan", "approval"]);
    assert!(asked.iter().all(|step| about.phases.contains(step)));
    assert!(matches!(end, Decision::Reject(_)), "{end:?}");
}

#[tokio::test]
async fn workflow_task_refuses_a_state_that_is_not_its_own() {
    let plugins = plugin("workflow-task", Value::Null).await;
    let next = plugins
        .workflow_advance("workflow-task", &context(), b"not mine", &[])
        .await
        .expect("it answers");
    assert!(matches!(
        next.decision,
        Decision::Halt(HaltReason::Other(_))
    ));
}
