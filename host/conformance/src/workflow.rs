//! The suite of the workflow surface: plays runs without a sandbox, as the
//! engine would with these outcomes.

use crate::{Check, shown};
use sortie_plugins::Plugins;
use sortie_plugins::surfaces::workflow::{
    Action, Advance, AgentOutcome, ApprovalOutcome, Context, Decision, Description, ExecOutcome,
    Exit, MAX_DECISIONS, Outcome, PublishMode, PublishOutcome, ScanOutcome, Severity, StartMode,
    Step, StepResult,
};

/// Asks the workflow that is loaded as `name`. Every check is reported.
pub async fn check(plugins: &Plugins, name: &str) -> Vec<Check> {
    let suite = Suite { plugins, name };
    let described = plugins.workflow_describe(name).await.map_err(shown);
    let phases = match &described {
        Ok(description) => description.phases.clone(),
        Err(_) => Vec::new(),
    };
    let mut ends = Vec::new();
    let mut unnamed = Vec::new();
    let mut unscanned = Vec::new();
    let mut finished = None;
    for (what, fate) in FATES {
        for publish in [PublishMode::Branch, PublishMode::None] {
            let played = suite.play(publish, *fate).await;
            let told = |problem: &String| format!("{what}: {problem}");
            ends.extend(played.end.as_ref().err().map(told));
            unscanned.extend(played.shut.iter().map(told));
            unnamed.extend(played.ids.iter().filter(|id| !is_of(&phases, id)).cloned());
            if finished.is_none() {
                // The first of the fates is that all goes well.
                finished = Some(match &played.end {
                    Ok(Decision::Finish(_)) | Err(_) => None,
                    Ok(other) => Some(format!("it ends with {other:?}")),
                });
            }
        }
    }
    unnamed.sort();
    unnamed.dedup();
    let unnamed = unnamed.iter().map(|id| {
        format!("it asks for the step `{id}`, which is no phase nor a phase with numbers")
    });
    vec![
        Check::new(
            "W1 it says what it is and which phases it has",
            described.and_then(|found| sensible(&found)).err(),
        ),
        Check::all("W2 its steps are its phases", unnamed),
        Check::new(
            "W3 a run in which all goes well finishes",
            finished.flatten(),
        ),
        Check::all("W4 a run ends, whatever its steps come to", ends),
        Check::all(
            "W5 it publishes only what a gate would let through",
            unscanned,
        ),
        Check::all(
            "W6 what it does not know is no success",
            suite.foreign().await,
        ),
    ]
}

/// What becomes of a step; none for what comes of it when all goes well.
type Fate = fn(&Action) -> Option<Outcome>;

fn agent(action: &Action, exit: Exit, completed: bool, changed: bool) -> Option<Outcome> {
    matches!(action, Action::Agent(_)).then(|| {
        Outcome::Agent(AgentOutcome {
            exit,
            completed,
            summary: "I did what I could.".into(),
            changed,
        })
    })
}

fn exec(action: &Action, exit: Exit) -> Option<Outcome> {
    // The longest end of an output.
    let tail = "error: \u{fffd} failed\n".repeat(800);
    matches!(action, Action::Exec(_)).then(|| {
        let failed = exit != Exit::Code(0);
        let said = |text: &str| {
            if failed {
                text.to_owned()
            } else {
                String::new()
            }
        };
        Outcome::Exec(ExecOutcome {
            errors: said("error: \u{fffd} failed"),
            fingerprint: said("6a7e5f1c"),
            infrastructure: None,
            exit,
            tail,
        })
    })
}

fn flagged(decided: ApprovalOutcome, action: &Action) -> Option<Outcome> {
    match action {
        Action::Scan(_) => Some(Outcome::Scan(ScanOutcome {
            info: 0,
            warn: 1,
            block: 1,
        })),
        Action::Approval(_) => Some(Outcome::Approval(decided)),
        _ => None,
    }
}

fn failed(action: &Action, of: fn(&Action) -> bool) -> Option<Outcome> {
    of(action).then(|| Outcome::Failed("the engine does not answer".into()))
}

