//! A command in the workspace. Its exit status is the verdict, and the host
//! reads it from the runner, never from the command's output.

use super::{StepEnd, out_of_time, sandbox_id, time_left_ms};
use crate::artifact;
use crate::drive::RunContext;
use crate::fault::Fault;
use crate::program::{self, Reader};
use sortie_model::halt::HaltReason;
use sortie_model::run::Step;
use sortie_plugins::surfaces::workflow::{ExecOutcome, ExecStep, Exit, Outcome};
use sortie_sandbox::{Output, StepSpec, place};

/// Nothing is read out of a command's output.
struct Ignore;

impl Reader for Ignore {
    async fn read(&mut self, _: &Output) -> Result<(), Fault> {
        Ok(())
    }
}

pub(super) async fn perform(
    context: &RunContext,
    step: &Step,
    asked: ExecStep,
) -> Result<StepEnd, Fault> {
    let left = time_left_ms(context).await?;
    let limit = asked.time_limit_ms.unwrap_or(left).min(left);
    let spec = StepSpec {
        id: sandbox_id(step),
        argv: vec!["/bin/sh".into(), "-c".into(), asked.command],
        env: Vec::new(),
        cwd: place::REPO.into(),
        files: Vec::new(),
        stdin: None,
        wall_limit_ms: limit,
        output_limit_bytes: context.options.limits.step_output_bytes,
    };
    let ran = program::run(context, step, &spec, || async { Ok(Ignore) }).await?;
    artifact::keep(context, step, artifact::Kind::Output, &ran.tail).await?;
    if ran.timed_out && limit == left {
        return Err(out_of_time(context));
    }
    if ran.workspace_full {
        return Err(Fault::halt(
            HaltReason::WorkspaceFull,
            format!("step {} filled the workspace", step.name),
        ));
    }
    let exit = match ran.timed_out {
        true => Exit::TimedOut,
        false => crate::translate::exit(ran.exit),
    };
    let outcome = Outcome::Exec(ExecOutcome {
        exit,
        tail: ran.tail,
    });
    Ok(StepEnd::of(outcome, ran.duration_ms))
}
