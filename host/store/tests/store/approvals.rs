//! Answers that come at once through different doors: one counts, whoever gave
//! it and wherever it came from, and everybody else learns which.

use crate::plugin_support::{call, event};
use crate::support::{answer, home};
use sortie_model::approval::Decision;
use sortie_model::id::{ApprovalId, EventSeq, JobId};
use sortie_model::job::JobPhase;
use sortie_store::{CallCause, Effect, NewAnswer, Store, StoreError};

/// Questions that are answered; each time the tasks meet in another order.
const ROUNDS: usize = 6;

/// Somebody who answers, and how.
#[derive(Clone, Copy, Debug)]
struct Decider {
    door: &'static str,
    by: &'static str,
    decision: Decision,
}

/// Two of each door say yes, or no; some name the question, some do not.
const DECIDERS: [Decider; 8] = {
    const fn one(door: &'static str, by: &'static str, decision: Decision) -> Decider {
        Decider { door, by, decision }
    }
    [
        one("plugin:webhook", "telegram:1", Decision::Approved),
        one("http", "ann", Decision::Rejected),
        one("cli", "bob", Decision::Approved),
        one("plugin:webhook", "telegram:2", Decision::Rejected),
        one("http", "cid", Decision::Approved),
        one("cli", "dan", Decision::Rejected),
        one("plugin:webhook", "telegram:3", Decision::Approved),
        one("plugin:webhook", "telegram:4", Decision::Rejected),
    ]
};

impl Decider {
    /// Answers through the door. Whether the answer is the one that counts, as
    /// far as the door tells.
    async fn answer(
        self,
        store: &Store,
        job: JobId,
        asked: ApprovalId,
    ) -> Result<Option<bool>, StoreError> {
        if self.door == "plugin:webhook" {
            let press = Effect::Answer {
                approval: asked,
                decision: self.decision,
                comment: None,
            };
            let cause = CallCause::NewEvent(event(store, self.by).await);
            let mut press = call(cause, vec![press]);
            press.actor = self.by.into();
            press.via = self.door.into();
            return store.commit_call(press).await.map(|_| None);
        }
        let answer = NewAnswer {
            via: self.door.into(),
            approval: (self.door == "http").then_some(asked),
            ..answer(self.decision, self.by)
        };
        let decided = store.decide(job, answer).await?;
        Ok(Some(decided.changed))
    }
}

/// Whether an answer was refused because the other one was given.
fn is_conflict(error: &StoreError) -> bool {
    match error {
        StoreError::Illegal(_) => true,
        StoreError::Effect { why, .. } => is_conflict(why),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_deciders_at_three_doors_one_wins_and_is_written_down() {
    for _ in 0..ROUNDS {
        let home = home().await;
        let job = home.waiting().await.job.id;
        let asked = home.store.approval(job).await.unwrap().unwrap().id;
        let tasks = DECIDERS.map(|decider| {
            let store = home.store.clone();
            tokio::spawn(async move { decider.answer(&store, job, asked).await })
        });
        let mut told = Vec::new();
        for (decider, task) in DECIDERS.into_iter().zip(tasks) {
            told.push((decider, task.await.unwrap()));
        }

        let counts = home.store.approval(job).await.unwrap().unwrap();
        let (by, via) = (counts.decided_by.unwrap(), counts.decided_via.unwrap());
        assert_eq!(counts.decided_at, Some(counts.asked_at));
        let is_winner = |decider: &Decider| decider.by == by && decider.door == via;
        let winner = DECIDERS.into_iter().find(is_winner);
        let winner = winner.unwrap_or_else(|| panic!("{by} over {via} did not answer"));
        assert_eq!(counts.decision, Some(winner.decision));
        for (decider, told) in told {
            match told {
                Ok(changed) => {
                    assert_eq!(decider.decision, winner.decision, "{decider:?}");
                    let was_told = changed.unwrap_or(is_winner(&decider));
                    assert_eq!(was_told, is_winner(&decider), "{decider:?}");
                }
                Err(error) => {
                    assert!(is_conflict(&error), "{decider:?}: {error}");
                    assert_ne!(decider.decision, winner.decision, "{decider:?}");
                }
            }
        }

        let (phase, kind) = match winner.decision {
            Decision::Approved => (JobPhase::Approved, "job.approved"),
            _ => (JobPhase::Rejected, "job.rejected"),
        };
        let now = home.store.job(job).await.unwrap().unwrap();
        assert_eq!(now.state.phase(), phase);
        let events = home
            .store
            .events_after(EventSeq(0), Some(job), 100)
            .await
            .unwrap();
        let answers: Vec<_> = events
            .iter()
            .filter(|event| ["job.approved", "job.rejected"].contains(&&*event.kind))
            .collect();
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!(answers[0].kind, kind);
        assert_eq!(answers[0].data["by"], by.as_str());
        assert_eq!(answers[0].data["via"], via.as_str());
    }
}

#[tokio::test]
async fn each_door_may_say_the_same_again_and_none_the_other() {
    let home = home().await;
    let store = &home.store;
    let job = home.waiting().await.job.id;
    let asked = store.approval(job).await.unwrap().unwrap().id;
    let first = DECIDERS[0];
    first.answer(store, job, asked).await.unwrap();
    home.clock.advance(5);
    for decider in &DECIDERS[1..] {
        let told = decider.answer(store, job, asked).await;
        match decider.decision == first.decision {
            true => assert_ne!(told.unwrap(), Some(true), "{decider:?}"),
            false => assert!(is_conflict(&told.unwrap_err()), "{decider:?}"),
        }
    }
    let counts = store.approval(job).await.unwrap().unwrap();
    assert_eq!(counts.decided_by.as_deref(), Some(first.by));
    assert_eq!(counts.decided_via.as_deref(), Some(first.door));
    assert_eq!(counts.decided_at, Some(counts.asked_at));
}
