//! Regression forests: what a Gaussian process is mixed with where outcomes have edges.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::{FeatureKind, Moments};

/// Trees of a forest.
const TREES: usize = 100;
/// Recipes that a leaf holds at least.
const LEAF: usize = 1;

/// A node: a leaf's mean, or a split and where its right child stands (the left one follows it).
#[derive(Debug, Clone, Copy, PartialEq)]
enum Node {
    Leaf(f64),
    Split { feature: usize, threshold: f64, right: usize },
}

/// A hundred regression trees, each grown on a bootstrap sample with every feature at every split (Breiman, Machine Learning
/// 45, 2001). The mean is that of the trees; the variance is that between trees, scaled so that out-of-bag residuals have
/// the size they are said to have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Forest {
    kinds: Vec<FeatureKind>,
    trees: Vec<Vec<Node>>,
    scale: f64,
    floor: f64,
    spread: f64,
    out_of_bag: Vec<Moments>,
}

fn below(rng: &mut ChaCha8Rng, count: usize) -> usize {
    (rng.next_u64() % count as u64) as usize
}

impl Forest {
    /// Grows a forest on n recipes (`points`, n × d) and their values, in any units, n >= 2. The same data give the same
    /// forest.
    pub(crate) fn grow(kinds: &[FeatureKind], points: &[f64], values: &[f64]) -> Self {
        let (n, d) = (values.len(), kinds.len());
        let mut rng = ChaCha8Rng::seed_from_u64(0xf0e57);
        let mut trees = Vec::with_capacity(TREES);
        let mut sums = vec![(0.0, 0.0, 0.0); n];
        for _ in 0..TREES {
            let mut bag: Vec<usize> = (0..n).map(|_| below(&mut rng, n)).collect();
            let mut within = vec![false; n];
            bag.iter().for_each(|&i| within[i] = true);
            let mut nodes = Vec::new();
            let mut grower = Grower { kinds, points, values, nodes: &mut nodes };
            grower.grow(&mut bag, &mut rng);
            for i in (0..n).filter(|&i| !within[i]) {
                let said = walk(kinds, &nodes, &points[i * d..(i + 1) * d]);
                sums[i].0 += 1.0;
                sums[i].1 += said;
                sums[i].2 += said * said;
            }
            trees.push(nodes);
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let spread = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64;
        let floor = 0.01 * spread;
        let mut out_of_bag: Vec<Moments> = sums
            .iter()
            .map(|&(count, sum, squares)| {
                if count < 2.0 {
                    return Moments { mean, variance: spread };
                }
                let mean = sum / count;
                Moments { mean, variance: (squares / count - mean * mean).max(0.0) }
            })
            .collect();
        let ratio: f64 = out_of_bag
            .iter()
            .zip(values)
            .map(|(said, v)| {
                (v - said.mean) * (v - said.mean) / (said.variance + floor).max(f64::MIN_POSITIVE)
            })
            .sum::<f64>()
            / n as f64;
        let scale = if ratio.is_finite() { ratio.clamp(0.25, 25.0) } else { 1.0 };
        out_of_bag.iter_mut().for_each(|said| said.variance = scale * (said.variance + floor));
        Forest { kinds: kinds.to_vec(), trees, scale, floor, spread, out_of_bag }
    }

    /// Mean and variance at x.
    pub(crate) fn predict(&self, x: &[f64]) -> Moments {
        let (mut sum, mut squares) = (0.0, 0.0);
        for nodes in &self.trees {
            let said = walk(&self.kinds, nodes, x);
            sum += said;
            squares += said * said;
        }
        let mean = sum / TREES as f64;
        Moments {
            mean,
            variance: self.scale * ((squares / TREES as f64 - mean * mean).max(0.0) + self.floor),
        }
    }

    /// The variance of the values that it was grown on.
    pub(crate) fn spread(&self) -> f64 {
        self.spread
    }

    /// For each recipe what the trees that never saw it say.
    pub(crate) fn out_of_bag(&self) -> &[Moments] {
        &self.out_of_bag
    }
}

fn walk(kinds: &[FeatureKind], nodes: &[Node], x: &[f64]) -> f64 {
    let mut at = 0;
    loop {
        match nodes[at] {
            Node::Leaf(value) => return value,
            Node::Split { feature, threshold, right } => {
                let left = match kinds[feature] {
                    FeatureKind::Real => x[feature] <= threshold,
                    FeatureKind::Category => x[feature] == threshold,
                };
                at = if left { at + 1 } else { right };
            }
        }
    }
}

struct Grower<'a> {
    kinds: &'a [FeatureKind],
    points: &'a [f64],
    values: &'a [f64],
    nodes: &'a mut Vec<Node>,
}

