//! Finding the point of greatest merit.

use std::collections::BTreeSet;

use forethought_model::{Limits, Workspace, minimize};
use forethought_space::{Domain, Feature, Linear, Point};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use crate::PlanError;
use crate::apart::Apart;
use crate::merit::Merit;
use crate::random::{below, normal, uniform};
use crate::study::{Study, key};

/// Best raw points that are polished.
const STARTS: usize = 6;
/// Starts stand at least this far apart, in unit coordinates, times √d.
const APART: f64 = 0.03;
/// Incumbents around which raw points are drawn, and how far, in unit coordinates.
const CENTRES: usize = 5;
const SPREADS: [f64; 4] = [0.2, 0.07, 0.02, 0.005];
/// Directions that one round of the constrained search tries.
const DIRECTIONS: usize = 16;
/// Turns between continuous and discrete moves.
const TURNS: usize = 4;
/// Values of one discrete parameter that a sweep tries; of more, the nearest and some at random.
const VALUES_MOST: usize = 48;
/// Values drawn from all over a fine range beside the neighbours.
const VALUES_FAR: usize = 6;
/// A stepped range of at least this many steps is climbed as if it were continuous.
const FINE_FROM: f64 = 16.0;

/// A point and the merit found there.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) point: Point,
    pub(crate) merit: f64,
}

/// One search over points (a number a parameter): the acquisition, over rows of d features, is fixed, and what is taken is not
/// looked at.
pub(crate) struct Search<'a> {
    pub(crate) study: &'a Study,
    pub(crate) merit: &'a Merit,
    pub(crate) taken: &'a BTreeSet<Vec<u64>>,
    /// What a proposal must be told apart from: recipes that were tried, and more strictly those tried together.
    pub(crate) apart: &'a [Apart],
    /// Points to look around, best first.
    pub(crate) centres: &'a [Point],
    pub(crate) rng: ChaCha8Rng,
    pub(crate) work: Workspace,
}

