//! The question about a budget: by what ran out, and how much more of that.

use serde_json::Value;

use super::{Page, count, some, text};
use crate::{cut, md};

/// What is said in a question, in UTF-16 units.
const QUESTION_UNITS: usize = 400;

/// What the question says, and what the button for more is called.
pub(crate) struct Asked {
    /// What had run out, for when the question is over.
    pub(crate) found: String,
    pub(crate) more: String,
}

/// Asks for more of what ran out. Of something that has no measure, which a
/// budget plugin asks about, the host's own words are shown.
pub(crate) fn ask(page: &mut Page, data: &Value) -> Asked {
    let budget = &data["evidence"]["budget"];
    let what = text(budget, "exhausted");
    let amounts = (
        amount(what, &budget["limits"]),
        amount(what, &budget["raise"]),
    );
    let (Some(had), Some(more)) = amounts else {
        match text(data, "question") {
            "" => page.lines([md::line(
                "Its budget is used up. What is done is kept. Raise it?",
            )]),
            question => page.text(question, QUESTION_UNITS),
        };
        return Asked {
            found: String::new(),
            more: "Raise".into(),
        };
    };
    page.lines([
        md::line(&format!("It has used its {had}. What is done is kept.")),
        money(what, budget),
    ]);
    page.lines([md::bold(&format!("Give it {more} more?"))]);
    Asked {
        found: md::line(&format!("It had used its {had}.")),
        more: format!("{more} more"),
    }
}

/// How much there is of what ran out, such as `1 min`; none for what has no
/// measure, or where there is nothing of it.
pub(crate) fn amount(exhausted: &str, limits: &Value) -> Option<String> {
    let amount = match exhausted {
        "budget-time" => match count(limits, "time_ms") {
            0 => String::new(),
            ms => cut::time(ms),
        },
        "budget-cost" => match count(limits, "cost_micro_usd") {
            0 => String::new(),
            micro_usd => cut::money(micro_usd),
        },
        "budget-calls" => some(count(limits, "calls"), "call", "calls"),
        _ => String::new(),
    };
    (!amount.is_empty()).then_some(amount)
}

/// What it cost so far, and what more of another kind lets it cost: nobody says
/// yes to money without having read so.
fn money(what: &str, budget: &Value) -> String {
    let spent = count(&budget["usage"], "cost_micro_usd");
    let raise = count(&budget["raise"], "cost_micro_usd");
    let spent = match spent {
        0 => return String::new(),
        spent => cut::money(spent),
    };
    md::line(&match (what, raise) {
        ("budget-cost", _) | (_, 0) => format!("So far it cost {spent}."),
        (_, raise) => format!(
            "So far it cost {spent}; with more it may cost {} more.",
            cut::money(raise)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(exhausted: &str, spent: u64) -> (String, Asked) {
        let data = json!({ "question": "It wants more; raise it?", "evidence": { "budget": {
            "exhausted": exhausted,
            "raise": { "calls": 20, "cost_micro_usd": 50_000, "time_ms": 60_000 },
            "limits": { "calls": 20, "cost_micro_usd": 10_000, "time_ms": 60_000 },
            "usage": { "calls": 1, "cost_micro_usd": spent, "time_ms": 47_000 },
        } } });
        let mut page = Page::default();
        let asked = ask(&mut page, &data);
        (page.message(Vec::new(), None).text, asked)
    }

    #[test]
    fn only_what_ran_out_is_named() {
        for (exhausted, had, more) in [
            ("budget-time", "1 min", "1 min"),
            ("budget-cost", "\\$0\\.01", "\\$0\\.05"),
            ("budget-calls", "20 calls", "20 calls"),
        ] {
            let (text, _) = asked(exhausted, 0);
            let expected = format!(
                "It has used its {had}\\. What is done is kept\\.\n\n**Give it {more} more\\?**"
            );
            assert_eq!(text, expected, "{exhausted}");
        }
        let (_, asked) = asked("budget-time", 0);
        assert_eq!(
            (&*asked.found, &*asked.more),
            ("It had used its 1 min\\.", "1 min more")
        );
    }

    #[test]
    fn money_is_told_where_a_yes_lets_it_be_spent() {
        let (text, _) = asked("budget-time", 20_000);
        assert!(
            text.contains("So far it cost \\$0\\.02\\; with more it may cost \\$0\\.05 more\\."),
            "{text}"
        );
        let (text, _) = asked("budget-cost", 10_000);
        assert!(text.contains("So far it cost \\$0\\.01\\."), "{text}");
    }

    #[test]
    fn what_has_no_measure_is_asked_in_the_hosts_words() {
        let (text, asked) = asked("budget-denied", 0);
        assert_eq!(text, "It wants more\\; raise it\\?");
        assert_eq!(asked.more, "Raise");
    }
}