const FATES: &[(&str, Fate)] = &[
    ("all goes well", |_| None),
    ("the agent exits with 1", |a| {
        agent(a, Exit::Code(1), false, true)
    }),
    ("the agent is killed", |a| {
        agent(a, Exit::Signal(9), false, true)
    }),
    ("the agent takes too long", |a| {
        agent(a, Exit::TimedOut, false, true)
    }),
    ("the agent is stopped", |a| {
        let exit = Exit::Stopped("the budget is used".into());
        agent(a, exit, false, true)
    }),
    ("the agent does not finish", |a| {
        agent(a, Exit::Code(0), false, true)
    }),
    ("the agent changes nothing", |a| {
        agent(a, Exit::Code(0), true, false)
    }),
    ("a command exits with 1", |a| exec(a, Exit::Code(1))),
    ("a command takes too long", |a| exec(a, Exit::TimedOut)),
    ("a command fails for want of a program", |a| {
        let Some(Outcome::Exec(ended)) = exec(a, Exit::Code(127)) else {
            return None;
        };
        Some(Outcome::Exec(ExecOutcome {
            infrastructure: Some("the program `make` is not in the image".into()),
            ..ended
        }))
    }),
    ("findings are approved", |a| {
        flagged(ApprovalOutcome::Approved, a)
    }),
    ("findings are rejected", |a| {
        flagged(ApprovalOutcome::Rejected, a)
    }),
    ("nobody decides about findings", |a| {
        flagged(ApprovalOutcome::Expired, a)
    }),
    ("no agent can run", |a| {
        failed(a, |a| matches!(a, Action::Agent(_)))
    }),
    ("no command can run", |a| {
        failed(a, |a| matches!(a, Action::Exec(_)))
    }),
    ("nothing can be scanned", |a| {
        failed(a, |a| matches!(a, Action::Scan(_)))
    }),
    ("nobody can be asked", |a| {
        failed(a, |a| matches!(a, Action::Approval(_)))
    }),
    ("nothing can be published", |a| {
        failed(a, |a| matches!(a, Action::Publish(_)))
    }),
    ("nobody can be told", |a| {
        failed(a, |a| matches!(a, Action::Notify(_)))
    }),
    ("no step can be carried out", |a| failed(a, |_| true)),
    ("every outcome is of a later version", |_| {
        Some(Outcome::Other("{\"new\":1}".into()))
    }),
];

fn context(publish: PublishMode) -> Context {
    Context {
        job: 42,
        attempt: 1,
        task: "Fix the typo in README.md".into(),
        project: "site".into(),
        agent: "agent-shell".into(),
        verify: vec!["cargo test".into(), "cargo fmt --check".into()],
        detected: false,
        conventions: vec!["AGENTS.md".into()],
        scanners: vec!["reward-hacking".into()],
        review_from: Severity::Warn,
        publish,
        branch: "sortie/42-fix-the-typo".into(),
        start: StartMode::Base,
    }
}

/// What a step comes to when all goes well. `wrote` is whether there are
/// changes by now.
fn good(action: &Action, wrote: bool) -> Outcome {
    match action {
        Action::Agent(_) => agent(action, Exit::Code(0), true, wrote),
        Action::Exec(_) => exec(action, Exit::Code(0)),
        Action::Scan(_) => Some(Outcome::Scan(ScanOutcome::default())),
        Action::Approval(_) => Some(Outcome::Approval(ApprovalOutcome::Approved)),
        Action::Publish(step) => Some(Outcome::Publish(PublishOutcome {
            branch: step.branch.clone(),
            commit: "0123456789abcdef0123456789abcdef01234567".into(),
        })),
        Action::Notify(_) | Action::Wait(_) => Some(Outcome::Done),
        Action::Other(_) => None,
    }
    .unwrap_or_else(|| Outcome::Failed("this host does not know the step".into()))
}

/// What the host's own gate in front of a publication goes by.
#[derive(Default)]
struct Gate {
    wrote: bool,
    scanned: bool,
    flagged: bool,
    released: bool,
}

impl Gate {
    fn shut(&self) -> Option<&'static str> {
        match () {
            () if !self.scanned => Some("it publishes what was not scanned"),
            () if self.flagged && !self.released => {
                Some("it publishes what was flagged and nobody approved")
            }
            () => None,
        }
    }

    fn see(&mut self, action: &Action, outcome: &Outcome) {
        match (action, outcome) {
            // A later change is another commit, which nobody judged.
            (Action::Agent(step), _) if step.writes => {
                (self.wrote, self.scanned, self.released) = (true, false, false);
            }
            (_, Outcome::Scan(found)) => {
                self.scanned = true;
                self.flagged = found.warn > 0 || found.block > 0;
            }
            (_, Outcome::Approval(ApprovalOutcome::Approved)) => self.released = true,
            _ => {}
        }
    }
}

struct Played {
    /// The last decision, or why there was none.
    end: Result<Decision, String>,
    ids: Vec<String>,
    /// Publications in front of a shut gate.
    shut: Vec<String>,
}

struct Suite<'a> {
    plugins: &'a Plugins,
    name: &'a str,
}

