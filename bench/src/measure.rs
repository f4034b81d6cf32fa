//! Taking samples: ours and a peer's by turns, after a warm-up, within a
//! bound of time, so that whatever else the machine does hits both alike.
//!
//! A closure measures itself and returns what it measured: what it has to set
//! up and put away around that does not count.

use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// How samples are taken.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Turns of each side that are not counted.
    pub warm_up: u32,
    /// Turns of each side that are counted.
    pub turns: u32,
    /// No turn begins after this; what was sampled until then counts.
    pub at_most: Duration,
}

impl Plan {
    /// A tenth of the turns, for a quick look.
    #[must_use]
    pub fn shortened(self, quick: bool) -> Self {
        if !quick {
            return self;
        }
        Self {
            warm_up: self.warm_up.div_ceil(10),
            turns: self.turns.div_ceil(10),
            ..self
        }
    }
}

/// Samples in ascending order, never empty.
#[derive(Clone, Debug)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Orders what was measured.
    ///
    /// # Errors
    /// When nothing was measured, or something that is no number.
    pub fn new(mut values: Vec<f64>) -> Result<Self> {
        ensure!(!values.is_empty(), "measure: not one sample was taken");
        ensure!(
            values.iter().all(|value| value.is_finite()),
            "measure: a sample is not a number"
        );
        values.sort_by(f64::total_cmp);
        Ok(Self(values))
    }

    /// The smallest sample that `percent` of all do not exceed (nearest rank).
    pub fn percentile(&self, percent: u8) -> f64 {
        let rank = (self.0.len() * usize::from(percent.min(100))).div_ceil(100);
        self.0[rank.saturating_sub(1)]
    }

    /// The middle.
    pub fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// What one turn measured: a sample, or several where one is so short that the
/// other side's traces in the caches would be what is measured.
#[derive(Clone, Debug)]
pub struct Turn(Vec<f64>);

impl From<f64> for Turn {
    fn from(sample: f64) -> Self {
        Self(vec![sample])
    }
}

impl From<Vec<f64>> for Turn {
    fn from(samples: Vec<f64>) -> Self {
        Self(samples)
    }
}

/// What two sides measured.
#[derive(Clone, Debug)]
pub struct Paired {
    /// Ours.
    pub ours: Samples,
    /// The peer's.
    pub peer: Samples,
}

impl Paired {
    /// Our median in peer medians.
    pub fn ratio(&self) -> f64 {
        self.ours.median() / self.peer.median()
    }
}

/// Samples two sides by turns; who begins changes with every turn.
///
/// # Errors
/// The first error of either side.
pub async fn paired<T: Into<Turn>, U: Into<Turn>>(
    plan: Plan,
    mut ours: impl AsyncFnMut() -> Result<T>,
    mut peer: impl AsyncFnMut() -> Result<U>,
) -> Result<Paired> {
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for turn in 0..plan.warm_up.saturating_add(plan.turns) {
        if begun.elapsed() > plan.at_most {
            break;
        }
        let counts = turn >= plan.warm_up;
        for our_turn in [turn % 2 == 0, turn % 2 != 0] {
            let (taken, samples) = if our_turn {
                (ours().await?.into(), &mut mine)
            } else {
                (peer().await?.into(), &mut theirs)
            };
            if counts {
                samples.extend(taken.0);
            }
        }
    }
    Ok(Paired {
        ours: Samples::new(mine)?,
        peer: Samples::new(theirs)?,
    })
}

/// Samples one side that has no peer.
///
/// # Errors
/// Its first error.
pub async fn alone<T: Into<Turn>>(
    plan: Plan,
    mut ours: impl AsyncFnMut() -> Result<T>,
) -> Result<Samples> {
    let mut samples = Vec::new();
    let begun = Instant::now();
    for turn in 0..plan.warm_up.saturating_add(plan.turns) {
        if begun.elapsed() > plan.at_most {
            break;
        }
        let taken = ours().await?.into();
        if turn >= plan.warm_up {
            samples.extend(taken.0);
        }
    }
    Samples::new(samples)
}

/// A duration in microseconds.
pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Bytes in KiB.
#[expect(
    clippy::cast_precision_loss,
    reason = "sizes of processes and files are far below 2^52"
)]
pub fn kibibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}

/// Bytes in MiB.
pub fn mebibytes(bytes: u64) -> f64 {
    kibibytes(bytes) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan {
        warm_up: 1,
        turns: 4,
        at_most: Duration::from_secs(60),
    };

    #[test]
    fn percentiles_are_samples() {
        let samples = Samples::new((1..=200).rev().map(f64::from).collect()).unwrap();
        assert_eq!(samples.median(), 100.0);
        assert_eq!(samples.percentile(99), 198.0);
        assert_eq!(samples.percentile(100), 200.0);
        assert_eq!(samples.percentile(0), 1.0);
        assert_eq!(Samples::new(vec![3.0]).unwrap().percentile(99), 3.0);
    }

    #[test]
    fn nothing_and_nonsense_are_no_samples() {
        assert!(Samples::new(Vec::new()).is_err());
        assert!(Samples::new(vec![1.0, f64::NAN]).is_err());
    }

    #[tokio::test]
    async fn sides_take_turns_and_the_warm_up_does_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let note = |side: char| order.borrow_mut().push(side);
        let both = paired(
            PLAN,
            async || {
                note('o');
                Ok(vec![2.0, 2.0])
            },
            async || {
                note('p');
                Ok(4.0)
            },
        )
        .await
        .unwrap();
        assert_eq!(order.into_inner(), "oppooppoop");
        assert_eq!((both.ours.count(), both.peer.count()), (8, 4));
        assert_eq!(both.ratio(), 0.5);
    }

    #[tokio::test]
    async fn time_is_bounded() {
        let none = Plan {
            at_most: Duration::ZERO,
            ..PLAN
        };
        // The clock has moved on before the first turn, or the second at most.
        let taken = alone(Plan { warm_up: 0, ..none }, async || Ok(1.0)).await;
        assert!(taken.map_or(0, |samples| samples.count()) <= 2);
    }
}
