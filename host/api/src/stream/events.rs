//! The timeline, page by page, then as it grows.

use crate::limits;
use crate::view::EventView;
use axum::response::sse::Event as SseEvent;
use futures::{Stream, StreamExt, stream};
use sortie_model::event::Event;
use sortie_model::id::{EventSeq, JobId};
use sortie_store::Store;
use std::collections::VecDeque;
use std::convert::Infallible;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

/// A place in the timeline, and what was read ahead of it.
pub(crate) struct Timeline {
    store: Store,
    job: Option<JobId>,
    after: EventSeq,
    ahead: VecDeque<Event>,
    signal: watch::Receiver<EventSeq>,
    _place: OwnedSemaphorePermit,
}

impl Timeline {
    pub(crate) fn new(
        store: Store,
        job: Option<JobId>,
        after: EventSeq,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            signal: store.event_signal(),
            store,
            job,
            after,
            ahead: VecDeque::new(),
            _place: place,
        }
    }

    /// The next event, however long it takes; none when the store is gone.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ahead.pop_front() {
                self.after = event.seq;
                return Some(event);
            }
            // Marked as seen before the read, so that what happens in between
            // wakes the wait below.
            self.signal.borrow_and_update();
            let page = self
                .store
                .events_after(self.after, self.job, limits::EVENT_PAGE)
                .await;
            match page {
                Ok(page) if page.is_empty() => self.signal.changed().await.ok()?,
                Ok(page) => self.ahead.extend(page),
                Err(error) => {
                    // The client comes back with `Last-Event-ID`.
                    tracing::warn!(%error, "event stream ended");
                    return None;
                }
            }
        }
    }
}

/// The events from there on, as server-sent ones.
pub(crate) fn events(
    timeline: Timeline,
    shutdown: CancellationToken,
) -> impl Stream<Item = Result<SseEvent, Infallible>> {
    stream::unfold(timeline, |mut timeline| async move {
        let event = timeline.next().await?;
        let (id, kind) = (event.seq.0.to_string(), event.kind.clone());
        let data = serde_json::to_string(&EventView::from(event)).unwrap_or_default();
        Some((
            Ok(SseEvent::default().id(id).event(kind).data(data)),
            timeline,
        ))
    })
    .take_until(shutdown.cancelled_owned())
    .boxed()
}
