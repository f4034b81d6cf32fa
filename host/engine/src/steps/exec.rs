//! A command in the workspace. Its exit status is the verdict, and the host
//! reads it from the runner, never from the command's output.

use super::{StepEnd, out_of_time, sandbox_id, time_left_ms};
use crate::artifact;
use crate::clip::Clip;
use crate::drive::RunContext;
use crate::fault::Fault;
use crate::program::{self, Launch};
use sortie_model::halt::HaltReason;
use sortie_model::run::Step;
use sortie_plugins::surfaces::workflow::{ExecOutcome, ExecStep, Exit, Outcome};
use sortie_sandbox::{StepSpec, place};
use sortie_verify::extract::{Ended, Extract, extract};

/// What of an output is looked through for errors: the first of them is often
/// the cause, and the last lines sum up.
const HEAD_BYTES: usize = 128 * 1024;
const TAIL_BYTES: usize = 512 * 1024;

pub(super) async fn perform(
    context: &RunContext,
    step: &Step,
    asked: ExecStep,
) -> Result<StepEnd, Fault> {
    context.verification.tell(context).await?;
    let left_ms = time_left_ms(context).await?;
    let launch = launch(context, step, asked, left_ms);
    let ran = program::run(context, step, launch, || async {
        Ok(Clip::new(HEAD_BYTES, TAIL_BYTES))
    })
    .await?;
    artifact::keep(context, step, artifact::Kind::Output, &ran.tail).await?;
    if ran.out_of_time {
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
    let said = match ended(&exit, ran.out_of_memory) {
        None => Extract::default(),
        Some(ended) => extract(&ended, &ran.reader.text()),
    };
    let outcome = Outcome::Exec(ExecOutcome {
        exit,
        tail: ran.tail,
        errors: said.errors,
        fingerprint: said.fingerprint,
        infrastructure: said.infrastructure,
    });
    Ok(StepEnd::of(outcome))
}

/// How a command is run in a run that has that much time left.
pub(super) fn launch(context: &RunContext, step: &Step, asked: ExecStep, left_ms: u64) -> Launch {
    let limit_ms = asked.time_limit_ms.unwrap_or(left_ms);
    let spec = StepSpec {
        id: sandbox_id(step),
        argv: vec!["/bin/sh".into(), "-c".into(), asked.command],
        env: Vec::new(),
        cwd: place::REPO.into(),
        files: Vec::new(),
        stdin: None,
        wall_limit_ms: limit_ms.min(left_ms),
        output_limit_bytes: context.options.limits.step_output_bytes,
    };
    Launch {
        spec,
        left_ms,
        finds_made: true,
        tidies: false,
        litters: true,
        after: None,
    }
}

/// How a command ended that did not pass; none for one that did.
fn ended(exit: &Exit, out_of_memory: bool) -> Option<Ended> {
    Some(match exit {
        Exit::Code(0) => return None,
        _ if out_of_memory => Ended::OutOfMemory,
        Exit::Code(code) => Ended::Code(*code),
        Exit::Signal(signal) => Ended::Signal(*signal),
        Exit::TimedOut => Ended::TimedOut,
        Exit::Stopped(why) => Ended::Stopped(why.clone()),
    })
}
