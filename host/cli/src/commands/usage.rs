//! `sortie usage`.

use crate::cli::job_number;
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::SpendingList;
use sortie_model::clock::{Clock, SystemClock};
use sortie_store::UsageBy;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Show where the money for models went
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is added up
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    by: By,
    /// Only calls from then on: a number of hours or days, such as 24h or 7d,
    /// or a date such as 2026-01-02 (UTC)
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Since>,
    /// Only calls of this job
    #[arg(long, value_name = "JOB", value_parser = job_number)]
    job: Option<u64>,
    /// Only calls of this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
}

/// What sums are by, as the command line says it.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum By {
    /// Each job, the newest first
    #[default]
    Job,
    /// Each project, the dearest first
    Project,
    /// Each model, the dearest first
    Model,
    /// Each day in UTC, the newest first
    Day,
    /// Each step of a run, the newest run first
    Step,
}

impl From<By> for UsageBy {
    fn from(by: By) -> Self {
        match by {
            By::Job => Self::Job,
            By::Project => Self::Project,
            By::Model => Self::Model,
            By::Day => Self::Day,
            By::Step => Self::Step,
        }
    }
}

/// From when on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// So many hours ago.
    Hours(u32),
    /// As the API takes it.
    Moment(String),
}

fn since(text: &str) -> Result<Since, String> {
    let number = |digits: &str| {
        digits
            .parse::<u32>()
            .ok()
            .filter(|n| (1..=36_500).contains(n))
    };
    if let Some(hours) = text.strip_suffix('h').and_then(number) {
        return Ok(Since::Hours(hours));
    }
    if let Some(days) = text.strip_suffix('d').and_then(number) {
        return Ok(Since::Hours(days * 24));
    }
    match text.as_bytes() {
        [a, b, c, d, b'-', ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) => {
            Ok(Since::Moment(text.to_owned()))
        }
        _ => Err("write it as 24h, 7d or 2026-01-02".to_owned()),
    }
}

impl Since {
    fn text(&self) -> String {
        match self {
            Self::Moment(text) => text.clone(),
            Self::Hours(hours) => {
                let ms = SystemClock.now().0 - i64::from(*hours) * 3_600_000;
                OffsetDateTime::from_unix_timestamp(ms / 1_000)
                    .ok()
                    .and_then(|moment| moment.format(&Rfc3339).ok())
                    .unwrap_or_default()
            }
        }
    }
}

/// Shows the sums.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let mut query = vec![
        ("by", UsageBy::from(args.by).as_str().to_owned()),
        ("limit", args.limit.to_string()),
    ];
    query.extend(args.since.map(|since| ("since", since.text())));
    query.extend(args.job.map(|job| ("job", job.to_string())));
    query.extend(args.project.map(|project| ("project", project)));
    let list: SpendingList = client.get_with("/v1/usage", &query).await?;
    if out.is_json() {
        out.json(&list)?;
    } else if list.sums.is_empty() {
        out.line("no model was asked")?;
    } else {
        out.line(render::spending(&list))?;
        if list.sums.len() == args.limit as usize {
            out.progress("there may be more: --limit");
        }
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn sums_are_called_here_what_they_are_called_everywhere() {
        let here = By::value_variants().iter().map(|by| {
            let value = by.to_possible_value().expect("it is shown");
            (value.get_name().to_owned(), UsageBy::from(*by))
        });
        let everywhere = UsageBy::ALL.map(|by| (by.as_str().to_owned(), by));
        assert_eq!(here.collect::<Vec<_>>(), everywhere);
    }

    #[test]
    fn a_stretch_of_time_is_short_to_write() {
        assert_eq!(since("24h"), Ok(Since::Hours(24)));
        assert_eq!(since("7d"), Ok(Since::Hours(168)));
        assert_eq!(since("2026-01-02"), Ok(Since::Moment("2026-01-02".into())));
        for text in ["", "7", "0d", "d", "-1d", "99999999d", "soon"] {
            assert!(since(text).is_err(), "{text}");
        }
        assert!(Since::Hours(1).text().ends_with('Z'));
    }
}
