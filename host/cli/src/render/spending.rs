//! Where the money went, as a table.

use super::jobs::table;
use super::plain;
use sortie_api::view::{SpendingList, SpendingView};
use sortie_model::budget::MicroUsd;

/// The sums, with a last row for all of them.
pub fn spending(list: &SpendingList) -> String {
    let by_step = list.by == "step";
    let mut names: Vec<&str> = match list.by.as_str() {
        "job" => vec!["JOB", "PROJECT"],
        "project" => vec!["PROJECT"],
        "model" => vec!["PROVIDER", "MODEL"],
        "day" => vec!["DAY"],
        _ => vec!["JOB", "RUN", "STEP"],
    };
    let keys = names.len();
    names.extend(["CALLS", "READ", "CACHED", "WROTE", "COST", "RESERVED"]);
    let mut table = table(&names);
    let mut all = SpendingView::default();
    for sum in &list.sums {
        let job = sum.job.map_or_else(|| "-".into(), |job| format!("#{job}"));
        let text = |text: &Option<String>| plain(text.as_deref().unwrap_or("-")).into_owned();
        let mut row = match list.by.as_str() {
            "job" => vec![job, text(&sum.project)],
            "project" => vec![text(&sum.project)],
            "model" => vec![text(&sum.provider), text(&sum.model)],
            "day" => vec![text(&sum.day)],
            _ => vec![
                job,
                sum.run.map_or_else(|| "-".into(), |run| run.to_string()),
                text(&sum.step),
            ],
        };
        row.extend(figures(sum));
        table.add_row(row);
        all.calls += sum.calls;
        all.input_tokens += sum.input_tokens;
        all.cache_read_tokens += sum.cache_read_tokens;
        all.cache_write_tokens += sum.cache_write_tokens;
        all.output_tokens += sum.output_tokens;
        all.cost_micro_usd += sum.cost_micro_usd;
        all.reserved_micro_usd += sum.reserved_micro_usd;
    }
    if list.sums.len() > 1 && !by_step {
        let mut row = vec![String::new(); keys];
        row[0] = "all".into();
        row.extend(figures(&all));
        table.add_row(row);
    }
    table.trim_fmt()
}

fn figures(sum: &SpendingView) -> [String; 6] {
    let money = |micro: u64| match micro {
        0 => "-".to_owned(),
        micro => MicroUsd(micro).to_string(),
    };
    [
        sum.calls.to_string(),
        (sum.input_tokens + sum.cache_write_tokens).to_string(),
        sum.cache_read_tokens.to_string(),
        sum.output_tokens.to_string(),
        money(sum.cost_micro_usd),
        money(sum.reserved_micro_usd),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_a_last_row() {
        let sum = |model: &str, cost_micro_usd| SpendingView {
            provider: Some("main".into()),
            model: Some(model.into()),
            calls: 2,
            input_tokens: 10,
            cost_micro_usd,
            ..SpendingView::default()
        };
        let list = SpendingList {
            by: "model".into(),
            sums: vec![sum("a", 1_500_000), sum("b\u{1b}", 0)],
        };
        let text = spending(&list);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[1], ["main", "a", "2", "10", "0", "0", "$1.50", "-"]);
        assert_eq!(lines[2][1], "b\u{fffd}");
        assert_eq!(lines[3], ["all", "4", "20", "0", "0", "$1.50", "-"]);
    }
}
