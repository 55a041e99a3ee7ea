//! A two-sided cumulative sum that remembers where it began.

use serde::{Deserialize, Serialize};

/// S⁺ = max(0, S⁺ + z − κ) and S⁻ = max(0, S⁻ − z − κ) (Page, Biometrika 41, 1954), κ the reference value: half of the
/// lasting shift that is looked for, in standard deviations. The last time at zero estimates when a change began.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Cusum {
    sides: [Side; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Side {
    sum: f64,
    /// The same without a cap.
    free: f64,
    /// The highest sum since the last zero.
    peak: f64,
    /// The first period since the last zero.
    began: u64,
    /// What was added since, in the unit of what is read, and how often.
    raw: f64,
    count: f64,
    /// It was held down, or is part of an event: its peak says nothing of healthy plants.
    is_spoilt: bool,
}

impl Cusum {
    /// One more `z`, in standard deviations; `raw` is the same in its unit. Calls `ended(peak)` for each excursion that
    /// came back to zero. Sums stay at or below `cap`.
    pub(crate) fn push(
        &mut self,
        z: f64,
        raw: f64,
        (reference, cap): (f64, f64),
        period: u64,
        mut ended: impl FnMut(f64),
    ) {
        for (side, z) in self.sides.iter_mut().zip([z, -z]) {
            if side.sum == 0.0 {
                *side = Side { began: period, ..Side::default() };
            }
            side.sum = (side.sum + z - reference).clamp(0.0, cap);
            side.free = (side.free + z - reference).max(0.0);
            side.peak = side.peak.max(side.sum);
            side.raw += raw;
            side.count += 1.0;
            if side.sum == 0.0 && side.peak > 0.0 {
                if !side.is_spoilt {
                    ended(side.peak);
                }
                side.peak = 0.0;
            }
        }
    }

    fn higher(&self) -> &Side {
        &self.sides[usize::from(self.sides[1].sum > self.sides[0].sum)]
    }

    /// Both sums, that above first.
    pub(crate) fn levels(&self) -> [f64; 2] {
        self.sides.map(|s| s.sum)
    }

    /// Both without a cap.
    pub(crate) fn free(&self) -> [f64; 2] {
        self.sides.map(|s| s.free)
    }

    /// The first period since the higher sum was last at zero.
    pub(crate) fn began(&self) -> u64 {
        self.higher().began
    }

    /// The mean of what was added since, in the unit of what is read.
    pub(crate) fn mean(&self) -> f64 {
        let side = self.higher();
        side.raw / side.count.max(1.0)
    }

    /// Peaks of excursions that have not ended.
    pub(crate) fn open(&self) -> impl Iterator<Item = f64> {
        self.sides.iter().map(|s| s.peak).filter(|p| *p > 0.0)
    }

    /// Excursions that go on now are of no healthy plant.
    pub(crate) fn spoil(&mut self) {
        self.sides.iter_mut().for_each(|s| s.is_spoilt = true);
    }

    /// Begins again at zero.
    pub(crate) fn reset(&mut self) {
        *self = Cusum::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_summed_from_where_it_began() {
        let mut sum = Cusum::default();
        let mut peaks = Vec::new();
        for t in 0..10_u64 {
            let z = if t == 2 {
                1.5
            } else if t >= 6 {
                -2.5
            } else {
                0.0
            };
            sum.push(z, 0.1 * z, (0.5, 5.0), t, |p| peaks.push(p));
        }
        assert_eq!(peaks, [1.0]);
        assert_eq!((sum.levels(), sum.free(), sum.began()), ([0.0, 5.0], [0.0, 8.0], 6));
        assert!((sum.mean() + 0.25).abs() < 1e-12);
        sum.reset();
        assert_eq!(sum.levels(), [0.0, 0.0]);
    }
}
