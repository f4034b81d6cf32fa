//! Telegram's limits, as its FAQ has them: 30 messages a second in all, one a
//! second in a chat, 20 a minute in a group. Who is told to wait is expected to.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Requests of all chats in a second.
const ALL_PER_SECOND: usize = 30;
/// Requests of one chat in a second.
const CHAT_PER_SECOND: usize = 1;
/// Requests of one group in a minute.
const GROUP_PER_MINUTE: usize = 20;

/// What two requests may come closer together than they were sent, on a busy
/// machine.
const JITTER: Duration = Duration::from_millis(30);

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The requests of the last minute.
#[derive(Default)]
pub(crate) struct Meter {
    all: VecDeque<Instant>,
    chats: HashMap<i64, VecDeque<Instant>>,
    /// Until when the bot was told to leave a chat alone.
    pauses: HashMap<i64, Instant>,
    pub(crate) passed: Vec<String>,
}

impl Meter {
    /// The bot is told to leave a chat alone for so many seconds.
    pub(crate) fn pause(&mut self, chat: i64, seconds: u32, now: Instant) {
        let until = now + Duration::from_secs(u64::from(seconds));
        self.pauses.insert(chat, until);
    }

    /// A request about a chat came, perhaps of a bot that does not wait.
    pub(crate) fn asked(&mut self, chat: i64, method: &str, now: Instant) {
        let until = self.pauses.get(&chat);
        if until.is_some_and(|&until| now + JITTER < until) {
            let broken = format!("{method}: before the pause of chat {chat} was over");
            self.passed.push(broken);
        }
    }

    /// Counts a request to a chat. The seconds to wait when it is refused.
    pub(crate) fn count(&mut self, chat: i64, method: &str, now: Instant) -> Option<u32> {
        let requests = self.chats.entry(chat).or_default();
        let mut over = Vec::new();
        if within(&self.all, SECOND, now) >= ALL_PER_SECOND {
            over.push(format!("{ALL_PER_SECOND} a second in all"));
        }
        if within(requests, SECOND, now) >= CHAT_PER_SECOND {
            over.push(format!("{CHAT_PER_SECOND} a second in chat {chat}"));
        }
        let mut wait = 1;
        if chat < 0 && within(requests, MINUTE, now) >= GROUP_PER_MINUTE {
            over.push(format!("{GROUP_PER_MINUTE} a minute in group {chat}"));
            wait = 10;
        }
        let is_over = !over.is_empty();
        let passed = over
            .into_iter()
            .map(|limit| format!("{method}: more than {limit}"));
        self.passed.extend(passed);
        if is_over {
            self.pause(chat, wait, now);
            return Some(wait);
        }
        for requests in [&mut self.all, requests] {
            requests.push_back(now);
            while requests.front().is_some_and(|&then| now - then > MINUTE) {
                requests.pop_front();
            }
        }
        None
    }
}

fn within(requests: &VecDeque<Instant>, window: Duration, now: Instant) -> usize {
    let window = window - JITTER;
    let newest = requests.iter().rev();
    newest
        .take_while(|&&then| now.duration_since(then) < window)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_a_limit_is_written_down_and_refused() {
        let mut meter = Meter::default();
        let begin = Instant::now();
        assert_eq!(meter.count(1, "sendMessage", begin), None);
        assert_eq!(meter.count(1, "sendMessage", begin + SECOND / 2), Some(1));
        assert_eq!(meter.count(1, "sendMessage", begin + SECOND), None);
        assert_eq!(meter.passed.len(), 1);
        for n in 0..25 {
            let refused = meter.count(-5, "sendMessage", begin + SECOND * 2 * n);
            assert_eq!(refused.is_some(), n >= 20, "{n}");
        }
    }

    #[test]
    fn who_does_not_wait_is_written_down() {
        let mut meter = Meter::default();
        let begin = Instant::now();
        meter.pause(1, 2, begin);
        meter.asked(2, "sendMessage", begin + SECOND);
        meter.asked(1, "sendMessage", begin + SECOND * 2);
        assert!(meter.passed.is_empty(), "{:?}", meter.passed);
        meter.asked(1, "sendMessage", begin + SECOND);
        assert_eq!(meter.passed.len(), 1);
    }
}
