//! Recipes spread over the space, inside every rule.
//!
//! A plain space takes scrambled Sobol points (Owen scrambling by Burley 2020, JCGT 9(4)). With
//! rules, each Sobol point is brought to the nearest feasible one (a linear program for the linear
//! part, coordinate moves for the rest) and then walks by hit-and-run with shrinking intervals
//! (Smith 1984; Neal 2003), which needs nothing but a test of membership and never rejects a whole
//! point: thin sets cost no more than wide ones.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::parameter::Domain;
use crate::space::{Linear, Point, Space};

/// Dimensions that the Sobol sequence serves; plain random streams beyond.
const SOBOL_DIMENSIONS_MOST: usize = 256;
/// Points that the Sobol sequence serves.
const SOBOL_POINTS_MOST: u64 = 1 << 16;
/// Starts from which a feasible point is looked for.
const STARTS_MOST: usize = 64;
/// Coordinate sweeps of one start.
const SWEEPS_MOST: usize = 30;
/// Shrinks of one hit-and-run step.
const SHRINKS_MOST: usize = 60;
/// Values of one discrete parameter that a sweep tries.
const VALUES_MOST: usize = 64;

/// Branchings in which all recipes are looked at before it is said that there is none.
const BRANCHINGS_MOST: usize = 100_000;

/// The share of a rule that turned down all random recipes and that some keep nevertheless.
const NEARLY_ALL: f64 = 0.9999;

/// The space holds no recipe that could be found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "{}{}",
    if *is_proved { "no recipe keeps every rule" } else { "no recipe that keeps every rule was found, though not all could be looked at" },
    worst.as_ref().map(|(rule, share)| format!("; the rule that cuts most is `{rule}`: it alone turns down {} of all recipes", share_text(*share))).unwrap_or_default()
)]
pub struct Infeasible {
    /// There is none: all were looked at. Else there may be some.
    pub is_proved: bool,
    /// The rule that cuts most, and the share of random recipes that it turns down: 1 only where no recipe keeps it.
    pub worst: Option<(String, f64)>,
}

/// A share (0 to 1) for people, to a tenth of a percent; what is not quite all never reads as all.
fn share_text(share: f64) -> String {
    if share < 1.0 && share > 0.9995 {
        return "more than 99.9 %".into();
    }
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// A uniform number in [0, 1) from 53 bits of the stream.
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (1.0 - uniform(rng), uniform(rng));
    (-2.0 * libm::log(u)).sqrt() * libm::cos(2.0 * std::f64::consts::PI * v)
}

