//! One program in a container, as the host follows it.

use crate::error::SandboxError;
use crate::limits::{CALL_LIMIT, OUTPUT_QUEUE};
use crate::workspace::Workspace;
use bytes::Bytes;
use sortie_wire::codec::{FrameError, expect_frame};
use sortie_wire::limits::OUTPUT_MAX_BYTES;
use sortie_wire::message::{ExitReport, Open, OutputFrame, OutputStream};
use sortie_wire::stream::StreamIo;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Some bytes of a step's output. Untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Which stream.
    pub stream: OutputStream,
    /// Offset of the first byte, counting both streams together. A jump is
    /// output that was not kept.
    pub offset: u64,
    /// At most 64 KiB, never empty.
    pub bytes: Bytes,
}

/// A step that is followed. Dropping it stops following; the step runs on.
#[derive(Debug)]
pub struct Step {
    workspace: Workspace,
    id: String,
    frames: mpsc::Receiver<Result<OutputFrame, SandboxError>>,
    offset: u64,
    exit: Option<ExitReport>,
    _reader: AbortOnDropHandle<()>,
}

impl Step {
    pub(crate) async fn follow(
        workspace: Workspace,
        id: String,
        from: u64,
    ) -> Result<Self, SandboxError> {
        let link = &workspace.0.link;
        let io = link
            .within(CALL_LIMIT, async {
                let mut io = link
                    .stream(&Open::Output {
                        step: id.clone(),
                        from,
                    })
                    .await?;
                link.reply::<()>(&mut io).await?;
                Ok(io)
            })
            .await?;
        // A task of its own reads frames, so that the callers' futures may be
        // dropped at any point without tearing one apart.
        let (frames, receiver) = mpsc::channel(OUTPUT_QUEUE);
        let reader = tokio::spawn(read(io, link.run(), from, frames));
        Ok(Self {
            workspace,
            id,
            frames: receiver,
            offset: from,
            exit: None,
            _reader: AbortOnDropHandle::new(reader),
        })
    }

    /// The step's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where to read on after what was handed out so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next bytes; `None` once the step ended and everything kept was
    /// handed out. May be dropped while it waits, without loss.
    pub async fn next_output(&mut self) -> Result<Option<Output>, SandboxError> {
        if self.exit.is_some() {
            return Ok(None);
        }
        match self.frames.recv().await {
            Some(Ok(OutputFrame::Data {
                stream,
                offset,
                bytes,
            })) => {
                self.offset = offset + bytes.len() as u64;
                Ok(Some(Output {
                    stream,
                    offset,
                    bytes,
                }))
            }
            Some(Ok(OutputFrame::Exit(exit))) => {
                self.exit = Some(exit);
                Ok(None)
            }
            Some(Err(e)) => Err(e),
            None => Err(self.workspace.0.link.lost("the step's output broke off")),
        }
    }

    /// Waits for the end; output not taken before is passed over. What it
    /// returns is what the runner observed of the program.
    pub async fn wait(&mut self) -> Result<ExitReport, SandboxError> {
        loop {
            if let Some(exit) = self.exit {
                return Ok(exit);
            }
            self.next_output().await?;
        }
    }

    /// Ends the step with everything it started. [`Step::wait`] then tells how
    /// it ended, which may have been before this came.
    pub async fn kill(&self) -> Result<(), SandboxError> {
        self.workspace.kill(&self.id).await
    }
}

/// Reads frames until the last one, and holds the runner to its word: offsets
/// only grow. How much is read is up to whoever takes it; nothing is read ahead
/// of that but a few frames.
async fn read(
    mut io: StreamIo,
    run: u64,
    from: u64,
    frames: mpsc::Sender<Result<OutputFrame, SandboxError>>,
) {
    let mut next = from;
    loop {
        let frame = match expect_frame(&mut io, OUTPUT_MAX_BYTES).await {
            Ok(frame) => check(frame, run, &mut next),
            Err(FrameError::Io(e)) => Err(SandboxError::WireLost {
                run,
                reason: e.to_string(),
            }),
            Err(e) => Err(SandboxError::frame(run, e)),
        };
        let last = !matches!(frame, Ok(OutputFrame::Data { .. }));
        // A closed channel means that nobody follows any more.
        if frames.send(frame).await.is_err() || last {
            return;
        }
    }
}

fn check(frame: OutputFrame, run: u64, next: &mut u64) -> Result<OutputFrame, SandboxError> {
    if let OutputFrame::Data { offset, bytes, .. } = &frame {
        let broken = |reason: &str| {
            Err(SandboxError::Protocol {
                run,
                reason: reason.into(),
            })
        };
        if *offset < *next || bytes.is_empty() {
            return broken("output comes twice");
        }
        let Some(end) = offset.checked_add(bytes.len() as u64) else {
            return broken("output ends beyond all bounds");
        };
        *next = end;
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(offset: u64, len: usize) -> OutputFrame {
        OutputFrame::Data {
            stream: OutputStream::Stdout,
            offset,
            bytes: vec![7; len].into(),
        }
    }

    #[test]
    fn the_runner_is_held_to_its_bounds() {
        let mut next = 10;
        let mut feed = |frame| check(frame, 1, &mut next);
        assert!(feed(data(10, 50)).is_ok());
        assert!(feed(data(80, 50)).is_ok(), "a gap is allowed");
        assert!(feed(data(129, 1)).is_err(), "going back is not");
        assert!(feed(data(u64::MAX, 2)).is_err());
        assert!(feed(data(130, 0)).is_err());
    }
}