impl Suite<'_> {
    async fn advance(
        &self,
        context: &Context,
        state: &[u8],
        results: &[StepResult],
    ) -> Result<Advance, String> {
        let asked = self
            .plugins
            .workflow_advance(self.name, context, state, results);
        asked.await.map_err(shown)
    }

    async fn play(&self, publish: PublishMode, fate: Fate) -> Played {
        let context = context(publish);
        let mut gate = Gate::default();
        let (mut ids, mut shut) = (Vec::new(), Vec::new());
        let (mut state, mut results) = (Vec::new(), Vec::new());
        for _ in 0..MAX_DECISIONS {
            let steps = match self.advance(&context, &state, &results).await {
                Ok(Advance {
                    state: next,
                    decision: Decision::Run(steps),
                }) => {
                    state = next;
                    steps
                }
                other => {
                    let end = other.map(|advance| advance.decision).and_then(known);
                    return Played { end, ids, shut };
                }
            };
            for step in &steps {
                if matches!(step.action, Action::Publish(_)) {
                    shut.extend(gate.shut().map(str::to_owned));
                }
                ids.push(step.id.clone());
            }
            results = steps
                .iter()
                .map(|step| end(step, fate, &mut gate))
                .collect();
        }
        Played {
            end: Err(format!("it did not end within {MAX_DECISIONS} decisions")),
            ids,
            shut,
        }
    }

    /// States and results that it never made or asked for: what an upgrade or
    /// another workflow of the same name leaves behind.
    async fn foreign(&self) -> Vec<String> {
        let context = context(PublishMode::Branch);
        let first = self.advance(&context, &[], &[]).await;
        let (state, asked) = match first {
            Ok(Advance {
                state,
                decision: Decision::Run(steps),
            }) => (state, steps),
            // One that asks for nothing is told nothing.
            Ok(_) => return Vec::new(),
            Err(problem) => return vec![problem],
        };
        let well: Vec<StepResult> = asked
            .iter()
            .map(|step| end(step, |_| None, &mut Gate::default()))
            .collect();
        let unknown = vec![StepResult {
            id: "nobody-asked".into(),
            outcome: Outcome::Done,
        }];
        let other = vec![StepResult {
            id: asked[0].id.clone(),
            outcome: Outcome::Other("{}".into()),
        }];
        let long = vec![0xff; 64 << 10];
        let mut problems = Vec::new();
        for (what, state, results) in [
            (
                "a state of another workflow",
                &b"\xff{\"step\":-1}"[..],
                &well,
            ),
            ("a long state of another workflow", &long, &well),
            ("half of its state", &state[..state.len() / 2], &unknown),
            (
                "the result of a step that it did not ask for",
                &state,
                &unknown,
            ),
            ("an outcome of a later version", &state, &other),
            ("no results", &state, &Vec::new()),
        ] {
            // An empty state is how a run begins.
            if state.is_empty() {
                continue;
            }
            match self.advance(&context, state, results).await {
                Err(problem) => problems.push(format!("{what}: {problem}")),
                Ok(Advance { decision, .. }) if is_success(&decision) => {
                    problems.push(format!("after {what} it goes on to {decision:?}"));
                }
                Ok(_) => {}
            }
        }
        problems
    }
}

fn end(step: &Step, fate: Fate, gate: &mut Gate) -> StepResult {
    let writes = matches!(&step.action, Action::Agent(step) if step.writes);
    let outcome = fate(&step.action).unwrap_or_else(|| good(&step.action, gate.wrote || writes));
    gate.see(&step.action, &outcome);
    StepResult {
        id: step.id.clone(),
        outcome,
    }
}

fn known(decision: Decision) -> Result<Decision, String> {
    match decision {
        Decision::Other(json) => Err(format!("it decides what no host knows: {json}")),
        known => Ok(known),
    }
}

fn is_success(decision: &Decision) -> bool {
    match decision {
        Decision::Finish(_) => true,
        Decision::Run(steps) => steps
            .iter()
            .any(|step| matches!(step.action, Action::Publish(_))),
        _ => false,
    }
}

fn sensible(description: &Description) -> Result<(), String> {
    if description.summary.trim().is_empty() {
        return Err("it has no summary".into());
    }
    match description.phases.is_empty() {
        true => Err("it names no phases; people see them as a job's way".into()),
        false => Ok(()),
    }
}

/// `verify-2` is of the phase `verify`, and so is `verify-2-1` of its second
/// round.
fn is_of(phases: &[String], id: &str) -> bool {
    phases
        .iter()
        .any(|phase| match id.strip_prefix(phase.as_str()) {
            Some("") => true,
            Some(rest) => rest.strip_prefix('-').is_some_and(|numbers| {
                numbers
                    .split('-')
                    .all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
            }),
            None => false,
        })
}