/// Point `index` of the scrambled Sobol sequence of `seed` in the unit cube.
fn sobol(seed: u64, index: u64, dimensions: usize) -> Vec<f64> {
    let mut stream = ChaCha8Rng::seed_from_u64(seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let quasi = dimensions <= SOBOL_DIMENSIONS_MOST && index < SOBOL_POINTS_MOST;
    let mix = (seed ^ (seed >> 32)) as u32;
    (0..dimensions)
        .map(|i| {
            if !quasi {
                return uniform(&mut stream);
            }
            // Twenty-four bits of Sobol, the rest from the stream: no two coordinates coincide.
            let coarse = f64::from(sobol_burley::sample(index as u32, i as u32, mix));
            (coarse + uniform(&mut stream) / (1u64 << 24) as f64).min(1.0 - f64::EPSILON)
        })
        .collect()
}

impl Space {
    /// Point `index` of the scrambled Sobol sequence of `seed`, rounded, rules not looked at.
    pub fn sobol(&self, seed: u64, index: u64) -> Point {
        self.at_units(&sobol(seed, index, self.parameters.len()))
    }

    /// Points `index` of two halves of one scrambled Sobol sequence in twice the dimensions, as [`Space::sobol`] gives one:
    /// Saltelli's matrices A and B. Two sequences of one dimension each are as good as chance there.
    pub fn sobol_pair(&self, seed: u64, index: u64) -> (Point, Point) {
        let units = sobol(seed, index, 2 * self.parameters.len());
        let (a, b) = units.split_at(self.parameters.len());
        (self.at_units(a), self.at_units(b))
    }

    fn at_units(&self, units: &[f64]) -> Point {
        let mut x: Point = self.parameters.iter().zip(units).map(|(p, &u)| p.round(p.from_unit(u))).collect();
        self.activate(&mut x);
        x
    }

    /// `count` feasible points spread over the space: numbers `start ..` of the stream of `seed`.
    ///
    /// # Errors
    /// [`Infeasible`] where no recipe keeps every rule.
    pub fn sample(&self, seed: u64, start: u64, count: usize) -> Result<Vec<Point>, Infeasible> {
        if self.is_plain() {
            return Ok((0..count as u64).map(|k| self.sobol(seed, start + k)).collect());
        }
        let linear = self.linear();
        let mut out = Vec::with_capacity(count);
        let mut fallback: Option<Point> = None;
        let any = |rng: &mut ChaCha8Rng, from: Point| -> Result<Point, Infeasible> {
            let listing = self.list(seed, 1, BRANCHINGS_MOST, &mut |_| true);
            if let Some(found) = listing.points.into_iter().next() {
                return Ok(found);
            }
            if listing.is_complete {
                return Err(self.infeasible(seed, true));
            }
            self.find_feasible(from, &linear, rng, STARTS_MOST).ok_or_else(|| self.infeasible(seed, false))
        };
        for k in 0..count as u64 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed.rotate_left(17) ^ (start + k));
            let first = self.sobol(seed, start + k);
            let from = match self.find_feasible(first, &linear, &mut rng, 4) {
                Some(x) => x,
                None => match &fallback {
                    Some(x) => x.clone(),
                    None => any(&mut rng, self.sobol(seed, start + k))?,
                },
            };
            fallback.get_or_insert_with(|| from.clone());
            out.push(self.walk(from, &linear, &mut rng));
        }
        Ok(out)
    }

    /// A feasible point near `x`, or `None`.
    pub fn repair(&self, x: &[f64], seed: u64) -> Option<Point> {
        let rounded = self.round(x);
        if self.feasible(&rounded) {
            return Some(rounded);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        self.find_feasible(rounded, &self.linear(), &mut rng, 4)
    }

    fn find_feasible(
        &self,
        first: Point,
        linear: &[Linear],
        rng: &mut ChaCha8Rng,
        starts: usize,
    ) -> Option<Point> {
        let mut x = first;
        for attempt in 0..starts {
            if attempt > 0 {
                x = self.sobol(rng.next_u64(), 0);
            }
            if let Some(found) = self.descend(x.clone(), linear, rng) {
                return Some(found);
            }
        }
        None
    }

    /// From any point towards the rules: linear projection, then coordinate moves, in turn.
    pub(crate) fn descend(&self, mut x: Point, linear: &[Linear], rng: &mut ChaCha8Rng) -> Option<Point> {
        for sweep in 0..SWEEPS_MOST {
            let limits = self.limits(&mut x, rng);
            if let Some(projected) = self.nearest_linear(&x, linear, &limits) {
                x = projected;
            }
            let rounded = self.round(&x);
            if self.feasible(&rounded) {
                return Some(rounded);
            }
            let mut now = self.total_violation(&x);
            for slot in 0..self.parameters.len() {
                if x[slot].is_nan() {
                    continue;
                }
                let p = &self.parameters[slot];
                let (low, high) = p.bounds();
                let candidates: Vec<f64> = match p.values(VALUES_MOST) {
                    Some(values) => values,
                    None => (0..8)
                        .map(|k| {
                            let width = (high - low) * libm::pow(0.5, f64::from(k) + sweep as f64 / 4.0);
                            x[slot] + width * (uniform(rng) - 0.5) * 2.0
                        })
                        .map(|v| p.round(v))
                        .collect(),
                };
                for v in candidates {
                    let mut y = x.clone();
                    y[slot] = v;
                    self.activate(&mut y);
                    let then = self.total_violation(&y);
                    // Sideways moves on a plateau happen by chance, or forbidden lists would trap it.
                    if then < now || (then == now && now > 0.0 && uniform(rng) < 0.2) {
                        now = then;
                        x = y;
                    }
                }
            }
        }
        None
    }

    /// Bounds a slot for the linear program: discrete slots are held, and each mixture with optional
    /// or counted parts draws which of its shares are present.
    fn limits(&self, x: &mut [f64], rng: &mut ChaCha8Rng) -> Vec<(f64, f64)> {
        let mut limits: Vec<(f64, f64)> = self
            .parameters
            .iter()
            .zip(x.iter())
            .map(|(p, &v)| if p.is_discrete() { (v, v) } else { p.bounds() })
            .collect();
        for m in &self.mixtures {
            let optional = |i: usize| match &self.parameters[i].domain {
                Domain::Share { low, optional, .. } => *optional || *low == 0.0,
                _ => false,
            };
            let free: Vec<usize> = m.members.iter().copied().filter(|&i| optional(i)).collect();
            let gated = m.parts.is_some()
                || m.members.iter().any(|&i| {
                    matches!(self.parameters[i].domain, Domain::Share { optional: true, low, .. } if low > 0.0)
                });
            if !gated {
                continue;
            }
            let needed = m.members.len() - free.len();
            let (least, most) = m.parts.unwrap_or((1, m.members.len()));
            let most = most.min(m.members.len()).max(needed);
            let least = least.max(needed).min(most);
            let count = least + (uniform(rng) * (most - least + 1) as f64) as usize - needed;
            let mut order = free.clone();
            for i in (1..order.len()).rev() {
                order.swap(i, (uniform(rng) * (i + 1) as f64) as usize);
            }
            for (rank, &i) in order.iter().enumerate() {
                if rank >= count {
                    limits[i] = (0.0, 0.0);
                    x[i] = 0.0;
                } else if let Domain::Share { low, high, step, .. } = &self.parameters[i].domain {
                    limits[i] = (low.max(step.unwrap_or(1e-3 * m.total)).min(*high), *high);
                }
            }
        }
        limits
    }

    /// Hit-and-run from a feasible point; ends at a feasible point.
    fn walk(&self, from: Point, linear: &[Linear], rng: &mut ChaCha8Rng) -> Point {
        let mut x = from.clone();
        let moving: Vec<usize> = (0..x.len())
            .filter(|&i| {
                let p = &self.parameters[i];
                let absent = matches!(p.domain, Domain::Share { .. }) && x[i] == 0.0 && {
                    // Only a gated share stays absent; a free one may grow from its bound.
                    self.mixtures.iter().any(|m| m.members.contains(&i) && m.parts.is_some())
                        || matches!(p.domain, Domain::Share { optional: true, low, .. } if low > 0.0)
                };
                !p.is_discrete() && !x[i].is_nan() && !absent
            })
            .collect();
        let basis = equality_basis(linear, &moving, x.len());
        let mut last = from;
        for _ in 0..8 + 2 * moving.len() {
            if let Some(y) = self.hit_and_run(&x, linear, &moving, &basis, rng) {
                x = y;
                let rounded = self.round(&x);
                if self.feasible(&rounded) {
                    last = rounded;
                }
            }
            let slot = (uniform(rng) * self.parameters.len() as f64) as usize;
            let p = &self.parameters[slot];
            if p.is_discrete() && !x[slot].is_nan() {
                let mut y = x.clone();
                y[slot] = p.from_unit(uniform(rng));
                self.activate(&mut y);
                if self.total_violation(&y) <= 0.0 && y.iter().zip(&x).all(|(a, b)| a.is_nan() == b.is_nan())
                {
                    x = y;
                }
            }
        }
        last
    }

    fn hit_and_run(
        &self,
        x: &[f64],
        linear: &[Linear],
        moving: &[usize],
        basis: &[Vec<f64>],
        rng: &mut ChaCha8Rng,
    ) -> Option<Point> {
        let mut direction = vec![0.0; x.len()];
        for &i in moving {
            let (low, high) = self.parameters[i].bounds();
            direction[i] = normal(rng) * (high - low);
        }
        for b in basis {
            let dot: f64 = b.iter().zip(&direction).map(|(a, d)| a * d).sum();
            direction.iter_mut().zip(b).for_each(|(d, a)| *d -= dot * a);
        }
        let (mut low, mut high) = self.interval(x, &direction, linear);
        if high.is_nan() || low.is_nan() || high <= low {
            return None;
        }
        for _ in 0..SHRINKS_MOST {
            let t = low + uniform(rng) * (high - low);
            let y: Point = x.iter().zip(&direction).map(|(x, d)| x + t * d).collect();
            if self.rules.iter().all(|r| r.truth.violation(&y) <= 0.0) {
                return Some(y);
            }
            if t < 0.0 { low = t } else { high = t }
        }
        None
    }

    /// How far a line through `x` stays within the bounds and the linear inequalities.
    pub fn interval(&self, x: &[f64], direction: &[f64], linear: &[Linear]) -> (f64, f64) {
        let (mut least, mut most) = (f64::NEG_INFINITY, f64::INFINITY);
        let mut cut = |room_up: f64, slope: f64| {
            // slope * t <= room_up
            if slope > 0.0 {
                most = most.min(room_up.max(0.0) / slope);
            } else if slope < 0.0 {
                least = least.max(room_up.max(0.0) / slope);
            }
        };
        for (i, p) in self.parameters.iter().enumerate() {
            if x[i].is_nan() || direction[i] == 0.0 {
                continue;
            }
            let (low, high) = p.bounds();
            cut(high - x[i], direction[i]);
            cut(x[i] - low, -direction[i]);
        }
        for rule in linear.iter().filter(|l| !l.equality) {
            let value = |v: &[f64]| {
                rule.coefficients.iter().zip(v).filter(|(a, _)| **a != 0.0).map(|(a, v)| a * v).sum::<f64>()
            };
            cut(rule.bound - value(x), value(direction));
        }
        (least, most)
    }

    fn infeasible(&self, seed: u64, is_proved: bool) -> Infeasible {
        const TRIED: u64 = 1024;
        let mut worst: Option<(String, f64)> = None;
        let points: Vec<Point> = (0..TRIED).map(|k| self.sobol(seed, k)).collect();
        for rule in &self.rules {
            let turned = points.iter().filter(|x| rule.truth.violation(x) > 0.0).count();
            let mut share = turned as f64 / TRIED as f64;
            if turned == points.len() {
                let alone = Space { rules: vec![rule.clone()], ..self.clone() };
                share = if alone.is_proved_empty(BRANCHINGS_MOST) { 1.0 } else { NEARLY_ALL };
            }
            if worst.as_ref().is_none_or(|(_, most)| share > *most) {
                worst = Some((rule.text.clone(), share));
            }
        }
        Infeasible { is_proved, worst }
    }
}

/// An orthonormal basis of the equalities' normals within the moving slots (Gram–Schmidt).
fn equality_basis(linear: &[Linear], moving: &[usize], n: usize) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for rule in linear.iter().filter(|l| l.equality) {
        let mut v = vec![0.0; n];
        moving.iter().for_each(|&i| v[i] = rule.coefficients[i]);
        let size = v.iter().map(|a| a * a).sum::<f64>().sqrt();
        for b in &basis {
            let dot: f64 = b.iter().zip(&v).map(|(a, c)| a * c).sum();
            v.iter_mut().zip(b).for_each(|(c, a)| *c -= dot * a);
        }
        let norm = v.iter().map(|a| a * a).sum::<f64>().sqrt();
        if norm > 1e-9 * size {
            v.iter_mut().for_each(|a| *a /= norm);
            basis.push(v);
        }
    }
    basis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_that_leaves_something_does_not_read_as_all() {
        let said = [0.5, 0.995, 0.9994, 0.999_96, 1.0].map(share_text);
        assert_eq!(said, ["50 %", "99.5 %", "99.9 %", "more than 99.9 %", "100 %"]);
    }
}
