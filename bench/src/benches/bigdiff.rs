//! A scan of a 20 MB change, of many files and of one, beside `rg` looking for
//! four patterns in the same bytes. What counts is the memory: how much more
//! the scanning process holds at most than with a small change, in sizes of
//! the change.

use super::Setting;
use super::scan::{self, Scan};
use crate::measure::{Plan, Samples, mebibytes, paired};
use crate::program;
use crate::report::{Bar, Row, Unit};
use anyhow::{Context, Result, ensure};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

const BYTES: usize = 20_000_000;

/// Lines of a hunk before the change, a multiple of three. A file with one is
/// then about 10 KB, and there are 2,000 of them.
const LINES: usize = 180;

const PLAN: Plan = Plan {
    warm_up: 1,
    turns: 7,
    at_most: Duration::from_secs(120),
};

/// What the peer looks for.
const PATTERNS: &str = r"t\.Skip|\.skip\(|@pytest\.mark\.skip|assert True";

/// How the bytes of a change are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    ManyFiles,
    OneFile,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::ManyFiles => "many files",
            Self::OneFile => "one file",
        }
    }
}

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let sortie = Scan::prepare(setting).await?;
    let mut rows = of(setting, &sortie, Shape::ManyFiles).await?;
    rows.extend(of(setting, &sortie, Shape::OneFile).await?);
    Ok(rows)
}

async fn of(setting: &Setting, sortie: &Scan, shape: Shape) -> Result<Vec<Row>> {
    let (large, small) = (sortie.path("large.diff"), sortie.path("small.diff"));
    std::fs::write(&large, change(shape, BYTES))?;
    std::fs::write(&small, change(shape, 1))?;
    let size = std::fs::metadata(&large)?.len();

    let (mut peaks, mut small_peaks, mut peer_peaks) = (Vec::new(), Vec::new(), Vec::new());
    let both = paired(
        PLAN.shortened(setting.quick),
        async || {
            let baseline = scan(sortie, &small).await?;
            small_peaks.push(mebibytes(baseline.peak_bytes));
            let used = scan(sortie, &large).await?;
            peaks.push(mebibytes(used.peak_bytes));
            Ok(used.wall_ms)
        },
        async || {
            let large = large.to_string_lossy();
            let argv = ["rg", "--count", "--no-config", PATTERNS, &*large];
            let used = program::measured(&argv, scan::LIMIT).await?;
            ensure!(used.code == Some(0), "search with rg: it found nothing");
            peer_peaks.push(mebibytes(used.peak_bytes));
            Ok(used.wall_ms)
        },
    )
    .await
    .context("scan a large change (the peer is `rg`, of the package ripgrep)")?;
    let (peaks, small_peaks) = (Samples::new(peaks)?, Samples::new(small_peaks)?);
    let growth = (peaks.median() - small_peaks.median()) / mebibytes(size);
    let what = |text: &str| format!("{text}, {}", shape.name());
    let scanned = what(&format!("scan of a {} MB diff", size / 1_000_000));
    Ok(vec![
        Row::paired("bigdiff", scanned, Unit::Millis, &both, "rg, four patterns"),
        Row::alone(
            "bigdiff",
            what("most memory at once"),
            Unit::Mebibytes,
            &peaks,
        )
        .against("rg", &Samples::new(peer_peaks)?),
        Row::alone(
            "bigdiff",
            what("more than with a small diff, in diffs"),
            Unit::Mebibytes,
            &peaks,
        )
        .against("small diff", &small_peaks)
        .under(Bar {
            text: format!("< 2 × diff (is {growth:.2})"),
            met: growth < 2.0,
        }),
    ])
}

async fn scan(sortie: &Scan, diff: &Path) -> Result<program::Usage> {
    let used = program::measured(&sortie.argv([diff]), scan::LIMIT).await?;
    scan::ensure_scanned(used.code)?;
    Ok(used)
}

/// A change of at least that many bytes: hunks in the manner of four languages
/// by turns, a third of the lines changed, now and then a skipped test. One
/// file is of one language.
fn change(shape: Shape, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + (1 << 16));
    let mut number = 0;
    while text.len() < bytes {
        match shape {
            Shape::ManyFiles => {
                head(&mut text, number);
                hunk(&mut text, number, 1);
            }
            Shape::OneFile => {
                let go = 4 * number + 2;
                if number == 0 {
                    head(&mut text, go);
                }
                hunk(&mut text, go, number * 2 * LINES + 1);
            }
        }
        number += 1;
    }
    text
}

fn head(text: &mut String, number: usize) {
    let path = match number % 4 {
        0 => format!("src/orders/part_{number}.py"),
        1 => format!("tests/orders/test_part_{number}.py"),
        2 => format!("pkg/orders/part_{number}_test.go"),
        _ => format!("web/orders/part_{number}.ts"),
    };
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\n+++ b/{path}\n"
    );
}

fn hunk(text: &mut String, number: usize, start: usize) {
    let skips = number % 100 == 2;
    let _ = writeln!(
        text,
        "@@ -{start},{LINES} +{start},{new} @@",
        new = LINES + usize::from(skips),
    );
    if skips {
        text.push_str("+\tt.Skip(\"later\")\n");
    }
    for line in 0..LINES / 3 {
        let body = match number % 4 {
            0 => format!("    total_{line} = price(order_{line}, quantity={line})"),
            1 => format!("    assert total(order_{line}) == {line}"),
            2 => format!("\tif got := total(order{line}); got != {line} {{"),
            _ => format!("  const total{line} = price(order{line}, {line});"),
        };
        let _ = write!(text, " {body}\n-{body}\n+{body} \n {body}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_git::UnifiedDiff;
    use sortie_model::diff::DiffSource;

    #[test]
    fn the_changes_are_diffs() {
        for shape in [Shape::ManyFiles, Shape::OneFile] {
            let text = change(shape, 300_000);
            assert!(text.len() >= 300_000);
            let diff = UnifiedDiff::parse(text.into_bytes()).unwrap();
            let files = diff.files().len();
            assert_eq!(files > 4, shape == Shape::ManyFiles);
            assert_eq!(files == 1, shape == Shape::OneFile);
            let hunks = diff.hunks(files - 1).unwrap();
            assert_eq!(hunks.len() > 4, shape == Shape::OneFile);
            assert_eq!(hunks.last().unwrap().lines.len(), LINES / 3 * 4);
        }
    }
}
