//! What was measured, as a table for people and as JSON for programs.
//!
//! A row says what it measured, of whom, and which bars hold it. It judges
//! nothing by itself: a missed bar is shown, and fails the program only when
//! that was asked for.

use crate::machine::Machine;
use crate::measure::{Paired, Samples};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
use std::fmt;

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Microseconds.
    #[serde(rename = "us")]
    Micros,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// Events in a second.
    #[serde(rename = "per_second")]
    PerSecond,
    /// Things.
    #[serde(rename = "count")]
    Count,
    /// Kibibytes.
    #[serde(rename = "kib")]
    Kibibytes,
    /// Mebibytes.
    #[serde(rename = "mib")]
    Mebibytes,
    /// Hundredths of a whole.
    #[serde(rename = "percent")]
    Percent,
}

impl Unit {
    fn show(self, value: f64) -> String {
        let digits = match value.abs() {
            _ if self == Self::Percent => 1,
            _ if self == Self::Count => 0,
            v if v >= 100.0 => 0,
            v if v >= 10.0 => 1,
            _ => 2,
        };
        let name = match self {
            Self::Micros => " µs",
            Self::Millis => " ms",
            Self::PerSecond => "/s",
            Self::Count => "",
            Self::Kibibytes => " KiB",
            Self::Mebibytes => " MiB",
            Self::Percent => " %",
        };
        format!("{value:.digits$}{name}")
    }
}

/// A figure: the middle of its samples, and the tail where there is one.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figure {
    /// The middle.
    pub p50: f64,
    /// The tail; none for what has too few samples to have one.
    pub p99: Option<f64>,
    /// How many samples.
    pub n: usize,
}

impl Figure {
    /// Something that was counted once.
    pub fn once(value: f64) -> Self {
        Self {
            p50: value,
            p99: None,
            n: 1,
        }
    }
}

impl From<&Samples> for Figure {
    fn from(samples: &Samples) -> Self {
        Self {
            p50: samples.median(),
            p99: (samples.count() > 1).then(|| samples.percentile(99)),
            n: samples.count(),
        }
    }
}

/// A promise, and whether it was kept.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    /// In words, such as `≤ 60 µs`.
    pub text: String,
    /// Whether the figure keeps it.
    pub met: bool,
}

impl Bar {
    /// At most `limit` of a unit.
    pub fn at_most(value: f64, limit: f64, unit: Unit) -> Self {
        Self {
            text: format!(
                "≤ {}",
                unit.show(limit).replace(".00", "").replace(".0", "")
            ),
            met: value <= limit,
        }
    }

    /// At least `limit` of a unit.
    pub fn at_least(value: f64, limit: f64, unit: Unit) -> Self {
        Self {
            text: format!(
                "≥ {}",
                unit.show(limit).replace(".00", "").replace(".0", "")
            ),
            met: value >= limit,
        }
    }

    /// At most `limit` times the peer.
    pub fn ratio_at_most(ratio: f64, limit: f64) -> Self {
        Self {
            text: format!("≤ {limit}×"),
            met: ratio <= limit,
        }
    }

    /// At least `limit` times the peer.
    pub fn ratio_at_least(ratio: f64, limit: f64) -> Self {
        Self {
            text: format!("≥ {limit}×"),
            met: ratio >= limit,
        }
    }
}

/// A peer and its figure.
#[derive(Clone, Debug, Serialize)]
pub struct Peer {
    /// Who.
    pub name: String,
    /// The figure.
    pub figure: Figure,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The benchmark's name.
    pub benchmark: &'static str,
    /// What was measured.
    pub what: String,
    /// What the figures are counted in.
    pub unit: Unit,
    /// Ours.
    pub ours: Figure,
    /// The peer's, when there is one.
    pub peer: Option<Peer>,
    /// Our figure in peer figures.
    pub ratio: Option<f64>,
    /// What was promised.
    pub bars: Vec<Bar>,
}

impl Row {
    /// A line about both sides of one measurement.
    pub fn paired(
        benchmark: &'static str,
        what: impl Into<String>,
        unit: Unit,
        both: &Paired,
        peer: impl Into<String>,
    ) -> Self {
        Self {
            benchmark,
            what: what.into(),
            unit,
            ours: (&both.ours).into(),
            ratio: Some(both.ratio()),
            peer: Some(Peer {
                name: peer.into(),
                figure: (&both.peer).into(),
            }),
            bars: Vec::new(),
        }
    }

