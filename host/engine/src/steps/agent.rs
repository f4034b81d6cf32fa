//! A coding agent in the workspace. What it says is display text; what it did
//! is what git finds afterwards.

use super::{StepEnd, out_of_time, sandbox_id, time_left_ms};
use crate::drive::RunContext;
use crate::fault::Fault;
use crate::meter::RunMeter;
use crate::program::{self, Reader};
use crate::translate;
use sortie_git::{CommitId, Expected};
use sortie_model::clock::Timestamp;
use sortie_model::halt::HaltReason;
use sortie_model::run::Step;
use sortie_plugins::Parser;
use sortie_plugins::surfaces::agent::{Ending, Event, Mode, Stream, Task};
use sortie_plugins::surfaces::budget::{Pending, Verdict};
use sortie_plugins::surfaces::workflow::{AgentOutcome, AgentStep, Outcome};
use sortie_sandbox::{CollectRequest, Collected, Output, OutputStream, StepSpec, Workspace, place};
use std::time::Duration;

/// People look at progress once in a while; the timeline gets at most one row
/// of it a second.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// The longest progress text, in characters.
const PROGRESS_CHARS: usize = 200;
/// The longest summary kept, in characters.
const SUMMARY_CHARS: usize = 4_000;

pub(super) async fn perform(
    context: &RunContext,
    step: &Step,
    asked: AgentStep,
) -> Result<StepEnd, Fault> {
    let left = time_left_ms(context).await?;
    let plugins = &context.options.plugins;
    let task = Task {
        prompt: asked.prompt,
        mode: match asked.writes {
            true => Mode::Write,
            false => Mode::ReadOnly,
        },
        workspace: place::REPO.to_owned(),
        home: place::HOME.to_owned(),
        model_endpoint: None,
        model: None,
        time_limit_ms: left,
    };
    let plan = plugins
        .agent_plan(&asked.agent, &task)
        .await?
        .map_err(|refusal| {
            Fault::halt(
                HaltReason::AgentFailed,
                format!("agent {} does not take the task: {refusal}", asked.agent),
            )
        })?;
    let spec = StepSpec {
        id: sandbox_id(step),
        argv: plan.argv,
        env: plan.env,
        cwd: plan.cwd,
        files: plan.files.into_iter().map(translate::file).collect(),
        stdin: plan.stdin.map(Into::into),
        wall_limit_ms: left,
        output_limit_bytes: context.options.limits.step_output_bytes,
    };
    charge(context).await?;
    let ran = program::run(context, &step.name, &spec, || async {
        Ok(Events {
            parser: plugins.agent_parser(&asked.agent).await?,
            context,
            step: &step.name,
            shown_at: None,
        })
    })
    .await?;
    let conclusion = ran.reader.parser.finish(ran.exit.clone()).await?;
    let head = match asked.writes {
        true => collect(context, &ran.workspace).await?,
        false => {
            ran.workspace.discard().await?;
            None
        }
    };
    let changed = match &head {
        Some(head) => differs(context, head).await?,
        None => false,
    };
    if ran.timed_out || ran.workspace_full {
        // The work so far is kept in the mirror, where `sortie diff` shows it.
        if let Some(head) = &head {
            let store = &context.options.store;
            crate::drive::persist(|| store.set_head(context.fence, head.as_str())).await?;
        }
        return Err(match ran.workspace_full {
            true => Fault::halt(
                HaltReason::WorkspaceFull,
                format!("the agent filled the workspace in step {}", step.name),
            ),
            false => out_of_time(context),
        });
    }
    let outcome = Outcome::Agent(AgentOutcome {
        exit: translate::exit(ran.exit),
        completed: conclusion.ending == Ending::Completed,
        summary: cut(&conclusion.summary, SUMMARY_CHARS),
        changed,
    });
    Ok(StepEnd {
        head: head.map(|head| head.as_str().to_owned()),
        ..StepEnd::of(outcome, ran.duration_ms)
    })
}

