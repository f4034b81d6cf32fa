//! When the next request may go. Telegram's documented limits as rolling
//! windows: all messages, those of a chat, those of a group in a minute, and
//! edits of one message. Pure: it is told the time, in milliseconds of any
//! monotonic clock, and never sleeps.

use std::collections::{HashMap, VecDeque};

/// What a window is longer by, because requests do not all take equally long.
const MARGIN_MS: u64 = 50;
/// Messages of all chats together in a second.
const ALL: Window = Window::new(30, 1_000);
/// Messages of one chat in a second.
const CHAT: Window = Window::new(1, 1_000);
/// Messages of one group in a minute.
const GROUP: Window = Window::new(20, 60_000);
/// Pause between two edits of one message: nobody reads faster.
const EDIT_EVERY_MS: u64 = 2_000;
/// What is added to the pause that Telegram asks for.
const FREEZE_MORE_MS: u64 = 1_000;
/// How many chats and messages are kept before old ones are put away.
const TIDY_AT: usize = 10_000;

/// What is to be sent, as far as limits care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The chat whose limits it counts for; none for what counts for all alone.
    pub(crate) chat: Option<i64>,
    /// The message that it edits.
    pub(crate) edits: Option<i64>,
}

impl Shape {
    /// An acknowledgement, a removal or a probe.
    pub(crate) const LOOSE: Self = Self {
        chat: None,
        edits: None,
    };
}

/// The state of all limits.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    all: Past,
    chats: HashMap<i64, Chat>,
    edits: HashMap<(i64, i64), u64>,
    frozen_until: u64,
    /// From when on messages of chats may go.
    begins_at: u64,
}

#[derive(Debug, Default)]
struct Chat {
    second: Past,
    minute: Past,
    frozen_until: u64,
}

impl Pacer {
    /// One that begins at `now`. What a host before it sent a moment ago is not
    /// known, so no chat is written to within the second.
    pub(crate) fn new(now: u64) -> Self {
        Self {
            begins_at: now + CHAT.length_ms,
            ..Self::default()
        }
    }

    /// From when on a request may go; it may go now when that is not later.
    pub(crate) fn ready_at(&self, shape: Shape) -> u64 {
        let mut ready = self.frozen_until.max(self.all.free_at(ALL));
        let Some(id) = shape.chat else { return ready };
        ready = ready.max(self.begins_at);
        if let Some(chat) = self.chats.get(&id) {
            ready = ready.max(chat.frozen_until).max(chat.second.free_at(CHAT));
            if is_group(id) {
                ready = ready.max(chat.minute.free_at(GROUP));
            }
        }
        let edited = shape
            .edits
            .and_then(|message| self.edits.get(&(id, message)));
        ready.max(edited.map_or(0, |at| at.saturating_add(EDIT_EVERY_MS)))
    }

    /// It goes now.
    pub(crate) fn went(&mut self, shape: Shape, now: u64) {
        self.all.push(ALL, now);
        let Some(id) = shape.chat else { return };
        let chat = self.chats.entry(id).or_default();
        chat.second.push(CHAT, now);
        if is_group(id) {
            chat.minute.push(GROUP, now);
        }
        if let Some(message) = shape.edits {
            self.edits.insert((id, message), now);
        }
        self.tidy(now);
    }

