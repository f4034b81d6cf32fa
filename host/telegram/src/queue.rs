//! What is to be sent, and in which order. Of one place things go one after the
//! other, by number: first everything but progress, then progress. Whatever is
//! about one message goes in the order it was asked for. Of one chat one
//! request is under way, and no other message goes there while nobody knows
//! whether one is there already: it would be taken for that one. What quiet hours
//! hold is stepped over. Pure: whether something may go now is asked of the
//! caller.

use sortie_model::clock::Timestamp;
use sortie_model::people::Class;
use sortie_store::{ChatHead, ChatKindOfTask};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The rank of progress that goes behind all other progress of its place.
pub(crate) const LAST: u64 = u64::MAX;

/// A chat, or a topic of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) chat: String,
    pub(crate) thread: Option<String>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) kind: ChatKindOfTask,
    /// None for an acknowledgement, which stands in no order.
    pub(crate) place: Option<Place>,
    /// The message that it is about.
    pub(crate) message: Option<u64>,
    pub(crate) class: Class,
    pub(crate) project: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) not_before: Timestamp,
    pub(crate) queued_at: Timestamp,
    /// Whether it is certain that no earlier try reached the service.
    pub(crate) unsent: bool,
    /// Its turn in its place, by number unless it had one already: what is
    /// shown and has newer contents meanwhile must not keep others from theirs.
    pub(crate) rank: u64,
}

impl From<ChatHead> for Task {
    fn from(head: ChatHead) -> Self {
        Self {
            id: head.id,
            kind: head.kind,
            place: head.place.map(|place| Place {
                chat: place.chat,
                thread: place.thread,
            }),
            message: head.number.map(|number| number.0),
            class: head.class,
            project: head.project,
            attempts: head.attempts,
            not_before: head.not_before,
            queued_at: head.queued_at,
            unsent: !head.begun,
            rank: head.id,
        }
    }
}

impl Task {
    fn is_progress_edit(&self) -> bool {
        self.kind == ChatKindOfTask::Edit && self.class == Class::Progress
    }

    /// Whether it is a message that may be in its chat already.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.kind == ChatKindOfTask::Send && !self.unsent
    }
}

/// Whether something may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// It may.
    Now,
    /// In so many milliseconds; what comes after it in its place waits too.
    In(u64),
    /// The same, but what comes after it goes ahead.
    Held(u64),
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Do this.
    Go(u64),
    /// Nothing for so many milliseconds; none for until something changes.
    Wait(Option<u64>),
}

/// What waits and what is under way.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    tasks: BTreeMap<u64, Task>,
    places: BTreeMap<Place, Lanes>,
    loose: BTreeSet<u64>,
    of_message: HashMap<u64, BTreeSet<u64>>,
    flying: BTreeSet<u64>,
    busy: HashSet<String>,
    /// Messages in doubt, by their chat.
    doubts: BTreeSet<(String, u64)>,
    newest: u64,
    /// The last rank that was given to progress that goes behind others.
    ranks: u64,
}

/// By rank, and then by number.
#[derive(Debug, Default)]
struct Lanes {
    steady: BTreeSet<(u64, u64)>,
    progress: BTreeSet<(u64, u64)>,
}

impl Queue {
    /// Takes what came, or came again with other properties. What is under way
    /// stays as it is.
    pub(crate) fn put(&mut self, mut task: Task) {
        if self.flying.contains(&task.id) {
            return;
        }
        // What this host knows of its own tries, a reading does not.
        let known = self.tasks.get(&task.id);
        let known = known.map(|known| (known.unsent, known.rank));
        task.unsent = known.map_or(task.unsent, |(unsent, _)| unsent);
        self.forget(task.id);
        self.newest = self.newest.max(task.id);
        task.rank = match task.rank {
            _ if !task.is_progress_edit() => task.id,
            LAST => {
                self.ranks = self.ranks.max(self.newest).saturating_add(1);
                self.ranks
            }
            rank => known.map_or(rank, |(_, known)| rank.max(known)),
        };
        match &task.place {
            Some(place) => {
                let lanes = self.places.entry(place.clone()).or_default();
                let lane = match task.is_progress_edit() {
                    true => &mut lanes.progress,
                    false => &mut lanes.steady,
                };
                lane.insert((task.rank, task.id));
                if task.is_in_doubt() {
                    self.doubts.insert((place.chat.clone(), task.id));
                }
            }
            None => {
                self.loose.insert(task.id);
            }
        }
        if let Some(message) = task.message {
            self.of_message.entry(message).or_default().insert(task.id);
        }
        self.tasks.insert(task.id, task);
    }

