//! How rare a level is: the highest peaks that a healthy plant showed, and the exponential beyond them.

use serde::{Deserialize, Serialize};

/// Periods after which a part of the past is closed; two of them count. On a plant of 5 s these are four weeks.
pub(crate) const PART: f64 = 500_000.0;
/// Peaks that a tail is fitted to, at least.
const LEAST: usize = 20;
/// Rounds of the correction for peaks that were never kept because they raised an alarm.
const ROUNDS: usize = 8;
/// The rate of peaks above level 0, a period; only levels that alarm nobody lie between 0 and the lowest peak kept.
const ORDINARY: f64 = 0.25;

/// The tail of the peaks of a statistic, peaks over threshold with the threshold at the lowest of the highest peaks kept.
///
/// Peaks of the excursions of a cumulative sum are exponential far out (Siegmund, *Sequential Analysis*, 1985, chapter 8;
/// Basseville & Nikiforov 1993, section 5.2), so that their rate above level x is λ(x) = λ(u)·exp(−(x − u)/β). The scale β
/// is known from n peaks only: what is used is the predictive tail, λ(u)·(1 + (x − u)/(n·β))⁻ⁿ, the mean of the exponential
/// over the posterior of β, so that the rate is right on average and not only for the luckiest guess.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tail {
    kept: usize,
    /// The share of all peaks that is of the tail.
    share: f64,
    /// The scale believed beforehand, and as how many peaks that counts.
    scale: f64,
    believed: f64,
    /// The part before, and the part that goes on.
    parts: [Part; 2],
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Part {
    /// The highest, falling.
    peaks: Vec<f64>,
    /// How many there were, low ones too.
    seen: f64,
    /// Periods in which they were found.
    periods: f64,
}

impl Part {
    fn add(&mut self, peak: f64, kept: usize) {
        self.seen += 1.0;
        let at = self.peaks.partition_point(|p| *p > peak);
        if at < kept {
            self.peaks.insert(at, peak);
            self.peaks.truncate(kept);
        }
    }

    /// The level above which all peaks were kept.
    fn base(&self, kept: usize) -> f64 {
        if self.peaks.len() < kept { 0.0 } else { self.peaks[kept - 1] }
    }
}

/// λ(x) as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fitted {
    base: f64,
    log_rate: f64,
    scale: f64,
    count: f64,
}

impl Tail {
    /// Keeps the `kept` highest peaks; the highest `share` of all is of the tail. The scale is believed to be `scale`, as if
    /// `believed` peaks had said so.
    pub(crate) fn new(kept: usize, share: f64, (scale, believed): (f64, f64)) -> Self {
        Tail { kept, share, scale, believed, parts: Default::default() }
    }

    /// How many peaks are kept, of those that go on being gathered.
    pub(crate) fn count(&self) -> usize {
        self.parts.iter().map(|p| p.peaks.len()).sum()
    }

    /// Gathers peaks anew.
    pub(crate) fn forget(&mut self) {
        self.parts = Default::default();
    }

    /// A peak of a healthy plant.
    pub(crate) fn add(&mut self, peak: f64) {
        let kept = self.kept;
        self.parts[1].add(peak, kept);
    }

    /// Healthy time went by.
    pub(crate) fn pass(&mut self, periods: f64) {
        self.parts[1].periods += periods;
        if self.parts[1].periods > PART {
            self.parts.swap(0, 1);
            self.parts[1] = Part::default();
        }
    }