    /// What went at `began` was answered. It reached Telegram by now, and perhaps
    /// no earlier: so it counts from now.
    pub(crate) fn landed(&mut self, shape: Shape, began: u64, now: u64) {
        self.all.move_up(began, now);
        let Some(id) = shape.chat else { return };
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.second.move_up(began, now);
            chat.minute.move_up(began, now);
        }
        let edited = shape
            .edits
            .and_then(|message| self.edits.get_mut(&(id, message)));
        if let Some(at) = edited {
            *at = now.max(*at);
        }
    }

    /// Telegram asked for a pause. It names no chat, so the chat that was asked
    /// for rests; when two rest at once it means all of them.
    pub(crate) fn freeze(&mut self, chat: Option<i64>, now: u64, pause_ms: u64) {
        let until = now.saturating_add(pause_ms).saturating_add(FREEZE_MORE_MS);
        let Some(id) = chat else {
            self.frozen_until = self.frozen_until.max(until);
            return;
        };
        let others = self.chats.iter().filter(|(other, _)| **other != id);
        let longest = others.map(|(_, chat)| chat.frozen_until).max();
        if let Some(longest) = longest.filter(|other| *other > now) {
            self.frozen_until = self.frozen_until.max(until).max(longest);
        }
        let chat = self.chats.entry(id).or_default();
        chat.frozen_until = chat.frozen_until.max(until);
    }

    /// Forgets what limits nothing any more.
    fn tidy(&mut self, now: u64) {
        if self.chats.len() + self.edits.len() < TIDY_AT {
            return;
        }
        self.edits
            .retain(|_, at| at.saturating_add(EDIT_EVERY_MS) > now);
        self.chats.retain(|id, chat| {
            let minute = is_group(*id) && chat.minute.newest() + GROUP.length_ms > now;
            chat.frozen_until > now || chat.second.newest() + CHAT.length_ms > now || minute
        });
    }
}

/// Groups and channels have ids below zero.
fn is_group(chat: i64) -> bool {
    chat < 0
}

#[derive(Clone, Copy, Debug)]
struct Window {
    most: usize,
    length_ms: u64,
}

impl Window {
    const fn new(most: usize, length_ms: u64) -> Self {
        Self {
            most,
            length_ms: length_ms + MARGIN_MS,
        }
    }
}

/// When the newest requests of a window went, oldest first.
#[derive(Debug, Default)]
struct Past(VecDeque<u64>);

impl Past {
    fn free_at(&self, window: Window) -> u64 {
        match self.0.len() < window.most {
            true => 0,
            false => self.0[self.0.len() - window.most] + window.length_ms,
        }
    }

