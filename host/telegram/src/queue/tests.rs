//! Tests of the order.

use super::*;
use proptest::prelude::*;

fn task(id: u64, chat: &str, message: u64, kind: ChatKindOfTask, class: Class) -> Task {
    Task {
        id,
        kind,
        place: Some(Place {
            chat: chat.to_owned(),
            thread: None,
        }),
        message: Some(message),
        class,
        project: None,
        attempts: 0,
        not_before: Timestamp(0),
        queued_at: Timestamp(0),
        unsent: true,
        rank: id,
    }
}

fn ack(id: u64) -> Task {
    Task {
        place: None,
        message: None,
        ..task(id, "", 0, ChatKindOfTask::Ack, Class::Reply)
    }
}

fn now(_: &Task) -> When {
    When::Now
}

/// Does everything that may be done, one at a time.
fn drain(queue: &mut Queue, when: impl Fn(&Task) -> When) -> Vec<u64> {
    let mut order = Vec::new();
    while let Next::Go(id) = queue.next(&when) {
        queue.begin(id);
        queue.end(id, None);
        order.push(id);
    }
    order
}

#[test]
fn an_answer_goes_before_progress_that_was_asked_for_earlier() {
    use ChatKindOfTask::{Edit, Send};
    let mut queue = Queue::default();
    queue.put(task(1, "a", 10, Edit, Class::Progress));
    queue.put(task(2, "a", 11, Edit, Class::Progress));
    queue.put(task(3, "a", 12, Send, Class::Reply));
    queue.put(ack(4));
    assert_eq!(drain(&mut queue, now), [4, 3, 1, 2]);
}

#[test]
fn what_is_about_one_message_keeps_its_order() {
    use ChatKindOfTask::{Edit, Remove};
    let mut queue = Queue::default();
    queue.put(task(1, "a", 10, Edit, Class::Progress));
    queue.put(task(2, "a", 10, Remove, Class::Reply));
    assert_eq!(drain(&mut queue, now), [1, 2]);
}

#[test]
fn of_one_chat_one_is_under_way_and_other_chats_go_on() {
    let mut queue = Queue::default();
    let send = |id, chat| task(id, chat, id, ChatKindOfTask::Send, Class::Reply);
    for new in [send(1, "a"), send(2, "a"), send(3, "b")] {
        queue.put(new);
    }
    queue.begin(1);
    assert_eq!(queue.next(now), Next::Go(3));
    queue.begin(3);
    assert_eq!(queue.next(now), Next::Wait(None));
    assert_eq!(queue.in_flight(), 2);
    queue.end(1, None);
    assert_eq!(queue.next(now), Next::Go(2));
}

#[test]
fn a_failed_head_holds_its_place_and_a_held_one_is_stepped_over() {
    let mut queue = Queue::default();
    queue.put(task(1, "a", 1, ChatKindOfTask::Send, Class::Result));
    queue.put(task(2, "a", 2, ChatKindOfTask::Send, Class::Reply));
    let failed = |task: &Task| {
        if task.id == 1 {
            When::In(500)
        } else {
            When::Now
        }
    };
    assert_eq!(queue.next(failed), Next::Wait(Some(500)));
    let held = |task: &Task| {
        if task.id == 1 {
            When::Held(500)
        } else {
            When::Now
        }
    };
    assert_eq!(queue.next(held), Next::Go(2));
    assert_eq!(drain(&mut queue, held), [2]);
    assert_eq!(queue.next(held), Next::Wait(Some(500)));
}

#[test]
fn what_is_to_be_tried_again_keeps_its_turn() {
    let mut queue = Queue::default();
    let send = |id| task(id, "a", id, ChatKindOfTask::Send, Class::Reply);
    queue.put(send(1));
    queue.put(send(2));
    queue.begin(1);
    queue.end(
        1,
        Some(Task {
            attempts: 1,
            ..send(1)
        }),
    );
    assert_eq!(queue.next(now), Next::Go(1));
    assert_eq!(queue.get(1).map(|task| task.attempts), Some(1));
}

#[test]
fn what_is_known_of_a_try_wins_over_a_reading() {
    let send = |unsent| Task {
        unsent,
        ..task(1, "a", 1, ChatKindOfTask::Send, Class::Reply)
    };
    for known in [true, false] {
        let mut queue = Queue::default();
        queue.put(send(!known));
        queue.begin(1);
        queue.put(send(!known));
        queue.end(1, Some(send(known)));
        queue.replace(vec![send(!known)]);
        assert_eq!(queue.get(1).map(|task| task.unsent), Some(known));
        // What was given up is what a reading says it is.
        queue.begin(1);
        queue.end(1, None);
        queue.put(send(!known));
        assert_eq!(queue.get(1).map(|task| task.unsent), Some(!known));
    }
}

