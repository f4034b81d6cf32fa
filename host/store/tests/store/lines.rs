//! Random operations on events and deliveries beside a model of both in a few
//! lines: a line of messages is a line, whatever it carries. What the store
//! answers and what it holds must be what the model says.

use crate::plugin_support::{HOOK, call, event};
use crate::support::{TestClock, new_job, open, project};
use proptest::prelude::*;
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::id::{EventSeq, JobId, PluginEventId};
use sortie_store::{
    Accepted, Again, CallCause, Committed, DeliveryKey, MessageState, NewPluginEvent, NewRetry,
    PluginEventFilter, Result, Store, StoreError,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One of the two queues: events by source, or deliveries by job.
#[derive(Clone, Copy, Debug)]
enum Queue {
    Inbound,
    Outgoing,
}

#[derive(Clone, Debug)]
enum Op {
    /// A message comes; of inbound ones with a delivery of few, so that some
    /// are repeated.
    Come {
        line: usize,
        delivery: u8,
        at_once: bool,
    },
    Settle {
        pick: usize,
        stale: bool,
    },
    Fail {
        pick: usize,
        stale: bool,
        after: Option<i64>,
    },
    Retry {
        pick: usize,
    },
    Drop {
        pick: usize,
    },
    Prune,
    Wait {
        ms: i64,
    },
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let pick = 0..64_usize;
    let stale = prop::bool::weighted(0.1);
    prop_oneof![
        8 => (0..3_usize, any::<u8>(), any::<bool>())
            .prop_map(|(line, delivery, at_once)| Op::Come { line, delivery, at_once }),
        5 => (pick.clone(), stale).prop_map(|(pick, stale)| Op::Settle { pick, stale }),
        5 => (pick.clone(), stale, prop::option::of(0..30_i64))
            .prop_map(|(pick, stale, after)| Op::Fail { pick, stale, after }),
        2 => pick.clone().prop_map(|pick| Op::Retry { pick }),
        1 => pick.prop_map(|pick| Op::Drop { pick }),
        1 => Just(Op::Prune),
        4 => (1..20_i64).prop_map(|ms| Op::Wait { ms }),
        1 => Just(Op::Reopen),
    ]
}

#[derive(Clone, Debug, PartialEq)]
struct Message {
    line: usize,
    delivery: Option<u8>,
    state: MessageState,
    attempts: u32,
    before_retry: u32,
    not_before: i64,
    settled_at: i64,
}

impl Message {
    fn is_open(&self) -> bool {
        matches!(self.state, MessageState::Pending | MessageState::Parked)
    }

    fn settle(&mut self, state: MessageState, now: i64) {
        self.state = state;
        self.settled_at = now;
    }
}

#[derive(Debug, PartialEq)]
enum Seen {
    Done,
    New(u64),
    Duplicate(u64, MessageState),
    Behind(u64),
    Settled,
    NotFound,
    Pruned(usize),
}

fn seen<T>(result: Result<T>) -> Seen {
    match result {
        Ok(_) => Seen::Done,
        Err(StoreError::Settled { .. }) => Seen::Settled,
        Err(StoreError::NotFound { .. }) => Seen::NotFound,
        Err(StoreError::Behind { earlier, .. }) => Seen::Behind(earlier.0),
        Err(other) => panic!("{other}"),
    }
}

struct Pair {
    queue: Queue,
    store: Store,
    clock: Arc<TestClock>,
    dir: tempfile::TempDir,
    jobs: Vec<JobId>,
    /// By number: an event's id, or a place in the timeline. A pruned message
    /// is gone; its number stays known, so that it can still be named.
    messages: BTreeMap<u64, Message>,
    numbers: Vec<u64>,
}

impl Pair {
    async fn new(queue: Queue) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = TestClock::new();
        let store = open(dir.path(), &clock);
        store.put_projects(vec![project("alpha")]).await.unwrap();
        let mut jobs = Vec::new();
        for _ in 0..3 {
            jobs.push(store.submit(new_job("alpha", "x")).await.unwrap().job.id);
        }
        let kinds = BTreeMap::from([(HOOK.to_owned(), vec!["job.*".to_owned()])]);
        store.put_subscriptions(kinds).await.unwrap();
        Self {
            queue,
            store,
            clock,
            dir,
            jobs,
            messages: BTreeMap::new(),
            numbers: Vec::new(),
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().0
    }

    async fn apply(&mut self, op: &Op) {
        let (got, expected) = match op {
            Op::Come {
                line,
                delivery,
                at_once,
            } => match self.queue {
                Queue::Inbound => self.come(*line, delivery % 16, *at_once).await,
                Queue::Outgoing => self.tell(*line).await,
            },
            Op::Settle { pick, stale } => self.settle(*pick, *stale).await,
            Op::Fail { pick, stale, after } => self.fail(*pick, *stale, *after).await,
            Op::Retry { pick } => self.by_hand(*pick, true).await,
            Op::Drop { pick } => self.by_hand(*pick, false).await,
            Op::Prune => self.prune().await,
            Op::Wait { ms } => {
                self.clock.advance(*ms);
                (Seen::Done, Seen::Done)
            }
            Op::Reopen => {
                let store = self.store.clone();
                store.close().await;
                self.store = open(self.dir.path(), &self.clock);
                (Seen::Done, Seen::Done)
            }
        };
        assert_eq!(got, expected, "{op:?}");
    }

    fn push(&mut self, number: u64, line: usize, delivery: Option<u8>) -> &mut Message {
        let message = Message {
            line,
            delivery,
            state: MessageState::Pending,
            attempts: 0,
            before_retry: 0,
            not_before: self.now(),
            settled_at: 0,
        };
        self.numbers.push(number);
        self.messages.entry(number).or_insert(message)
    }

    async fn come(&mut self, line: usize, delivery: u8, at_once: bool) -> (Seen, Seen) {
        let mut hash = [0; 32];
        hash[0] = delivery;
        let new = NewPluginEvent {
            source: format!("line {line}"),
            delivery: Some(DeliveryKey {
                hash,
                window_ms: None,
            }),
            ..event(&self.store, "x").await
        };
        let id = new.id.0;
        let got = if at_once {
            let call = call(CallCause::NewEvent(new), vec![]);
            match self.store.commit_call(call).await {
                Ok(Committed::Done { .. }) => Seen::New(id),
                Ok(Committed::Duplicate(id, state)) => Seen::Duplicate(id.0, state),
                Err(error) => seen::<()>(Err(error)),
            }
        } else {
            match self.store.accept_event(new).await.unwrap() {
                Accepted::New(id) => Seen::New(id.0),
                Accepted::Duplicate(id, state) => Seen::Duplicate(id.0, state),
            }
        };
        let same = |m: &Message| m.line == line && m.delivery == Some(delivery);
        if let Some((id, before)) = self.messages.iter().find(|(_, m)| same(m)) {
            return (got, Seen::Duplicate(*id, before.state));
        }
        if let (true, Some(first)) = (at_once, self.first(line)) {
            return (got, Seen::Behind(first));
        }
        let now = self.now();
        let message = self.push(id, line, Some(delivery));
        if at_once {
            message.attempts = 1;
            message.settle(MessageState::Done, now);
        }
        (got, Seen::New(id))
    }

    /// Something happens to a job: it is cancelled, or queued again.
    async fn tell(&mut self, line: usize) -> (Seen, Seen) {
        let job = self.jobs[line];
        let cancelled = self.store.cancel(job, "ann", "cli").await.unwrap();
        if !cancelled.changed {
            self.store
                .retry(job, NewRetry::of("ann", "cli"))
                .await
                .unwrap();
        }
        let seq = self.store.event_signal().borrow().0;
        self.push(seq, line, None);
        (Seen::Done, Seen::Done)
    }

    /// The first of a line that waits.
    fn first(&self, line: usize) -> Option<u64> {
        let waits = |m: &Message| m.line == line && m.state == MessageState::Pending;
        self.messages
            .iter()
            .find(|(_, m)| waits(m))
            .map(|(number, _)| *number)
    }

    fn cause(&self, number: u64, attempt: u32) -> CallCause {
        match self.queue {
            Queue::Inbound => CallCause::Event {
                id: PluginEventId(number),
                attempt,
            },
            Queue::Outgoing => CallCause::Delivery {
                seq: EventSeq(number),
                attempt,
                receipt: None,
            },
        }
    }

    /// A message and the try that somebody makes of it; what is to be expected
    /// when that cannot be.
    fn pick(&self, pick: usize, stale: bool) -> Option<(u64, u32, Option<Seen>)> {
        let number = *self.numbers.get(pick % self.numbers.len().max(1))?;
        let Some(message) = self.messages.get(&number) else {
            return Some((number, 1, Some(Seen::NotFound)));
        };
        let attempt = message.attempts + 1 + u32::from(stale);
        let refused = stale || message.state != MessageState::Pending;
        Some((number, attempt, refused.then_some(Seen::Settled)))
    }

    async fn settle(&mut self, pick: usize, stale: bool) -> (Seen, Seen) {
        let Some((number, attempt, refused)) = self.pick(pick, stale) else {
            return (Seen::Done, Seen::Done);
        };
        let call = call(self.cause(number, attempt), vec![]);
        let got = seen(self.store.commit_call(call).await);
        let now = self.now();
        if let Some(refused) = refused {
            return (got, refused);
        }
        let message = self.messages.get_mut(&number).unwrap();
        message.attempts = attempt;
        message.settle(MessageState::Done, now);
        (got, Seen::Done)
    }

    async fn fail(&mut self, pick: usize, stale: bool, after: Option<i64>) -> (Seen, Seen) {
        let Some((number, attempt, refused)) = self.pick(pick, stale) else {
            return (Seen::Done, Seen::Done);
        };
        let time = after.map(|ms| self.now() + ms);
        let again = time.map_or(Again::Park, |ms| Again::At(Timestamp(ms)));
        let got = seen(match self.queue {
            Queue::Inbound => {
                let id = PluginEventId(number);
                self.store.fail_event(id, attempt, "e", again).await
            }
            Queue::Outgoing => {
                let seq = EventSeq(number);
                self.store
                    .fail_delivery(HOOK, seq, attempt, "e", again)
                    .await
            }
        });
        if let Some(refused) = refused {
            return (got, refused);
        }
        let message = self.messages.get_mut(&number).unwrap();
        message.attempts = attempt;
        match time {
            Some(ms) => message.not_before = ms,
            None => message.state = MessageState::Parked,
        }
        (got, Seen::Done)
    }

    async fn by_hand(&mut self, pick: usize, retry: bool) -> (Seen, Seen) {
        let Some((number, ..)) = self.pick(pick, false) else {
            return (Seen::Done, Seen::Done);
        };
        let (id, seq) = (PluginEventId(number), EventSeq(number));
        let got = seen(match (self.queue, retry) {
            (Queue::Inbound, true) => self.store.retry_event(id, "ann").await,
            (Queue::Inbound, false) => self.store.drop_event(id, "ann").await,
            (Queue::Outgoing, true) => self.store.retry_delivery(HOOK, seq, "ann").await,
            (Queue::Outgoing, false) => self.store.drop_delivery(HOOK, seq, "ann").await,
        });
        let now = self.now();
        let Some(message) = self.messages.get_mut(&number) else {
            return (got, Seen::NotFound);
        };
        if !message.is_open() {
            return (got, Seen::Settled);
        }
        if retry {
            message.state = MessageState::Pending;
            message.before_retry = message.attempts;
            message.not_before = now;
        } else {
            message.settle(MessageState::Dropped, now);
        }
        (got, Seen::Done)
    }

    async fn prune(&mut self) -> (Seen, Seen) {
        let before = self.now() - 10;
        let time = Timestamp(before);
        let got = match self.queue {
            Queue::Inbound => self.store.prune_events(time).await,
            Queue::Outgoing => self.store.prune_deliveries(time).await,
        };
        let had = self.messages.len();
        self.messages
            .retain(|_, m| m.is_open() || m.settled_at >= before);
        (
            Seen::Pruned(got.unwrap()),
            Seen::Pruned(had - self.messages.len()),
        )
    }

    /// What is due, and when the next is: by the model, then by the store.
    async fn compare_due(&self) {
        let now = self.now();
        let heads = (0..3).filter_map(|line| self.first(line));
        let (mut due, mut next) = (Vec::new(), None);
        for number in heads {
            let message = &self.messages[&number];
            if message.not_before <= now {
                due.push((
                    message.not_before,
                    number,
                    message.attempts + 1,
                    message.before_retry,
                ));
            } else {
                let time = Timestamp(message.not_before);
                next = Some(next.map_or(time, |first: Timestamp| first.min(time)));
            }
        }
        due.sort_unstable();
        let due: Vec<_> = due.into_iter().map(|(_, n, a, b)| (n, a, b)).collect();
        let (got_due, got_next): (Vec<_>, _) = match self.queue {
            Queue::Inbound => (
                self.store
                    .due_events(HOOK, 100)
                    .await
                    .unwrap()
                    .into_iter()
                    .map(|due| (due.id.0, due.attempt, due.attempts_before_retry))
                    .collect(),
                self.store.next_event_due(HOOK).await.unwrap(),
            ),
            Queue::Outgoing => (
                self.store
                    .deliveries_due(HOOK, 100)
                    .await
                    .unwrap()
                    .into_iter()
                    .map(|due| (due.seq.0, due.attempt, due.attempts_before_retry))
                    .collect(),
                self.store.next_delivery_due(HOOK).await.unwrap(),
            ),
        };
        assert_eq!(got_due, due);
        assert_eq!(got_next, next);
    }

    /// Everything the store holds is what the model holds.
    async fn compare(&self) {
        let got: Vec<_> = match self.queue {
            Queue::Inbound => self
                .store
                .plugin_events(PluginEventFilter::default())
                .await
                .unwrap()
                .into_iter()
                .map(|row| (row.id.0, row.state, row.attempts))
                .collect(),
            Queue::Outgoing => self
                .store
                .deliveries(HOOK, None, None, 1_000)
                .await
                .unwrap()
                .into_iter()
                .map(|row| (row.seq.0, row.state, row.attempts))
                .collect(),
        };
        let expected: Vec<_> = self
            .messages
            .iter()
            .rev()
            .map(|(number, m)| (*number, m.state, m.attempts))
            .collect();
        assert_eq!(got, expected);
    }
}

fn check(queue: Queue, ops: &[Op]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut pair = Pair::new(queue).await;
        for op in ops {
            pair.apply(op).await;
            pair.compare_due().await;
        }
        pair.compare().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn events_do_what_their_model_does(ops in prop::collection::vec(op(), 1..100)) {
        check(Queue::Inbound, &ops);
    }

    #[test]
    fn deliveries_do_what_their_model_does(ops in prop::collection::vec(op(), 1..100)) {
        check(Queue::Outgoing, &ops);
    }
}