    fn push(&mut self, window: Window, now: u64) {
        if self.0.len() == window.most {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// Has what went at `began` count from now; when so many went after it that
    /// it is not kept any more, the oldest of them.
    fn move_up(&mut self, began: u64, now: u64) {
        let kept = self.0.iter().position(|at| *at == began);
        if self.0.remove(kept.unwrap_or(0)).is_some() {
            let newest = self.newest();
            self.0.push_back(now.max(newest));
        }
    }

    fn newest(&self) -> u64 {
        self.0.back().copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(chat: i64) -> Shape {
        Shape {
            chat: Some(chat),
            edits: None,
        }
    }

    #[test]
    fn the_first_message_goes_at_once() {
        assert_eq!(Pacer::default().ready_at(message(1)), 0);
    }

    #[test]
    fn what_a_host_before_sent_has_its_second() {
        let pacer = Pacer::new(5);
        assert_eq!(pacer.ready_at(message(1)), 1_055);
        assert_eq!(pacer.ready_at(Shape::LOOSE), 0);
    }

    #[test]
    fn a_pause_rests_one_chat_and_two_pauses_rest_all() {
        let mut pacer = Pacer::default();
        pacer.freeze(Some(1), 10, 5_000);
        assert_eq!(pacer.ready_at(message(1)), 6_010);
        assert_eq!(pacer.ready_at(message(2)), 0);
        pacer.freeze(Some(2), 20, 1_000);
        assert_eq!(pacer.ready_at(message(3)), 6_010);
        assert_eq!(pacer.ready_at(Shape::LOOSE), 6_010);
    }

    #[test]
    fn a_pause_that_is_over_rests_nobody_else() {
        let mut pacer = Pacer::default();
        pacer.freeze(Some(1), 0, 1_000);
        pacer.freeze(Some(2), 10_000, 1_000);
        assert_eq!(pacer.ready_at(message(3)), 0);
    }

    #[test]
    fn an_edit_waits_for_the_one_before_and_for_no_other() {
        let mut pacer = Pacer::default();
        let edit = |message| Shape {
            chat: Some(7),
            edits: Some(message),
        };
        pacer.went(edit(1), 100);
        assert_eq!(pacer.ready_at(edit(1)), 2_100);
        assert_eq!(pacer.ready_at(edit(2)), 1_150);
    }

    #[test]
    fn a_request_counts_from_when_it_was_answered() {
        let mut pacer = Pacer::default();
        let edit = Shape {
            chat: Some(-7),
            edits: Some(1),
        };
        pacer.went(edit, 100);
        pacer.landed(edit, 100, 400);
        assert_eq!(pacer.ready_at(message(-7)), 1_450);
        assert_eq!(pacer.ready_at(edit), 2_400);
        assert_eq!(pacer.ready_at(message(2)), 0);
        for n in 0..30 {
            pacer.went(message(100 + n), 500);
        }
        // Thirty went later, and it is not kept any more.
        pacer.landed(Shape::LOOSE, 400, 900);
        pacer.landed(message(100), 500, 700);
        assert_eq!(pacer.ready_at(message(2)), 1_550);
        assert_eq!(pacer.ready_at(message(100)), 1_750);
    }

    #[test]
    fn old_chats_are_forgotten() {
        let mut pacer = Pacer::default();
        let mut now = 0;
        for chat in 1..=20_000 {
            now += 40;
            pacer.went(message(chat), now);
        }
        assert!(pacer.chats.len() <= TIDY_AT, "{}", pacer.chats.len());
    }

    /// How many of `times` lie in the fullest window of that length.
    fn fullest(times: &[u64], length: u64) -> usize {
        let from = |start: &u64| {
            let inside = |at: &&u64| (*start..start + length).contains(*at);
            times.iter().filter(inside).count()
        };
        times.iter().map(from).max().unwrap_or(0)
    }

    proptest! {
        /// Whatever is asked for in whatever order: no window is exceeded, and
        /// everything goes in the end.
        #[test]
        fn no_window_is_ever_exceeded(
            asked in prop::collection::vec((prop::sample::select(vec![1_i64, 2, 3, -4, -5]), prop::option::of(0_i64..3), 0_u64..400), 1..150),
        ) {
            let mut pacer = Pacer::default();
            let (mut now, mut went) = (0, Vec::new());
            for (chat, edits, later) in asked {
                let shape = Shape { chat: Some(chat), edits };
                now = pacer.ready_at(shape).max(now + later);
                prop_assert!(pacer.ready_at(shape) <= now);
                pacer.went(shape, now);
                went.push((chat, edits, now));
            }
            let all: Vec<u64> = went.iter().map(|(_, _, at)| *at).collect();
            prop_assert!(fullest(&all, 1_000) <= 30);
            for chat in [1, 2, 3, -4, -5] {
                let of: Vec<u64> = went.iter().filter(|w| w.0 == chat).map(|w| w.2).collect();
                prop_assert!(fullest(&of, 1_000) <= 1);
                prop_assert!(chat > 0 || fullest(&of, 60_000) <= 20);
                for message in 0..3 {
                    let of: Vec<u64> = went.iter().filter(|w| w.0 == chat && w.1 == Some(message)).map(|w| w.2).collect();
                    prop_assert!(fullest(&of, 2_000) <= 1);
                }
            }
        }

        /// A request that waits is never put off by what others do: with thirty
        /// a second for all, its time comes within a second of theirs.
        #[test]
        fn nobody_waits_for_ever(others in prop::collection::vec(10_i64..40, 0..120)) {
            let mut pacer = Pacer::default();
            let mut now = 0;
            for chat in others {
                now = pacer.ready_at(message(chat)).max(now);
                pacer.went(message(chat), now);
                prop_assert!(pacer.ready_at(message(1)) <= now + 1_050);
            }
        }
    }
}