#[test]
fn no_other_message_of_a_chat_goes_while_one_is_in_doubt() {
    use ChatKindOfTask::{Edit, Send};
    let mut queue = Queue::default();
    let send = |id, chat| task(id, chat, id, Send, Class::Result);
    let topic = |thread: &str| {
        Some(Place {
            chat: "a".into(),
            thread: Some(thread.into()),
        })
    };
    queue.put(send(1, "a"));
    queue.put(Task {
        place: topic("7"),
        ..send(2, "a")
    });
    let doubtful = Task {
        unsent: false,
        not_before: Timestamp(500),
        ..send(3, "a")
    };
    queue.put(doubtful.clone());
    queue.put(send(4, "a"));
    queue.put(send(5, "b"));
    queue.put(Task {
        place: topic("7"),
        ..task(6, "a", 60, Edit, Class::Reply)
    });
    let later = |task: &Task| match task.not_before {
        Timestamp(0) => When::Now,
        _ => When::In(500),
    };
    assert_eq!(drain(&mut queue, later), [5, 6]);
    assert_eq!(queue.next(later), Next::Wait(Some(500)));
    // A try that failed for certain is no doubt any more.
    queue.begin(3);
    let refused = Task {
        unsent: true,
        not_before: Timestamp(0),
        ..doubtful.clone()
    };
    queue.end(3, Some(refused));
    assert_eq!(queue.next(now), Next::Go(1));
    queue.begin(3);
    queue.end(3, Some(doubtful));
    assert_eq!(drain(&mut queue, now), [3, 1, 2, 4]);
    assert!(queue.doubts.is_empty());
}

#[test]
fn progress_that_was_overtaken_goes_behind_all_other_progress() {
    let mut queue = Queue::default();
    let edit = |id| task(id, "a", id, ChatKindOfTask::Edit, Class::Progress);
    for id in 1..=3 {
        queue.put(edit(id));
    }
    let overtaken = |id| Task {
        rank: LAST,
        ..edit(id)
    };
    for id in [1, 2, 3, 1, 2] {
        assert_eq!(queue.next(now), Next::Go(id));
        queue.begin(id);
        queue.end(id, Some(overtaken(id)));
    }
    // A reading of the same rows does not give them their old turn back.
    queue.replace((1..=3).map(edit).collect());
    assert_eq!(drain(&mut queue, now), [3, 1, 2]);
    assert!(queue.places.is_empty() && queue.tasks.is_empty());
}

#[test]
fn what_is_under_way_is_not_begun_again_for_a_chat_of_another_name() {
    let mut queue = Queue::default();
    queue.put(task(1, "old", 7, ChatKindOfTask::Send, Class::Reply));
    queue.begin(1);
    queue.put(task(2, "new", 7, ChatKindOfTask::Edit, Class::Reply));
    assert_eq!(queue.next(now), Next::Wait(None));
    queue.end(1, None);
    assert_eq!(queue.next(now), Next::Go(2));
}

#[test]
fn a_reading_replaces_all_but_what_is_under_way() {
    let mut queue = Queue::default();
    let send = |id, chat| task(id, chat, id, ChatKindOfTask::Send, Class::Reply);
    queue.put(send(1, "a"));
    queue.put(send(2, "b"));
    queue.begin(1);
    queue.replace(vec![send(3, "c")]);
    assert!(queue.get(1).is_some() && queue.get(2).is_none());
    assert_eq!(queue.newest(), 3);
    queue.end(1, None);
    assert_eq!(drain(&mut queue, now), [3]);
    assert!(queue.places.is_empty() && queue.of_message.is_empty() && queue.busy.is_empty());
}

fn any_task() -> impl Strategy<Value = (u8, u8, u8, bool)> {
    (0_u8..3, 0_u8..4, 0_u8..3, any::<bool>())
}

proptest! {
    /// Whatever is asked for: everything is done once; of one place everything
    /// but progress by number, and of one message all of it by number.
    #[test]
    fn the_order_holds(asked in prop::collection::vec(any_task(), 0..60)) {
        let mut queue = Queue::default();
        let mut all = BTreeMap::new();
        for (at, (chat, message, kind, progress)) in asked.into_iter().enumerate() {
            let id = at as u64 + 1;
            let kind = [ChatKindOfTask::Send, ChatKindOfTask::Edit, ChatKindOfTask::Remove][kind as usize];
            let class = if progress { Class::Progress } else { Class::Reply };
            let message = u64::from(chat) * 10 + u64::from(message);
            let new = task(id, &chat.to_string(), message, kind, class);
            all.insert(id, new.clone());
            queue.put(new);
        }
        let order = drain(&mut queue, now);
        let mut once = order.clone();
        once.sort_unstable();
        prop_assert_eq!(once, all.keys().copied().collect::<Vec<_>>());
        let place_of = |id: &u64| order.iter().position(|other| other == id);
        for (a, first) in &all {
            for (b, second) in all.range(a + 1..) {
                let same = first.message == second.message;
                let steady = !first.is_progress_edit() && !second.is_progress_edit();
                // Something of its message may pull a later one forward.
                let alone = |task: &Task| all.values().filter(|o| o.message == task.message).count() == 1;
                let in_order = same || (steady && first.place == second.place && alone(first) && alone(second));
                prop_assert!(!in_order || place_of(a) < place_of(b), "{} before {}", b, a);
            }
        }
    }

    /// What may not go yet never goes, and the wait that is named is the least.
    #[test]
    fn the_wait_is_the_least(waits in prop::collection::vec(1_u64..1_000, 1..20)) {
        let mut queue = Queue::default();
        for (at, _) in waits.iter().enumerate() {
            let id = at as u64;
            queue.put(task(id, &id.to_string(), id, ChatKindOfTask::Send, Class::Reply));
        }
        let when = |task: &Task| When::In(waits[task.id as usize]);
        prop_assert_eq!(queue.next(when), Next::Wait(waits.iter().min().copied()));
    }
}