    /// The tail. Peaks above `cut` were never kept (they raised alarms): scale and rate are those of an exponential truncated
    /// there.
    pub(crate) fn fit(&self, cut: f64) -> Fitted {
        let floor = self.parts.iter().map(|p| p.base(self.kept)).fold(0.0, f64::max);
        let mut peaks: Vec<f64> =
            self.parts.iter().flat_map(|p| p.peaks.iter().copied()).filter(|p| *p > floor).collect();
        peaks.sort_by(|a, b| b.total_cmp(a));
        let seen: f64 = self.parts.iter().map(|p| p.seen).sum();
        let used = ((self.share * seen) as usize).max(LEAST).min(peaks.len());
        // The lowest of those used is where the tail begins.
        let base = if used > 1 { peaks[used - 1] } else { floor };
        let n = used.saturating_sub(1) as f64;
        let excess: f64 = peaks.iter().take(used).map(|p| p - base).sum();
        let mean = (excess + self.believed * self.scale) / (n + self.believed);
        let width = cut - base;
        let mut scale = mean;
        if width.is_finite() && width > 0.0 {
            for _ in 0..ROUNDS {
                // E[x | x < w] = β − w/(exp(w/β) − 1).
                scale = (mean + width / libm::expm1(width / scale)).min(1.5 * mean);
            }
        }
        let kept = if width > 0.0 { -libm::expm1(-width / scale) } else { 1.0 };
        let periods: f64 = self.parts.iter().map(|p| p.periods).sum();
        // Half a peak where none was found.
        let rate = (n.max(0.5) / (periods.max(1.0) * kept.max(0.1))).min(ORDINARY);
        Fitted { base, log_rate: libm::log(rate), scale, count: n + self.believed }
    }
}

impl Fitted {
    /// exp(−x) a period: of rarities by their definition, if no two sums ever showed the same event.
    pub(crate) const PLAIN: Fitted = Fitted { base: 0.0, log_rate: 0.0, scale: 1.0, count: 1e9 };

    /// ln λ(x), peaks a period.
    pub(crate) fn log_rate(&self, level: f64) -> f64 {
        if level >= self.base {
            let over = (level - self.base) / (self.count * self.scale);
            return self.log_rate - self.count * libm::log1p(over);
        }
        let ordinary = libm::log(ORDINARY);
        ordinary + (self.log_rate - ordinary) * (level / self.base).max(0.0)
    }

    /// The level above which there are exp(`log_rate`) peaks a period; never below the lowest peak kept.
    pub(crate) fn level(&self, log_rate: f64) -> f64 {
        let needed = (self.log_rate - log_rate).max(0.0);
        self.base + self.count * self.scale * libm::expm1(needed / self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exponential numbers from a fixed equidistributed sequence.
    fn exponential(i: u32) -> f64 {
        -libm::log(1.0 - (f64::from(i) * 0.618_033_988_749_895 + 0.2).fract())
    }

    #[test]
    fn the_rate_extrapolates_and_inverts() {
        let mut tail = Tail::new(100, 1.0, (1.0, 2.0));
        for i in 0..2000 {
            tail.pass(10.0);
            tail.add(2.0 * exponential(i));
        }
        let fitted = tail.fit(f64::INFINITY);
        // 0.1 a period above 0, scale 2: one in 1e5 periods above 2·ln 1e4.
        let level = fitted.level(-libm::log(1e5));
        assert!((level / (2.0 * libm::log(1e4)) - 1.0).abs() < 0.1, "{level}");
        assert!((fitted.log_rate(level) + libm::log(1e5)).abs() < 1e-9);
        assert!(fitted.log_rate(0.1) > fitted.log_rate(0.2));
    }

    #[test]
    fn peaks_that_raised_alarms_are_missed_but_reckoned_with() {
        let (mut all, mut cut) = (Tail::new(4000, 1.0, (1.0, 2.0)), Tail::new(4000, 1.0, (1.0, 2.0)));
        for i in 0..4000 {
            let peak = exponential(i);
            all.pass(1.0);
            cut.pass(1.0);
            all.add(peak);
            if peak < 4.0 {
                cut.add(peak);
            }
        }
        let (all, cut) = (all.fit(f64::INFINITY), cut.fit(4.0));
        assert!((cut.scale / all.scale - 1.0).abs() < 0.05, "{cut:?} {all:?}");
        assert!((cut.level(-7.0) / all.level(-7.0) - 1.0).abs() < 0.05, "{cut:?} {all:?}");
    }

    #[test]
    fn few_peaks_promise_less() {
        let level = |n: u32| {
            let mut tail = Tail::new(1000, 1.0, (1.0, 2.0));
            (0..n).for_each(|i| tail.add(exponential(i)));
            tail.pass(10.0 * f64::from(n));
            tail.fit(f64::INFINITY).level(-12.0)
        };
        assert!(level(10) > 1.15 * level(1000));
    }
}
