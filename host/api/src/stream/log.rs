//! The log file of a run, as far as it goes and as it grows; then the next
//! run's. The file is display material: a line that does not parse is left
//! out, a file that is not there is an empty one.

use crate::engine::EngineView;
use crate::limits;
use crate::view::{LogView, moment};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use sortie_model::clock::Timestamp;
use sortie_model::id::{EventSeq, JobId, RunId};
use sortie_store::Store;
use std::io::ErrorKind;
use std::sync::Arc;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

/// A line as the engine writes it.
#[derive(Deserialize)]
struct Written {
    at: Timestamp,
    step: String,
    stream: String,
    text: String,
}

/// What follows when a file has no more to read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Wait,
    Switch(RunId),
    End,
}

/// A place in a job's logs.
pub(crate) struct Log {
    store: Store,
    engine: Arc<dyn EngineView>,
    job: JobId,
    run: Option<RunId>,
    file: Option<File>,
    /// The beginning of a line whose end is not written yet.
    partial: Vec<u8>,
    /// The line in `partial` is over the limit and is being left out.
    skipping: bool,
    /// What was decided while there was more to read.
    then: Then,
    signal: watch::Receiver<EventSeq>,
    _place: OwnedSemaphorePermit,
}

impl Log {
    pub(crate) fn new(
        store: Store,
        engine: Arc<dyn EngineView>,
        job: JobId,
        run: Option<RunId>,
        follow: bool,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            signal: store.event_signal(),
            store,
            engine,
            job,
            run,
            file: None,
            partial: Vec::new(),
            skipping: false,
            then: if follow { Then::Wait } else { Then::End },
            _place: place,
        }
    }

    /// The next lines; none at the end.
    async fn next(&mut self) -> std::io::Result<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.read().await? {
                return Ok(Some(bytes));
            }
            match self.then {
                Then::End => return Ok(None),
                Then::Switch(run) => {
                    self.run = Some(run);
                    self.file = None;
                    self.partial.clear();
                    self.skipping = false;
                    self.then = Then::Wait;
                }
                Then::Wait => {
                    self.signal.borrow_and_update();
                    self.then = self.what_then().await;
                    // Anything but waiting reads once more first: the file may
                    // have grown before the state moved.
                    if self.then == Then::Wait {
                        tokio::select! {
                            changed = self.signal.changed() => {
                                if changed.is_err() {
                                    self.then = Then::End;
                                }
                            }
                            () = tokio::time::sleep(limits::LOG_POLL), if self.run.is_some() => {}
                        }
                    }
                }
            }
        }
    }

    async fn what_then(&self) -> Then {
        let (Ok(runs), Ok(Some(job))) = (
            self.store.runs(self.job).await,
            self.store.job(self.job).await,
        ) else {
            return Then::End;
        };
        if let Some(newer) = runs.iter().find(|run| Some(run.id) > self.run) {
            return Then::Switch(newer.id);
        }
        let phase = job.state.phase();
        if phase.is_final() || phase.waits_for_person() {
            Then::End
        } else {
            Then::Wait
        }
    }

    /// Whole lines that are there, as they are sent; none when there are none.
    async fn read(&mut self) -> std::io::Result<Option<Bytes>> {
        let Some(run) = self.run else {
            return Ok(None);
        };
        if self.file.is_none() {
            match File::open(self.engine.log_path(run)).await {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let Some(file) = self.file.as_mut() else {
            return Ok(None);
        };
        let mut buffer = vec![0; limits::LOG_CHUNK_BYTES];
        loop {
            let read = file.read(&mut buffer).await?;
            if read == 0 {
                return Ok(None);
            }
            let mut out = Vec::new();
            for piece in buffer[..read].split_inclusive(|byte| *byte == b'\n') {
                if !self.skipping {
                    self.partial.extend_from_slice(piece);
                }
                let ended = piece.ends_with(b"\n");
                if ended && !self.skipping {
                    render(run, &self.partial, &mut out);
                }
                if ended {
                    self.partial.clear();
                    self.skipping = false;
                } else if self.partial.len() > limits::MAX_LOG_LINE_BYTES {
                    self.partial = Vec::new();
                    self.skipping = true;
                }
            }
            if !out.is_empty() {
                return Ok(Some(out.into()));
            }
        }
    }
}

fn render(run: RunId, line: &[u8], out: &mut Vec<u8>) {
    let Ok(written) = serde_json::from_slice::<Written>(line) else {
        return;
    };
    let view = LogView {
        run: run.0,
        at: moment(written.at),
        step: written.step,
        stream: written.stream,
        text: written.text,
    };
    if let Ok(text) = serde_json::to_vec(&view) {
        out.extend_from_slice(&text);
        out.push(b'\n');
    }
}

/// The log from there on, as lines of JSON.
pub(crate) fn lines(
    log: Log,
    shutdown: CancellationToken,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold(log, |mut log| async move {
        Ok(log.next().await?.map(|bytes| (bytes, log)))
    })
    .take_until(shutdown.cancelled_owned())
    .boxed()
}
