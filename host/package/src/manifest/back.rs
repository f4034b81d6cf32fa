//! What is left of a grant when a version is taken back. Decides nothing about
//! what was asked for; [`super::beyond`] does.

use std::collections::BTreeMap;

use super::requests::{Grant, Requests};

impl Grant {
    /// This grant without what `newer` alone asks for, for `older`, which takes
    /// its place again: whoever brings that version, or another that wants the
    /// same, is asked anew. What an operator granted in words of their own
    /// stays, and so does all that `older` needs and had.
    #[must_use]
    pub fn back_to(self, older: &Requests, newer: &Requests) -> Self {
        let had_all = older.beyond(&self).is_empty();
        let limits = match had_all && self.limits == newer.limits {
            true => older.limits,
            false => self.limits,
        };
        let mut kept = self;
        kept.sources.retain(only(&newer.sources, &older.sources));
        kept.egress.retain(only(&newer.egress, &older.egress));
        kept.notify
            .kinds
            .retain(only(&newer.notify.kinds, &older.notify.kinds));
        kept.jobs.allow.retain(|action| {
            older.jobs.allow.contains(action) || !newer.jobs.allow.contains(action)
        });
        kept.chat.sources.retain(|source| {
            older.chat.sources.contains(source) || !newer.chat.sources.contains(source)
        });
        kept.directories.retain_mut(|own| {
            let mode = |asked: &Requests| {
                let mut asked = asked.directories.iter();
                asked.find(|asked| asked.name == own.name).map(|d| d.mode)
            };
            match (mode(older), mode(newer)) {
                (None, Some(_)) => return false,
                (Some(older), Some(newer)) if own.mode == newer => own.mode = older.min(newer),
                _ => {}
            }
            true
        });
        if had_all {
            kept = kept.with(older, &BTreeMap::new());
        }
        Self { limits, ..kept }
    }
}

/// Whether something is to be kept: `older` asks for it, or `newer` does not.
fn only<'a, T: PartialEq>(newer: &'a [T], older: &'a [T]) -> impl Fn(&T) -> bool + 'a {
    |own| older.contains(own) || !newer.contains(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Manifest;
    use std::path::PathBuf;

    fn asking(more: &str) -> Requests {
        let text = format!(
            "name = \"p\"\nversion = \"1.0.0\"\nsurfaces = [\"connector\", \"notifier\"]\n{more}"
        );
        Manifest::from_toml(&text).unwrap().requests()
    }

    fn rule(host: &str, methods: &str) -> String {
        format!("[[egress]]\nhost = \"{host}\"\nmethods = [{methods}]\n")
    }

    fn hook(body_bytes: u64) -> String {
        format!(
            "[[sources]]\nkind = \"http\"\nname = \"in\"\nmax_body_bytes = {body_bytes}\nverify = {{ scheme = \"none\" }}\n"
        )
    }

    const DIRECTORY: &str = "[[directories]]\nname = \"rules\"\n";
    const WRITES: &str = "[[directories]]\nname = \"rules\"\nmode = \"read-write\"\n";

    fn all(requests: &Requests) -> Grant {
        let paths = [("rules".to_owned(), PathBuf::from("/srv/rules"))];
        Grant::of(requests, &BTreeMap::from(paths))
    }

    #[test]
    fn what_only_the_newer_version_asks_for_goes_with_it() {
        let older = asking(&format!(
            "jobs.allow = [\"read\"]\nnotify.kinds = [\"job.*\"]\nlimits.cpu_ms = 50\n{}{}{DIRECTORY}",
            hook(2048),
            rule("a.example", "\"GET\"")
        ));
        let newer = asking(&format!(
            "jobs.allow = [\"read\", \"submit\"]\nnotify.kinds = [\"job.*\", \"agent.*\"]\n\
             chat.sources = [\"telegram\"]\nlimits.cpu_ms = 90\n{}{}{}{WRITES}",
            hook(4096),
            rule("a.example", "\"GET\", \"POST\""),
            rule("b.example", "\"GET\"")
        ));
        let before = all(&older);
        let upgraded = before.clone().with(&newer, &BTreeMap::new());
        assert!(newer.beyond(&upgraded).is_empty());
        assert_eq!(upgraded.clone().back_to(&older, &newer), before);
        // Whoever was granted the newer one alone gets what the older one needs.
        assert_eq!(all(&newer).back_to(&older, &newer), before);
    }

    #[test]
    fn an_operators_own_words_stay() {
        let older = asking(&rule("a.example", "\"GET\""));
        let newer = asking(&rule("b.example", "\"GET\""));
        let own = asking(&format!(
            "limits.cpu_ms = 70\n{}",
            rule("c.example", "\"PUT\"")
        ));
        let mut granted = all(&older).with(&newer, &BTreeMap::new());
        granted.egress.extend(own.egress.clone());
        granted.limits = own.limits;
        let back = granted.back_to(&older, &newer);
        assert_eq!(back.egress, [older.egress, own.egress].concat());
        assert_eq!(back.limits, own.limits);
    }

    #[test]
    fn nothing_is_granted_that_was_not() {
        let older = asking(&rule("a.example", "\"GET\", \"POST\""));
        let newer = asking(&rule("a.example", "\"GET\""));
        let back = all(&newer).back_to(&older, &newer);
        assert_eq!(back.egress, []);
        let (fast, slow) = (asking(""), asking("limits.cpu_ms = 90\n"));
        assert_eq!(all(&fast).back_to(&slow, &fast), all(&fast));
    }
}
