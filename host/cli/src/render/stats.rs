//! What happened, as a page.

use super::jobs::table;
use super::{plain, state, title};
use crate::out::{Out, Tone};
use sortie_api::view::StatsView;
use sortie_model::budget::MicroUsd;

/// The sums, then the jobs and questions that are listed.
pub fn stats(out: &Out, stats: &StatsView) -> String {
    let tasks = &stats.tasks;
    let mut page = format!(
        "{} job{} ended in the last {} h: {} succeeded, {} failed, {} halted, {} rejected, {} cancelled{}\n",
        tasks.total,
        if tasks.total == 1 { "" } else { "s" },
        stats.hours,
        tasks.succeeded,
        tasks.failed,
        tasks.halted,
        tasks.rejected,
        tasks.cancelled,
        stats
            .success_percent
            .map_or_else(String::new, |percent| format!(" ({percent} %)")),
    );
    page.push_str(&format!(
        "{} for models, {} of it without success; {} tokens read, {} written\n",
        MicroUsd(stats.cost_micro_usd),
        MicroUsd(stats.unsuccessful_cost_micro_usd),
        stats.tokens.input,
        stats.tokens.output,
    ));
    let queue = &stats.queue;
    page.push_str(&format!(
        "now {} queued, {} running, {} waiting for a person, {} approved",
        queue.queued, queue.running, queue.waiting, queue.approved,
    ));
    if let Some(paused) = &stats.paused {
        let why = paused
            .why
            .as_ref()
            .map_or_else(String::new, |why| format!(": {}", plain(why)));
        let line = format!("\nno new run begins, says {}{why}", plain(&paused.by));
        page.push_str(&out.paint(Tone::Warn, &line));
    }
    if let Some(waiting) = stats.waiting.as_ref().filter(|lines| !lines.is_empty()) {
        let mut table = table(&["JOB", "QUESTION", "ABOUT", "ASKED"]);
        for line in waiting {
            table.add_row(vec![
                format!("#{}", line.job),
                line.approval.to_string(),
                line.about.clone(),
                title(&line.question),
            ]);
        }
        page.push_str(&format!("\n\n{}", table.trim_fmt()));
    }
    if let Some(jobs) = stats.jobs.as_ref().filter(|lines| !lines.is_empty()) {
        let mut table = table(&["JOB", "STATE", "PROJECT", "TASK", "COST"]);
        for line in jobs {
            table.add_row(vec![
                format!("#{}", line.job),
                state(out, &line.state),
                plain(&line.project).into_owned(),
                title(&line.title),
                MicroUsd(line.cost_micro_usd).to_string(),
            ]);
        }
        page.push_str(&format!("\n\n{}", table.trim_fmt()));
    }
    if let Some(more) = stats.more.filter(|more| *more > 0) {
        page.push_str(&format!("\nand {more} more"));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::Color;

    #[test]
    fn one_job_is_no_jobs() {
        let page = |total: u64| {
            let json = serde_json::json!({
                "hours": 24, "since": 0, "until": 1,
                "tasks": {
                    "total": total, "succeeded": total, "failed": 0, "halted": 0, "cancelled": 0,
                    "rejected": 0,
                },
                "tokens": { "input": 0, "output": 0 },
                "cost_micro_usd": 0, "unsuccessful_cost_micro_usd": 0,
                "queue": { "queued": 0, "running": 0, "waiting": 0, "approved": 0 },
            });
            let view = serde_json::from_value(json).expect("a view");
            stats(&Out::new(false, Color::Never), &view)
        };
        assert!(page(1).starts_with("1 job ended in the last 24 h"));
        assert!(page(2).starts_with("2 jobs ended"));
    }
}