    /// A line about ours alone.
    pub fn alone(
        benchmark: &'static str,
        what: impl Into<String>,
        unit: Unit,
        ours: impl Into<Figure>,
    ) -> Self {
        Self {
            benchmark,
            what: what.into(),
            unit,
            ours: ours.into(),
            peer: None,
            ratio: None,
            bars: Vec::new(),
        }
    }

    /// The same against another's figure.
    #[must_use]
    pub fn against(mut self, name: impl Into<String>, figure: impl Into<Figure>) -> Self {
        let figure = figure.into();
        self.ratio = Some(self.ours.p50 / figure.p50).filter(|ratio| ratio.is_finite());
        self.peer = Some(Peer {
            name: name.into(),
            figure,
        });
        self
    }

    /// The same under a bar.
    #[must_use]
    pub fn under(mut self, bar: Bar) -> Self {
        self.bars.push(bar);
        self
    }
}

/// Everything that was measured, and what could not be.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// The figures.
    pub rows: Vec<Row>,
    /// Benchmarks that did not come to an end, with the reason.
    pub failures: Vec<Failure>,
}

/// A benchmark that failed.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// Its name.
    pub benchmark: &'static str,
    /// Why, and what to do.
    pub reason: String,
}

impl Report {
    /// How many bars were missed.
    pub fn missed(&self) -> usize {
        let bars = self.rows.iter().flat_map(|row| &row.bars);
        bars.filter(|bar| !bar.met).count()
    }

    /// The rows as a table; as Markdown for a document.
    pub fn table(&self, markdown: bool) -> Table {
        let mut table = Table::new();
        if markdown {
            table
                .load_preset(presets::ASCII_MARKDOWN)
                .set_content_arrangement(ContentArrangement::Disabled);
        } else {
            table
                .load_preset(presets::UTF8_FULL_CONDENSED)
                .set_content_arrangement(ContentArrangement::Dynamic);
        }
        table.set_header([
            "benchmark",
            "measured",
            "p50",
            "p99",
            "n",
            "peer",
            "p50",
            "p99",
            "n",
            "ratio",
            "bar",
            "met",
        ]);
        for column in [2, 3, 4, 6, 7, 8, 9] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for row in &self.rows {
            table.add_row(cells(row));
        }
        table
    }
}

fn cells(row: &Row) -> Vec<String> {
    let mut cells = vec![row.benchmark.to_owned(), row.what.clone()];
    cells.extend(figure(row.unit, &row.ours));
    match &row.peer {
        Some(peer) => {
            cells.push(peer.name.clone());
            cells.extend(figure(row.unit, &peer.figure));
        }
        None => cells.extend(["", "", "", ""].map(str::to_owned)),
    }
    cells.push(row.ratio.map_or_else(String::new, |r| format!("{r:.2}×")));
    let bars: Vec<_> = row.bars.iter().map(|bar| bar.text.as_str()).collect();
    cells.push(bars.join(", "));
    let met: Vec<_> = row
        .bars
        .iter()
        .map(|bar| if bar.met { "yes" } else { "NO" })
        .collect();
    cells.push(met.join(", "));
    cells
}

fn figure(unit: Unit, figure: &Figure) -> [String; 3] {
    [
        unit.show(figure.p50),
        figure.p99.map_or_else(String::new, |v| unit.show(v)),
        figure.n.to_string(),
    ]
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\n{}", self.machine, self.table(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        assert_eq!(Unit::Micros.show(41.234), "41.2 µs");
        assert_eq!(Unit::Millis.show(0.5), "0.50 ms");
        assert_eq!(Unit::PerSecond.show(51_234.5), "51234/s");
        assert_eq!(Unit::Percent.show(100.0), "100.0 %");
    }

    #[test]
    fn bars_say_whether_they_hold() {
        let bar = Bar::at_most(61.0, 60.0, Unit::Micros);
        assert_eq!((bar.text.as_str(), bar.met), ("≤ 60 µs", false));
        assert!(Bar::ratio_at_least(8.0, 8.0).met);
        assert!(!Bar::ratio_at_most(2.1, 2.0).met);
        assert_eq!(Bar::at_most(1.0, 3.0, Unit::Percent).text, "≤ 3 %");
    }
}