    /// Takes a whole reading of what waits: what is not in it any more goes.
    pub(crate) fn replace(&mut self, tasks: Vec<Task>) {
        let kept: HashSet<u64> = tasks.iter().map(|task| task.id).collect();
        let gone = |id: &&u64| !kept.contains(*id) && !self.flying.contains(*id);
        let gone: Vec<u64> = self.tasks.keys().filter(gone).copied().collect();
        for id in gone {
            self.forget(id);
        }
        for task in tasks {
            self.put(task);
        }
    }

    /// The highest number that was ever put in.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Task> {
        self.tasks.get(&id)
    }

    /// How many are under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// Acknowledgements first, because somebody looks at a spinning button;
    /// then what was asked for first, so that no place waits for ever.
    pub(crate) fn next(&self, when: impl Fn(&Task) -> When) -> Next {
        let mut wait: Option<u64> = None;
        let mut later = |ms: u64| wait = Some(wait.map_or(ms, |least| least.min(ms)));
        for id in self.loose.iter().filter(|id| !self.flying.contains(*id)) {
            match when(&self.tasks[id]) {
                When::Now => return Next::Go(*id),
                When::In(ms) | When::Held(ms) => later(ms),
            }
        }
        let mut first: Option<u64> = None;
        for (place, lanes) in &self.places {
            if self.busy.contains(&place.chat) {
                continue;
            }
            let doubt = self.doubt_of(&place.chat);
            if let Some(id) = self.of_place(lanes, doubt, &when, &mut later) {
                first = Some(first.map_or(id, |least| least.min(id)));
            }
        }
        first.map_or(Next::Wait(wait), Next::Go)
    }

    /// The message of a chat that is to be settled before any other goes there.
    fn doubt_of(&self, chat: &str) -> Option<u64> {
        let from = (chat.to_owned(), 0);
        let (of, id) = self.doubts.range(from..).next()?;
        (of == chat).then_some(*id)
    }

    /// What may go of one place, in whose chat that message is in doubt.
    fn of_place(
        &self,
        lanes: &Lanes,
        doubt: Option<u64>,
        when: impl Fn(&Task) -> When,
        mut later: impl FnMut(u64),
    ) -> Option<u64> {
        for lane in [&lanes.steady, &lanes.progress] {
            for (_, id) in lane {
                // Something older about the same message goes before it. It may
                // be under way to the chat by its former name.
                let oldest = self.oldest_of_message(*id);
                if self.flying.contains(&oldest) {
                    return None;
                }
                let task = &self.tasks[&oldest];
                let is_message = task.kind == ChatKindOfTask::Send;
                if is_message && doubt.is_some_and(|doubt| doubt != oldest) {
                    continue;
                }
                match when(task) {
                    When::Now => return Some(oldest),
                    When::Held(ms) => later(ms),
                    When::In(ms) => {
                        later(ms);
                        return None;
                    }
                }
            }
        }
        None
    }

    fn oldest_of_message(&self, id: u64) -> u64 {
        let message = self.tasks[&id].message;
        let others = message.and_then(|message| self.of_message.get(&message));
        others.and_then(|ids| ids.first().copied()).unwrap_or(id)
    }

    /// It goes.
    pub(crate) fn begin(&mut self, id: u64) {
        if let Some(task) = self.tasks.get(&id) {
            self.flying.insert(id);
            self.busy
                .extend(task.place.as_ref().map(|place| place.chat.clone()));
        }
    }

    /// It is over: done, parked or gone, or to be tried again with those
    /// properties.
    pub(crate) fn end(&mut self, id: u64, again: Option<Task>) {
        self.flying.remove(&id);
        if let Some(place) = self.tasks.get(&id).and_then(|task| task.place.clone()) {
            self.busy.remove(&place.chat);
        }
        self.forget(id);
        if let Some(task) = again {
            self.put(task);
        }
    }

    fn forget(&mut self, id: u64) {
        let Some(task) = self.tasks.remove(&id) else {
            return;
        };
        self.loose.remove(&id);
        if let Some(place) = task.place
            && let Some(lanes) = self.places.get_mut(&place)
        {
            self.doubts.remove(&(place.chat.clone(), id));
            lanes.steady.remove(&(task.rank, id));
            lanes.progress.remove(&(task.rank, id));
            if lanes.steady.is_empty() && lanes.progress.is_empty() {
                self.places.remove(&place);
            }
        }
        if let Some(message) = task.message
            && let Some(ids) = self.of_message.get_mut(&message)
        {
            ids.remove(&id);
            if ids.is_empty() {
                self.of_message.remove(&message);
            }
        }
    }
}

#[cfg(test)]
mod tests;
