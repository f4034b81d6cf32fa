//! What one run may take of the endpoint at once, and the reading of bodies
//! within it. A run whose clients are slow waits for itself and takes from no
//! other.

use super::refusal::Refused;
use super::{BODIES_KIB, Shared};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Bodies of one run in memory at once, in KiB: two of the largest, of the
/// eight that fit over all runs.
const RUN_BODIES_KIB: u32 = 64 * 1024;

/// Requests of one run under way at once: an agent with a dozen helpers has
/// one each.
const RUN_CALLS: usize = 32;

/// How much of a body that is too large is read to its end, so that the client
/// gets to hear why it was refused.
const MAX_DRAINED_BYTES: usize = 256 * 1024 * 1024;

/// When to try again what the calls under way have no room for.
pub(crate) const ROOM_SOON: Duration = Duration::from_secs(2);

/// The room of one run.
pub(crate) struct RunRoom {
    calls: Arc<Semaphore>,
    bodies: Semaphore,
}

/// What a body takes while it is in memory: of its run and of all runs.
pub(crate) type Held<'r> = (SemaphorePermit<'r>, SemaphorePermit<'r>);

impl Default for RunRoom {
    fn default() -> Self {
        Self {
            calls: Arc::new(Semaphore::new(RUN_CALLS)),
            bodies: Semaphore::new(RUN_BODIES_KIB as usize),
        }
    }
}

impl RunRoom {
    /// A turn for one request, to be kept until its answer has ended.
    pub(crate) async fn turn(&self, patience: Duration) -> Result<OwnedSemaphorePermit, Refused> {
        match timeout(patience, self.calls.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(busy(format!(
                "{RUN_CALLS} requests of this run are under way already; try again when one is \
                 done"
            ))),
        }
    }

    /// Room for a body. One that is larger than all there is takes all of it.
    async fn body(&self, kib: u32, patience: Duration) -> Result<SemaphorePermit<'_>, Refused> {
        match timeout(patience, self.bodies.acquire_many(kib.min(RUN_BODIES_KIB))).await {
            Ok(Ok(room)) => Ok(room),
            _ => Err(busy(format!(
                "this run is sending {} MiB of requests already; try again when one is sent",
                RUN_BODIES_KIB / 1024
            ))),
        }
    }
}

fn busy(message: String) -> Refused {
    Refused {
        status: StatusCode::TOO_MANY_REQUESTS,
        ..Refused::later("run_busy", message, ROOM_SOON)
    }
}

/// The whole body, and the room it takes: of its run first, so that what waits
/// there takes nothing of the others.
pub(crate) async fn read_body<'r>(
    shared: &'r Shared,
    room: &'r RunRoom,
    body: Incoming,
) -> Result<(Bytes, Held<'r>), Refused> {
    let (limit, patience) = (shared.max_request_bytes, shared.request_timeout);
    let announced = body.size_hint().exact();
    let announced = announced.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if announced.is_some_and(|bytes| bytes > limit) {
        // In time or not, the answer is the same.
        let _ = timeout(patience, drain(body, 0)).await;
        return Err(too_large(limit));
    }
    // One that does not say how long it is may be as long as any.
    let kib = announced.unwrap_or(limit).div_ceil(1024);
    let kib = u32::try_from(kib).unwrap_or(u32::MAX);
    let of_run = room.body(kib, patience).await?;
    let Ok(Ok(of_all)) = timeout(patience, shared.bodies.acquire_many(kib.min(BODIES_KIB))).await
    else {
        return Err(Refused::later(
            "host_busy",
            "the requests of all runs leave no room for this one just now; try again",
            ROOM_SOON,
        ));
    };
    let reading = read(body, announced.unwrap_or(0), limit);
    let bytes = timeout(patience, reading).await.unwrap_or_else(|_| {
        Err(Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_slow",
            "the request was not there in time",
        ))
    })?;
    Ok((bytes, (of_run, of_all)))
}

async fn read(mut body: Incoming, announced: usize, limit: usize) -> Result<Bytes, Refused> {
    let mut bytes = BytesMut::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refused::bad("the request ends in the middle"))?;
        if let Ok(data) = frame.into_data() {
            if data.len() > limit - bytes.len() {
                let read = bytes.len();
                drop(bytes);
                drain(body, read).await;
                return Err(too_large(limit));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

/// Reads on and keeps nothing.
async fn drain(mut body: Incoming, read: usize) {
    let mut read = read;
    while let Some(Ok(frame)) = body.frame().await {
        read = read.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if read > MAX_DRAINED_BYTES {
            return;
        }
    }
}

fn too_large(limit: usize) -> Refused {
    Refused::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "request_too_large",
        format!(
            "the request is over {} MiB; send less context",
            limit / (1024 * 1024)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn what_has_no_room_in_its_run_is_refused_until_there_is_some() {
        let (room, other) = (RunRoom::default(), RunRoom::default());
        let half = RUN_BODIES_KIB / 2;
        let first = room.body(half, SOON).await.expect("it is empty");
        let second = room.body(half, SOON).await.expect("it fits");
        let refused = room.body(1, SOON).await.expect_err("it is full");
        assert_eq!(
            (refused.status, refused.code),
            (StatusCode::TOO_MANY_REQUESTS, "run_busy")
        );
        assert!(refused.retry_after.is_some());
        drop(other.body(half, SOON).await.expect("it has its own"));
        drop(first);
        drop(room.body(half, SOON).await.expect("there is room again"));
        drop(second);
        let all = room.body(u32::MAX, SOON).await.expect("it is empty");
        room.body(1, SOON).await.expect_err("it is full");
        drop(all);
    }

    #[tokio::test]
    async fn a_run_has_so_many_turns_and_no_more() {
        let room = RunRoom::default();
        let mut turns = Vec::new();
        for _ in 0..RUN_CALLS {
            turns.push(room.turn(SOON).await.expect("a turn"));
        }
        let refused = room.turn(SOON).await.expect_err("no more");
        assert_eq!(refused.code, "run_busy");
        drop(turns.pop());
        drop(room.turn(SOON).await.expect("one came free"));
    }
}