impl Grower<'_> {
    fn at(&self, row: usize, feature: usize) -> f64 {
        self.points[row * self.kinds.len() + feature]
    }

    fn grow(&mut self, bag: &mut [usize], rng: &mut ChaCha8Rng) {
        let mean = bag.iter().map(|&i| self.values[i]).sum::<f64>() / bag.len() as f64;
        let node = self.nodes.len();
        self.nodes.push(Node::Leaf(mean));
        let Some((feature, threshold)) = self.best_split(bag, rng) else { return };
        let kind = self.kinds[feature];
        let goes_left = |x: f64| match kind {
            FeatureKind::Real => x <= threshold,
            FeatureKind::Category => x == threshold,
        };
        bag.sort_by_key(|&i| !goes_left(self.at(i, feature)));
        let middle = bag.iter().filter(|&&i| goes_left(self.at(i, feature))).count();
        let (left, right) = bag.split_at_mut(middle);
        if left.len() < LEAF || right.len() < LEAF {
            return;
        }
        self.grow(left, rng);
        let right_at = self.nodes.len();
        self.nodes[node] = Node::Split { feature, threshold, right: right_at };
        self.grow(right, rng);
    }

    /// The split that leaves the least sum of squares; thresholds fall at random between neighbours, which smooths the mean
    /// of the trees.
    fn best_split(&self, bag: &[usize], rng: &mut ChaCha8Rng) -> Option<(usize, f64)> {
        let n = bag.len() as f64;
        let total: f64 = bag.iter().map(|&i| self.values[i]).sum();
        let base = total * total / n;
        let mut best: Option<(f64, usize, f64)> = None;
        let mut sorted: Vec<(f64, f64)> = Vec::with_capacity(bag.len());
        for feature in 0..self.kinds.len() {
            sorted.clear();
            sorted.extend(bag.iter().map(|&i| (self.at(i, feature), self.values[i])));
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let (mut count, mut sum) = (0.0, 0.0);
            let pairs = if self.kinds[feature] == FeatureKind::Real { sorted.len() - 1 } else { 0 };
            for pair in 0..pairs {
                let (here, next) = (sorted[pair], sorted[pair + 1]);
                (count, sum) = (count + 1.0, sum + here.1);
                if here.0 == next.0 {
                    continue;
                }
                let gain = sum * sum / count + (total - sum) * (total - sum) / (n - count) - base;
                if gain > 1e-12 && best.is_none_or(|(top, ..)| gain > top) {
                    let share = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                    best = Some((gain, feature, here.0 + share * (next.0 - here.0)));
                }
            }
            if self.kinds[feature] == FeatureKind::Category
                && let Some((gain, category)) = self.best_category(&sorted, total, base)
                && best.is_none_or(|(top, ..)| gain > top)
            {
                best = Some((gain, feature, category));
            }
        }
        best.map(|(_, feature, threshold)| (feature, threshold))
    }

    fn best_category(&self, sorted: &[(f64, f64)], total: f64, base: f64) -> Option<(f64, f64)> {
        let n = sorted.len() as f64;
        let mut best: Option<(f64, f64)> = None;
        let mut from = 0;
        while from < sorted.len() {
            let code = sorted[from].0;
            let count = sorted[from..].iter().take_while(|s| s.0 == code).count();
            let sum: f64 = sorted[from..from + count].iter().map(|s| s.1).sum();
            from += count;
            let count = count as f64;
            if count < n {
                let gain = sum * sum / count + (total - sum) * (total - sum) / (n - count) - base;
                if gain > 1e-12 && best.is_none_or(|(top, _)| gain > top) {
                    best = Some((gain, code));
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_an_edge_and_a_category() {
        let points: Vec<f64> =
            (0..60).flat_map(|i| [(f64::from(i) * 0.618).fract(), f64::from(i % 3)]).collect();
        let value = |p: &[f64]| if p[0] > 0.5 { 2.0 } else { 0.0 } + if p[1] == 1.0 { 5.0 } else { 0.0 };
        let values: Vec<f64> = points.chunks(2).map(value).collect();
        let forest = Forest::grow(&[FeatureKind::Real, FeatureKind::Category], &points, &values);
        for at in [[0.2, 0.0], [0.9, 1.0], [0.9, 2.0], [0.1, 1.0]] {
            assert!((forest.predict(&at).mean - value(&at)).abs() < 0.3, "{at:?} {:?}", forest.predict(&at));
        }
    }

    #[test]
    fn residuals_have_the_size_they_are_said_to_have() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let points: Vec<f64> = (0..200).map(|_| uniform()).collect();
        let values: Vec<f64> = points.iter().map(|x| x * x + uniform()).collect();
        let forest = Forest::grow(&[FeatureKind::Real], &points, &values);
        let z2: f64 = forest
            .out_of_bag()
            .iter()
            .zip(&values)
            .map(|(m, v)| (v - m.mean) * (v - m.mean) / m.variance)
            .sum::<f64>()
            / 200.0;
        assert!((z2 - 1.0).abs() < 1e-9, "{z2}");
    }

    #[test]
    fn constants_and_few_rows_make_sense() {
        let forest = Forest::grow(&[FeatureKind::Real], &[0.1, 0.9], &[3.0, 3.0]);
        assert_eq!(forest.predict(&[0.5]).mean, 3.0);
        assert!(forest.predict(&[0.5]).variance >= 0.0);
    }
}
