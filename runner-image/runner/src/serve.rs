//! Serves one session: what the host asks for, stream by stream.

use crate::daemon::{Holder, Runner};
use crate::limits::OPEN_LIMIT;
use crate::{repo, step};
use sortie_wire::blob;
use sortie_wire::codec::{FrameError, expect_frame, read_frame, write_frame};
use sortie_wire::limits::{
    CONTROL_MAX_BYTES, HEARTBEAT, OPEN_MAX_BYTES, OUTPUT_MAX_BYTES, REPLY_MAX_BYTES, SILENCE_LIMIT,
};
use sortie_wire::message::{
    CollectSpec, Collected, Control, ControlReply, KillReason, Open, OutputFrame, Reply,
    RunnerError, Status,
};
use sortie_wire::session::{Incoming, Session};
use sortie_wire::stream::StreamIo;
use std::cell::Cell;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

/// Serves until the session ends, or until the host has been silent too long.
pub async fn session(runner: &Rc<Runner>, session: &Session, mut incoming: Incoming) {
    let heard = Rc::new(Cell::new(Instant::now()));
    loop {
        tokio::select! {
            stream = incoming.next() => match stream {
                Some(stream) => {
                    let (runner, heard) = (runner.clone(), heard.clone());
                    tokio::task::spawn_local(async move {
                        // A stream that fails ends; the host sees that it did.
                        let _ = serve(&runner, stream, &heard).await;
                    });
                }
                None => return,
            },
            () = tokio::time::sleep(HEARTBEAT) => {
                if heard.get().elapsed() > SILENCE_LIMIT {
                    session.close();
                    return;
                }
            }
        }
    }
}

async fn serve(
    runner: &Rc<Runner>,
    mut io: StreamIo,
    heard: &Cell<Instant>,
) -> Result<(), FrameError> {
    let open = tokio::time::timeout(OPEN_LIMIT, expect_frame(&mut io, OPEN_MAX_BYTES)).await;
    match open.unwrap_or(Err(FrameError::Ended))? {
        Open::Control => return control(runner, io, heard).await,
        Open::Status => {
            let status = Status {
                wall_remaining_ms: u64::try_from(runner.wall.remaining().as_millis())
                    .unwrap_or(u64::MAX),
                base: runner.base.borrow().clone(),
                steps: runner.steps.status(),
            };
            reply(&mut io, &Ok(status)).await?;
        }
        Open::Put { base } => {
            let done = put(runner, &mut io, &base).await;
            reply(&mut io, &done).await?;
        }
        Open::Start(spec) => {
            let started = step::start(runner, spec).await;
            reply(&mut io, &started).await?;
        }
        Open::Output { step, from } => output(runner, &mut io, &step, from).await?,
        Open::Kill { step } => {
            let done = kill(runner, &step).await;
            reply(&mut io, &done).await?;
        }
        Open::Collect(spec) => collect(runner, &mut io, &spec).await?,
        Open::Reset { commit, ignored } => {
            let done = repo::reset(runner, &commit, ignored).await;
            reply(&mut io, &done).await?;
        }
        Open::Llm | Open::Egress => {
            let reason = "these streams go the other way".to_owned();
            reply::<()>(&mut io, &Err(RunnerError::Invalid { reason })).await?;
        }
    }
    io.shutdown().await?;
    Ok(())
}

async fn reply<T: serde::Serialize>(io: &mut StreamIo, reply: &Reply<T>) -> Result<(), FrameError> {
    write_frame(io, reply, REPLY_MAX_BYTES).await
}

async fn control(
    runner: &Rc<Runner>,
    mut io: StreamIo,
    heard: &Cell<Instant>,
) -> Result<(), FrameError> {
    while let Some(control) = read_frame(&mut io, CONTROL_MAX_BYTES).await? {
        heard.set(Instant::now());
        let answer = match control {
            Control::Ping(number) => ControlReply::Pong(number),
            Control::SetWall { remaining_ms } => {
                runner.wall.set(Duration::from_millis(remaining_ms));
                ControlReply::WallSet
            }
        };
        write_frame(&mut io, &answer, CONTROL_MAX_BYTES).await?;
    }
    Ok(())
}

/// Opens a file for reading, never through a link.
async fn unlinked(path: &Path) -> io::Result<File> {
    let no_follow = nix::fcntl::OFlag::O_NOFOLLOW.bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(no_follow)
        .open(path)
        .await
}

/// Makes a file anew: what stands there may be a link that the agent left.
async fn fresh(path: &Path) -> io::Result<File> {
    match tokio::fs::remove_file(path).await {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    File::create_new(path).await
}

async fn put(runner: &Rc<Runner>, io: &mut StreamIo, base: &str) -> Reply<()> {
    const ACTION: &str = "receive the repository";
    let system = |e: &dyn std::fmt::Display| RunnerError::System {
        action: ACTION.into(),
        detail: e.to_string(),
    };
    let _hold = runner.hold(Holder::Repository).await?;
    let mut file = fresh(&repo::incoming()).await.map_err(|e| system(&e))?;
    // A repository that fills the workspace leaves no room to work in.
    let limit_bytes = runner.config.workspace_bytes / 2;
    match blob::receive(io, &mut file, limit_bytes).await {
        Ok(_) => {}
        Err(blob::BlobError::TooLarge { max }) => {
            return Err(RunnerError::TooLarge {
                action: ACTION.into(),
                limit_bytes: max,
            });
        }
        Err(e) => return Err(system(&e)),
    }
    file.flush().await.map_err(|e| system(&e))?;
    repo::put(runner, base).await
}

async fn output(
    runner: &Rc<Runner>,
    io: &mut StreamIo,
    step: &str,
    mut from: u64,
) -> Result<(), FrameError> {
    let step = match runner.steps.find(step) {
        Ok(step) => step,
        Err(e) => return reply::<()>(io, &Err(e)).await,
    };
    reply(io, &Ok(())).await?;
    loop {
        let frame = step.next(from).await;
        write_frame(io, &frame, OUTPUT_MAX_BYTES).await?;
        match frame {
            OutputFrame::Data { offset, bytes, .. } => from = offset + bytes.len() as u64,
            OutputFrame::Exit(_) => return Ok(()),
        }
    }
}

async fn kill(runner: &Rc<Runner>, step: &str) -> Reply<()> {
    let step = runner.steps.find(step)?;
    step.end(KillReason::Cancelled);
    step.ended().await;
    Ok(())
}

async fn collect(
    runner: &Rc<Runner>,
    io: &mut StreamIo,
    spec: &CollectSpec,
) -> Result<(), FrameError> {
    let collected = repo::collect(runner, spec).await;
    let file = match &collected {
        Ok(Collected::Bundle { .. }) => unlinked(&repo::outgoing()).await.map(Some),
        _ => Ok(None),
    };
    let failed = |e: io::Error| RunnerError::System {
        action: "send the changes".into(),
        detail: e.to_string(),
    };
    match (collected, file) {
        (Ok(collected), Ok(Some(mut file))) => {
            reply(io, &Ok(collected)).await?;
            let sent = blob::send(&mut file, io, spec.max_bytes).await;
            // The space is the agent's again, whether the host has the bundle or not.
            let _ = tokio::fs::remove_file(repo::outgoing()).await;
            match sent {
                Err(blob::BlobError::Frame(e)) => Err(e),
                // The blob stays unfinished, which the host notices.
                _ => Ok(()),
            }
        }
        (Ok(_), Err(e)) => reply::<()>(io, &Err(failed(e))).await,
        (collected, _) => reply(io, &collected).await,
    }
}