impl Search<'_> {
    /// The best point that is free, or None where there is none.
    pub(crate) fn best(&mut self) -> Result<Option<Found>, PlanError> {
        let study = self.study;
        if let Some(all) = study.whole() {
            return Ok(self.scan(all));
        }
        let raw = self.raw()?;
        let values = self.values(&raw);
        let starts = self.starts(&raw, &values);
        let linear = self.study.space().linear();
        let mut best: Option<Found> = None;
        for start in starts {
            let found = self.polish(Found { point: raw[start].clone(), merit: values[start] }, &linear);
            if best.as_ref().is_none_or(|b| found.merit > b.merit) && self.is_free(&found.point) {
                best = Some(found);
            }
        }
        Ok(best)
    }

    /// Neither taken, nor near what was rejected, and inside every rule.
    fn is_free(&self, point: &Point) -> bool {
        self.is_new(point) && self.study.space().feasible(point)
    }

    /// Neither taken, nor one recipe with what was, nor near what was rejected.
    fn is_new(&self, point: &Point) -> bool {
        let told_apart = || {
            let x = self.study.encode(point);
            self.apart.iter().all(|apart| apart.holds(&x))
        };
        !self.taken.contains(&key(point)) && !self.study.is_rejected(point) && told_apart()
    }

    fn values(&mut self, points: &[Point]) -> Vec<f64> {
        let encoded = self.study.encode_all(points);
        let mut values = self.merit.values(&encoded, points.len(), &mut self.work);
        values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = f64::NEG_INFINITY);
        values
    }

    /// Every point of a list.
    fn scan(&mut self, all: &[Point]) -> Option<Found> {
        let free: Vec<Point> = all.iter().filter(|p| self.is_new(p)).cloned().collect();
        let values = self.values(&free);
        let best = (0..free.len()).reduce(|a, b| if values[b] > values[a] { b } else { a })?;
        Some(Found { point: free[best].clone(), merit: values[best] })
    }

    /// Points spread over the space, and around the best ones known.
    fn raw(&mut self) -> Result<Vec<Point>, PlanError> {
        let space = self.study.space();
        let count = (self.study.question.effort.raw_points as usize).max(8);
        let near = if self.centres.is_empty() { 0 } else { count / 3 };
        let mut raw = space.sample(self.rng.next_u64(), 0, count - near)?;
        let centres = self.centres.len().min(CENTRES);
        for i in 0..near {
            let centre = &self.centres[i % centres];
            let spread = SPREADS[(i / centres) % SPREADS.len()];
            let moved = self.perturb(centre, spread);
            if space.feasible(&moved) {
                raw.push(moved);
            }
        }
        raw.retain(|point| self.is_new(point));
        Ok(raw)
    }

    /// A point near another: unit coordinates moved by normals, each discrete one changed with small odds; rounded.
    pub(crate) fn perturb(&mut self, centre: &Point, spread: f64) -> Point {
        let space = self.study.space();
        let mut moved = centre.clone();
        let few = 1.0_f64.min(3.0 / space.parameters.len().max(1) as f64);
        let all = uniform(&mut self.rng) < 0.5;
        for (slot, parameter) in space.parameters.iter().enumerate() {
            if moved[slot].is_nan() || !(all || uniform(&mut self.rng) < few) {
                continue;
            }
            match &parameter.domain {
                Domain::Fixed(_) => {}
                Domain::Choices { names, .. } => {
                    if uniform(&mut self.rng) < 0.3 {
                        moved[slot] = below(&mut self.rng, names.len()) as f64;
                    }
                }
                _ => {
                    let unit = parameter.unit_coordinate(moved[slot]) + spread * normal(&mut self.rng);
                    moved[slot] = match parameter.domain {
                        // The last of a list begins below 1.
                        Domain::Levels(_) => parameter.from_unit(unit.clamp(0.0, 1.0 - f64::EPSILON)),
                        _ => parameter.from_unit(snapped(unit)),
                    };
                }
            }
        }
        space.round(&moved)
    }

    /// The best raw points that stand apart.
    fn starts(&self, raw: &[Point], values: &[f64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..raw.len()).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
        let apart = APART * (self.study.features.len() as f64).sqrt();
        let mut chosen: Vec<(usize, Vec<f64>)> = Vec::new();
        for i in order {
            let here = self.study.encode(&raw[i]);
            let near = chosen.iter().any(|(_, there)| {
                let square: f64 = here.iter().zip(there).map(|(a, b)| (a - b) * (a - b)).sum();
                square < apart * apart
            });
            if !near {
                chosen.push((i, here));
            }
            if chosen.len() == STARTS {
                break;
            }
        }
        chosen.into_iter().map(|(i, _)| i).collect()
    }

    /// Continuous and discrete moves in turn until neither helps.
    fn polish(&mut self, start: Found, linear: &[Linear]) -> Found {
        let space = self.study.space();
        let slots = 0..space.parameters.len();
        let continuous: Vec<usize> = slots
            .clone()
            .filter(|&i| match &space.parameters[i].domain {
                Domain::Range { low, high, .. } => high > low && self.is_fine(i),
                Domain::Share { .. } => true,
                _ => false,
            })
            .collect();
        let discrete: Vec<usize> = slots
            .filter(|&i| match &space.parameters[i].domain {
                Domain::Range { step, .. } => step.is_some(),
                Domain::Levels(_) | Domain::Choices { .. } => true,
                Domain::Fixed(_) | Domain::Share { .. } => false,
            })
            .collect();
        let mut at = start;
        for _ in 0..TURNS {
            let before = at.merit;
            if !continuous.is_empty() {
                at = self.moved(at, &continuous, linear);
            }
            if discrete.is_empty() {
                break;
            }
            at = self.sweep(at, &discrete);
            if at.merit <= before + 1e-9 {
                break;
            }
        }
        at
    }

    /// Continuous moves: by gradients where there are no rules, and along random directions where there are, or where the top
    /// that was climbed is not free.
    fn moved(&mut self, from: Found, continuous: &[usize], linear: &[Linear]) -> Found {
        if !self.study.space().is_plain() {
            return self.along_directions(from, linear);
        }
        match self.climb(&from, continuous) {
            Some(top) if !self.is_free(&top) => self.along_directions(from, linear),
            Some(top) => self.better(from, top),
            None => from,
        }
    }

    /// A range whose steps, if any, are so many that it is climbed as if it had none, and rounded after.
    fn is_fine(&self, slot: usize) -> bool {
        match self.study.space().parameters[slot].domain {
            Domain::Range { low, high, step: Some(step), .. } => (high - low) / step >= FINE_FROM,
            Domain::Range { .. } => true,
            _ => false,
        }
    }

    /// L-BFGS over the unit coordinates of continuous parameters in a space without rules: the top that it ends at.
    fn climb(&mut self, from: &Found, continuous: &[usize]) -> Option<Point> {
        let study = self.study;
        let feature_of: Vec<(usize, usize)> = continuous
            .iter()
            .filter_map(|&slot| {
                let wanted = Feature::Real { slot, descriptor: None };
                study.features.iter().position(|f| *f == wanted).map(|feature| (slot, feature))
            })
            .collect();
        let mut features = study.encode(&from.point);
        let mut gradient = vec![0.0; features.len()];
        let mut x: Vec<f64> = feature_of.iter().map(|&(_, f)| features[f]).collect();
        let limits = Limits {
            evaluations: study.question.effort.polish_steps.max(1) as usize,
            gradient: 1e-6,
            progress: 1e-7,
            first_step: 0.1,
        };
        let (low, high) = (vec![0.0; x.len()], vec![1.0; x.len()]);
        let (merit, work) = (self.merit, &mut self.work);
        minimize(&mut x, &low, &high, limits, |x, by| {
            feature_of.iter().zip(x).for_each(|(&(_, f), &value)| features[f] = value);
            let value = merit.value_with_gradient(&features, work, &mut gradient);
            feature_of.iter().zip(by).for_each(|(&(_, f), by)| *by = -gradient[f]);
            -value
        });
        let mut point = from.point.clone();
        for (&(slot, _), &unit) in feature_of.iter().zip(&x) {
            point[slot] = study.space().parameters[slot].from_unit(snapped(unit));
        }
        (x.iter().all(|unit| unit.is_finite())).then(|| study.space().round(&point))
    }

    /// The better of two, if the second is free.
    fn better(&mut self, from: Found, point: Point) -> Found {
        if !self.is_free(&point) {
            return from;
        }
        let merit = self.values(std::slice::from_ref(&point))[0];
        if merit > from.merit { Found { point, merit } } else { from }
    }

    /// Moves along random directions that keep every equality, with steps that shrink on failure and grow on success: needs
    /// nothing but a test of membership, so it serves mixtures, rules and conditional parameters alike.
    fn along_directions(&mut self, from: Found, linear: &[Linear]) -> Found {
        let space = self.study.space();
        let mut at = from;
        let mut reach = 0.2;
        for _ in 0..self.study.question.effort.polish_steps {
            let moving: Vec<usize> = (0..at.point.len())
                .filter(|&i| !at.point[i].is_nan() && !space.parameters[i].is_discrete())
                .collect();
            let mut tried = Vec::with_capacity(DIRECTIONS);
            for _ in 0..DIRECTIONS {
                let direction = self.direction(&at.point, &moving, linear);
                let (low, high) = space.interval(&at.point, &direction, linear);
                let step = reach * uniform(&mut self.rng);
                let step = step.clamp(low.min(0.0), high.max(0.0));
                let moved: Point = at.point.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
                let moved = space.round(&self.onto_ends(moved));
                if self.is_free(&moved) {
                    tried.push(moved);
                }
            }
            let values = self.values(&tried);
            let best = (0..tried.len()).reduce(|a, b| if values[b] > values[a] { b } else { a });
            match best {
                Some(best) if values[best] > at.merit => {
                    at = Found { point: tried.swap_remove(best), merit: values[best] };
                    reach = (reach * 1.5).min(1.0);
                }
                _ => reach *= 0.6,
            }
            if reach < 1e-4 {
                break;
            }
        }
        at
    }

    /// A point with ranges that stand a rounding error from an end at that end: 79.99999999999999 of 80 is 80.
    fn onto_ends(&self, mut point: Point) -> Point {
        for (value, parameter) in point.iter_mut().zip(&self.study.space().parameters) {
            if let (Domain::Range { low, high, .. }, false) = (&parameter.domain, value.is_nan()) {
                let unit = (*value - low) / (high - low);
                match snapped(unit) {
                    0.0 => *value = *low,
                    1.0 => *value = *high,
                    _ => {}
                }
            }
        }
        point
    }

    /// Either a swap between two coordinates of one equality or a random direction, projected on all equalities.
    fn direction(&mut self, point: &Point, moving: &[usize], linear: &[Linear]) -> Vec<f64> {
        let space = self.study.space();
        let mut direction = vec![0.0; point.len()];
        if moving.is_empty() {
            return direction;
        }
        let width = |slot: usize| {
            let (low, high) = space.parameters[slot].bounds();
            high - low
        };
        let equalities: Vec<&Linear> = linear.iter().filter(|l| l.equality).collect();
        let kind = uniform(&mut self.rng);
        if kind < 0.4 && !equalities.is_empty() {
            let rule = equalities[below(&mut self.rng, equalities.len())];
            let members: Vec<usize> =
                moving.iter().copied().filter(|&i| rule.coefficients[i] != 0.0).collect();
            if members.len() > 1 {
                let a = members[below(&mut self.rng, members.len())];
                let b = members[below(&mut self.rng, members.len())];
                if a != b {
                    direction[a] = width(a) / rule.coefficients[a].abs();
                    direction[b] = -direction[a] * rule.coefficients[a] / rule.coefficients[b];
                }
            }
        } else if kind < 0.7 {
            let slot = moving[below(&mut self.rng, moving.len())];
            direction[slot] = if uniform(&mut self.rng) < 0.5 { width(slot) } else { -width(slot) };
        } else {
            for &slot in moving {
                direction[slot] = normal(&mut self.rng) * width(slot);
            }
        }
        // Cyclic projections on the few equalities: exact for one, and rounding repairs the rest.
        for _ in 0..8 {
            for rule in &equalities {
                let (mut product, mut square) = (0.0, 0.0);
                for &i in moving {
                    product += rule.coefficients[i] * direction[i];
                    square += rule.coefficients[i] * rule.coefficients[i];
                }
                if square > 0.0 {
                    moving.iter().for_each(|&i| direction[i] -= product / square * rule.coefficients[i]);
                }
            }
        }
        direction
    }

    /// One discrete parameter after the other: the best of its values, everything else held.
    fn sweep(&mut self, from: Found, discrete: &[usize]) -> Found {
        let space = self.study.space();
        let mut at = from;
        for &slot in discrete {
            if at.point[slot].is_nan() {
                continue;
            }
            let values = self.alternatives(slot, at.point[slot]);
            let tried: Vec<Point> = values
                .into_iter()
                .map(|value| {
                    let mut moved = at.point.clone();
                    moved[slot] = value;
                    space.round(&moved)
                })
                .filter(|point| self.is_free(point))
                .collect();
            let merits = self.values(&tried);
            if let Some(best) = (0..tried.len()).reduce(|a, b| if merits[b] > merits[a] { b } else { a })
                && merits[best] > at.merit
            {
                at = Found { point: tried[best].clone(), merit: merits[best] };
            }
        }
        at
    }

    fn alternatives(&mut self, slot: usize, now: f64) -> Vec<f64> {
        let fine = self.is_fine(slot);
        let parameter = &self.study.space().parameters[slot];
        if !fine && let Some(values) = parameter.values(VALUES_MOST) {
            return values.into_iter().filter(|v| *v != now).collect();
        }
        let (low, high) = parameter.bounds();
        let step = match parameter.domain {
            Domain::Range { step: Some(step), .. } => step,
            _ => (high - low) / 100.0,
        };
        let mut values = Vec::new();
        for k in [1.0, 2.0, 4.0, 8.0, 16.0] {
            values.extend([now - k * step, now + k * step]);
        }
        // What was climbed needs only its neighbours, and a few far ones in case the merit has another top.
        for _ in 0..VALUES_FAR {
            values.push(parameter.from_unit(uniform(&mut self.rng)));
        }
        let mut values: Vec<f64> =
            values.into_iter().map(|v| parameter.round(v)).filter(|v| *v != now).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    }
}

/// Unit coordinates this near to an end are the end.
const AT_AN_END: f64 = 1e-12;

/// A unit coordinate between 0 and 1, at an end where it is within a rounding error of it.
fn snapped(unit: f64) -> f64 {
    match unit {
        unit if unit <= AT_AN_END => 0.0,
        unit if unit >= 1.0 - AT_AN_END => 1.0,
        unit => unit,
    }
}