/// Takes what the agent left in the workspace as a commit of the host's.
async fn collect(context: &RunContext, workspace: &Workspace) -> Result<Option<CommitId>, Fault> {
    let run = context.fence.run.0;
    let dir = context.options.data_dir.join("runs").join(run.to_string());
    tokio::fs::create_dir_all(&dir).await?;
    let bundle = dir.join("out.bundle");
    let title = context.job.task.lines().next().unwrap_or_default();
    let message = format!("{}\n\nSortie-Job: {}\n", cut(title, 72), context.job.id.0);
    let collected = workspace
        .collect(CollectRequest {
            base: context.base.as_str(),
            message: &message,
            author_name: &context.options.author.name,
            author_email: &context.options.author.email,
            into: &bundle,
            max_bytes: context.options.limits.bundle_bytes,
        })
        .await?;
    let Collected::Bundle { .. } = collected else {
        return Ok(None);
    };
    let keep_as = format!("refs/sortie/runs/{run}/out");
    let accepted = context
        .mirror
        .accept_bundle(
            &bundle,
            Expected {
                ref_name: "refs/heads/sortie/out",
                base: &context.base,
                keep_as: &keep_as,
            },
        )
        .await;
    let _ = tokio::fs::remove_file(&bundle).await;
    let taken = accepted?.head;
    // What is verified next is exactly what was taken, not what else lies
    // around; ignored files stay, they are build caches.
    workspace.reset(taken.as_str(), false).await?;
    // One commit of the host's own with the same files: what came and went in
    // the agent's history is in no diff, so it must be in no push either.
    let result = format!("refs/sortie/runs/{run}/result");
    let made_at_s = context.run.started_at.0.div_euclid(1000);
    let squashed = context
        .mirror
        .squash(&context.base, &taken, &message, made_at_s, &result)
        .await?;
    Ok(Some(squashed))
}

/// Whether anything differs from the base commit.
async fn differs(context: &RunContext, head: &CommitId) -> Result<bool, Fault> {
    use sortie_model::diff::DiffSource;
    let diff = context.mirror.diff(&context.base, head).await?;
    Ok(!diff.files().is_empty())
}

/// Asks the budget plugin, then charges one call; the native limit holds
/// whatever the plugin says.
async fn charge(context: &RunContext) -> Result<(), Fault> {
    let store = &context.options.store;
    let used = store.run_state(context.fence.run).await?.usage;
    let plugin = &context.job.policy.budget_plugin;
    let pending = Pending {
        calls: 1,
        cost_micro_usd: 0,
    };
    let verdict = context
        .options
        .plugins
        .budget_evaluate(
            plugin,
            &translate::budget_usage(used),
            &translate::budget_limits(context.limits),
            &pending,
        )
        .await?;
    match verdict {
        Verdict::Allow => {}
        Verdict::Warn(warning) => {
            let data = serde_json::json!({ "warning": warning });
            crate::drive::persist(|| store.emit(context.fence, "budget.warning", data.clone()))
                .await?;
        }
        Verdict::Ask(why) | Verdict::Deny(why) => {
            return Err(Fault::halt(HaltReason::BudgetDenied, why));
        }
    }
    let charged =
        crate::drive::persist(|| store.add_usage(context.fence, RunMeter::CALL, context.limits))
            .await?;
    charged
        .map(|_| ())
        .map_err(|exhausted| Fault::halt(exhausted.halt_reason(), exhausted))
}

/// Feeds a parser and puts what it says on the timeline.
struct Events<'a> {
    parser: Parser,
    context: &'a RunContext,
    step: &'a str,
    shown_at: Option<Timestamp>,
}

impl Reader for Events<'_> {
    async fn read(&mut self, output: &Output) -> Result<(), Fault> {
        let stream = match output.stream {
            OutputStream::Stdout => Stream::Stdout,
            OutputStream::Stderr => Stream::Stderr,
        };
        let events = self.parser.push(stream, &output.bytes).await?;
        let Some(text) = events.iter().rev().find_map(progress) else {
            return Ok(());
        };
        let now = self.context.options.clock.now();
        let due = self
            .shown_at
            .is_none_or(|shown| now.since(shown) >= PROGRESS_EVERY);
        if due {
            self.shown_at = Some(now);
            let data = serde_json::json!({ "step": self.step, "text": text });
            let store = &self.context.options.store;
            // Progress is worth a row, not a failed run.
            if let Err(sortie_store::StoreError::Stale { .. }) =
                store.emit(self.context.fence, "agent.progress", data).await
            {
                return Err(Fault::Stale);
            }
        }
        Ok(())
    }
}

/// What a person would like to see of an event.
fn progress(event: &Event) -> Option<String> {
    let text = match event {
        Event::Turn(turn) => format!("turn {turn}"),
        Event::ToolStart(tool) => format!("{} {}", tool.name, tool.summary),
        Event::Text(text) => text.lines().next_back()?.trim().to_owned(),
        Event::Error(error) => error.clone(),
        _ => return None,
    };
    (!text.is_empty()).then(|| cut(&text, PROGRESS_CHARS))
}

/// At most `chars` characters.
fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
