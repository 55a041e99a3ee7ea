//! How soon faults of the quadruple tank are found, and how many alarms there are without one.
//!
//! `cargo run --release -p forethought-world --example surprise -- [seed] [weeks] [faults]`: the first seed (from 1000 on for
//! development, 0 for a report), healthy drifting weeks for the false alarms, episodes of each fault. One line a row.
//!
//! The rivals' thresholds are set on weeks of their own to one false alarm a week, which no one could do on a plant; ours comes
//! from hours of nominal data.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

use faer::{Mat, Side};
use forethought_machine::Environment;
use forethought_plant::{Dynamics, Episode, Imagined, Latent};
use forethought_sim::plant::{FaultFile, FaultKind, FaultUnit, Options, PlantKind, Simulated, TrueModel};
use forethought_source::Seconds;
use forethought_world::{Arx, Ensemble, Follow, Monitor};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

const KIND: PlantKind = PlantKind::QuadrupleTank;
const PERIOD_S: f64 = 5.0;
const WEEK: usize = 120_960;
/// Lowest and highest voltage of a pump.
const PUMP: (f64, f64) = (2.2, 3.6);
/// Periods that faults are watched for.
const WATCHED: usize = 400;
/// Periods in which the tanks are filled before anybody looks: all that follows is ordinary work.
const FILL: usize = 100;
/// Weeks on which the rivals' thresholds are set.
const SET_ON: usize = 20;
/// Peaks in blocks of this many periods count as one alarm.
const BLOCK: usize = 120;
/// Periods that the lagged rivals look at.
const LAGS: usize = 5;
/// Trees of the isolation forest, and rows that each is grown from.
const TREES: usize = 100;
const GROWN_FROM: usize = 256;

/// The tank under random voltages, each held for 3 to 20 minutes.
struct Run {
    plant: Simulated,
    rng: ChaCha8Rng,
    held: [f64; 2],
    left: [usize; 2],
}

impl Run {
    fn new(seed: u64, faults: Vec<FaultFile>) -> (Run, Vec<f64>) {
        let options = Options { fault: faults, ..Options::new(KIND) };
        let mut plant = Simulated::new(KIND, &options, seed).unwrap();
        plant.reset(seed).unwrap();
        let rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
        let mut run = Run { plant, rng, held: [3.0; 2], left: [0; 2] };
        let mut first = Vec::new();
        for _ in 0..FILL {
            first = run.step().1;
        }
        (run, first)
    }

    fn uniform(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn step(&mut self) -> (Vec<f64>, Vec<f64>) {
        for i in 0..2 {
            if self.left[i] == 0 {
                self.left[i] = 36 + (204.0 * self.uniform()) as usize;
                self.held[i] = PUMP.0 + (PUMP.1 - PUMP.0) * self.uniform();
            }
            self.left[i] -= 1;
        }
        let read = self.plant.step(&self.held).unwrap().numbers();
        (self.held.to_vec(), read)
    }
}

fn episode(seed: u64, periods: usize) -> Episode {
    let (mut run, first) = Run::new(seed, Vec::new());
    let mut out = Episode::begin(PERIOD_S, &first, 2);
    for _ in 0..periods {
        let (set, read) = run.step();
        out.push(&set, &read);
    }
    out
}

/// Two-sided sums of several errors.
struct Sums(Vec<f64>, f64);

impl Sums {
    fn push(&mut self, z: &[f64]) -> f64 {
        for (i, z) in z.iter().enumerate() {
            self.0[2 * i] = (self.0[2 * i] + z - self.1).max(0.0);
            self.0[2 * i + 1] = (self.0[2 * i + 1] - z - self.1).max(0.0);
        }
        self.0.iter().copied().fold(0.0, f64::max)
    }
}

/// Principal components of lagged data.
struct Components {
    mean: Vec<f64>,
    sd: Vec<f64>,
    /// Directions and variances of those kept.
    kept: Vec<(Vec<f64>, f64)>,
    limits: (f64, f64),
}

/// What was read and set over the last [`LAGS`] periods, at each period.
fn windows(nominal: &[Episode]) -> Vec<Vec<f64>> {
    let row = |e: &Episode, t: usize| -> Vec<f64> {
        (0..LAGS).flat_map(|l| [e.reading(t + 1 - l), e.action(t - l)].concat()).collect()
    };
    nominal.iter().flat_map(|e| (LAGS..e.periods()).map(move |t| row(e, t))).collect()
}

impl Components {
    fn learn(rows: &[Vec<f64>]) -> Components {
        let (n, width) = (rows.len() as f64, rows[0].len());
        let mean: Vec<f64> = (0..width).map(|i| rows.iter().map(|r| r[i]).sum::<f64>() / n).collect();
        let square = |i: usize| rows.iter().map(|r| (r[i] - mean[i]).powi(2)).sum::<f64>() / n;
        let sd: Vec<f64> = (0..width).map(|i| square(i).sqrt()).collect();
        let mut out = Components { mean, sd, kept: Vec::new(), limits: (1.0, 1.0) };
        let plain: Vec<Vec<f64>> = rows.iter().map(|r| out.plain(r)).collect();
        let covariance =
            Mat::from_fn(width, width, |i, j| plain.iter().map(|r| r[i] * r[j]).sum::<f64>() / n);
        let eigen = covariance.self_adjoint_eigen(Side::Lower).unwrap();
        let mut share = 0.0;
        for k in (0..width).rev() {
            let variance = eigen.S().column_vector()[k];
            out.kept.push(((0..width).map(|i| eigen.U()[(i, k)]).collect(), variance));
            share += variance / width as f64;
            if share > 0.95 {
                break;
            }
        }
        let mut both: Vec<(f64, f64)> = rows.iter().map(|r| out.judge(r)).collect();
        let at = (0.999 * n) as usize;
        both.sort_by(|a, b| a.0.total_cmp(&b.0));
        let first = both[at].0;
        both.sort_by(|a, b| a.1.total_cmp(&b.1));
        out.limits = (first, both[at].1);
        out
    }

    fn plain(&self, row: &[f64]) -> Vec<f64> {
        row.iter().zip(self.mean.iter().zip(&self.sd)).map(|(v, (m, s))| (v - m) / s).collect()
    }

    /// T² and SPE.
    fn judge(&self, row: &[f64]) -> (f64, f64) {
        let plain = self.plain(row);
        let mut left: f64 = plain.iter().map(|v| v * v).sum();
        let mut square = 0.0;
        for (direction, variance) in &self.kept {
            let score: f64 = direction.iter().zip(&plain).map(|(a, b)| a * b).sum();
            square += score * score / variance;
            left -= score * score;
        }
        (square, left)
    }
}

/// An isolation forest (Liu, Ting & Zhou, Isolation Forest, ICDM 2008) over lagged data.
struct Forest(Vec<Tree>);

enum Tree {
    /// How many rows ended here.
    Leaf(usize),
    Split {
        column: usize,
        at: f64,
        below: Box<Tree>,
        above: Box<Tree>,
    },
}

impl Tree {
    fn grow(rows: &[&[f64]], depth: usize, rng: &mut ChaCha8Rng) -> Tree {
        let column = rng.next_u64() as usize % rows[0].len();
        let values = || rows.iter().map(|r| r[column]);
        let (low, high) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        if depth == 0 || rows.len() == 1 || low == high {
            return Tree::Leaf(rows.len());
        }
        let at = low + (high - low) * ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        let (below, above): (Vec<&[f64]>, Vec<&[f64]>) = rows.iter().partition(|r| r[column] <= at);
        if above.is_empty() {
            return Tree::Leaf(rows.len());
        }
        let mut grow = |rows: &[&[f64]]| Box::new(Tree::grow(rows, depth - 1, rng));
        Tree::Split { column, at, below: grow(&below), above: grow(&above) }
    }

    fn path(&self, row: &[f64]) -> f64 {
        let (mut node, mut length) = (self, 0.0);
        loop {
            match node {
                Tree::Leaf(rows) => return length + usual_path(*rows),
                Tree::Split { column, at, below, above } => {
                    node = if row[*column] <= *at { below } else { above };
                    length += 1.0;
                }
            }
        }
    }
}

/// The mean path of an unsuccessful search in a binary tree of so many rows.
fn usual_path(rows: usize) -> f64 {
    let n = rows as f64;
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => 2.0 * ((n - 1.0).ln() + 0.577_215_664_9) - 2.0 * (n - 1.0) / n,
    }
}

impl Forest {
    fn learn(rows: &[Vec<f64>], seed: u64) -> Forest {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let tree = |_| {
            let drawn: Vec<&[f64]> =
                (0..GROWN_FROM).map(|_| rows[rng.next_u64() as usize % rows.len()].as_slice()).collect();
            Tree::grow(&drawn, GROWN_FROM.ilog2() as usize, &mut rng)
        };
        Forest((0..TREES).map(tree).collect())
    }

    fn judge(&self, row: &[f64]) -> f64 {
        let mean = self.0.iter().map(|t| t.path(row)).sum::<f64>() / TREES as f64;
        (-mean / usual_path(GROWN_FROM)).exp2()
    }
}

const RIVALS: [&str; 6] = [
    "CUSUM 0.5 on the true model",
    "CUSUM 0.5 and 1.5 on the true model",
    "EWMA 0.2 on ARX",
    "CUSUM 0.5 on ARX",
    "PCA T2/SPE, 5 lags",
    "isolation forest, 5 lags",
];

/// All rivals, period after period.
struct Rivals<'a> {
    kit: &'a Kit,
    latents: (Latent, Latent),
    sums: [Sums; 3],
    ewma: [f64; 2],
    window: Vec<f64>,
}

impl<'a> Rivals<'a> {
    fn new(kit: &'a Kit, first: &[f64]) -> Self {
        let sums = |k: f64| Sums(vec![0.0; 4], k);
        Rivals {
            kit,
            latents: (kit.truth.begin(first), kit.ensemble.linear().begin(first)),
            sums: [sums(0.5), sums(1.5), sums(0.5)],
            ewma: [0.0; 2],
            window: Vec::new(),
        }
    }

    fn push(&mut self, action: &[f64], read: &[f64]) -> [f64; 6] {
        let white = self.kit.truth.innovation(&mut self.latents.0, action, read);
        let (slow, fast) = (self.sums[0].push(&white), self.sums[1].push(&white));
        let z = arx_errors(self.kit.ensemble.linear(), &mut self.latents.1, action, read);
        let z: Vec<f64> = z.iter().zip(&self.kit.arx_sd).map(|(e, s)| e / s).collect();
        self.ewma.iter_mut().zip(&z).for_each(|(e, z)| *e += 0.2 * (z - *e));
        let ewma = self.ewma[0].abs().max(self.ewma[1].abs());
        let arx = self.sums[2].push(&z);
        let mut window = [read, action].concat();
        window.extend_from_slice(&self.window);
        window.truncate(4 * LAGS);
        self.window = window;
        let (mut pca, mut forest) = (0.0, 0.0);
        if self.window.len() == 4 * LAGS {
            let Kit { components, forest: trees, .. } = self.kit;
            let (t, spe) = components.judge(&self.window);
            pca = (t / components.limits.0).max(spe / components.limits.1);
            forest = trees.judge(&self.window);
        }
        // Sums of both references at the same rate: heights that are as rare, 2κh being the exponent.
        [slow, slow.max(3.0 * fast), ewma, arx, pca, forest]
    }
}

fn arx_errors(arx: &Arx, latent: &mut Latent, action: &[f64], read: &[f64]) -> Vec<f64> {
    let mut imagined = Imagined::new(1, 1, 2);
    arx.imagine(latent, action, &mut imagined);
    arx.assimilate(latent, action, read);
    read.iter().zip(&imagined.mean).map(|(r, m)| r - m).collect()
}

/// All that is learnt beforehand.
struct Kit {
    truth: TrueModel,
    ensemble: Ensemble,
    arx_sd: Vec<f64>,
    components: Components,
    forest: Forest,
    nominal: Vec<Episode>,
    drift: Vec<f64>,
}

impl Kit {
    /// The model from two hours, what is normal from twelve.
    fn learn(seed: u64) -> Kit {
        let seen: Vec<Episode> = (0..4).map(|i| episode(seed + i, 360)).collect();
        let nominal: Vec<Episode> = (4..8).map(|i| episode(seed + i, 2160)).collect();
        let ensemble =
            Ensemble::learn(&seen.iter().collect::<Vec<_>>(), None, None, Follow::Closely, seed).unwrap();
        let (mut squares, mut count) = (vec![0.0; 2], 0.0);
        for episode in &nominal {
            let mut latent = ensemble.linear().begin(episode.reading(0));
            for t in 0..episode.periods() {
                let z = arx_errors(ensemble.linear(), &mut latent, episode.action(t), episode.reading(t + 1));
                if t > 20 {
                    count += 1.0;
                    squares.iter_mut().zip(z).for_each(|(s, z)| *s += z * z);
                }
            }
        }
        let truth = TrueModel::new(KIND, &Options::new(KIND)).unwrap();
        // Twice the standard deviation of what a week's drift comes to.
        let drift = truth.plant().spec().drift_week.iter().map(|d| 2.0 * d / (7.0 * 86_400.0)).collect();
        let arx_sd = squares.iter().map(|s| f64::sqrt(s / count)).collect();
        let rows = windows(&nominal);
        let (components, forest) = (Components::learn(&rows), Forest::learn(&rows, seed));
        Kit { truth, ensemble, arx_sd, components, forest, nominal, drift }
    }

    fn monitor(&self, per_week: f64) -> Monitor {
        let nominal: Vec<&Episode> = self.nominal.iter().collect();
        Monitor::learn(&self.ensemble, &nominal, per_week, PERIOD_S, &self.drift)
            .named(&["level_1", "level_2"])
    }

    /// The rivals' heights for one false alarm a week.
    fn heights(&self, seed: u64) -> [f64; 6] {
        let chains = SET_ON as u64;
        let chain = |chain: u64| {
            let (mut run, first) = Run::new(seed + 100 + chain, Vec::new());
            let mut rivals = Rivals::new(self, &first);
            let mut out: Vec<[f64; 6]> = Vec::new();
            for t in 0..WEEK {
                let (set, read) = run.step();
                let now = rivals.push(&set, &read);
                if t % BLOCK == 0 {
                    out.push([0.0; 6]);
                }
                if let (true, Some(last)) = (t > 400, out.last_mut()) {
                    last.iter_mut().zip(now).for_each(|(l, n)| *l = l.max(n));
                }
            }
            out
        };
        let peaks: Vec<[f64; 6]> = (0..chains).into_par_iter().flat_map_iter(chain).collect();
        std::array::from_fn(|i| {
            let mut all: Vec<f64> = peaks.iter().map(|p| p[i]).collect();
            all.sort_by(|a, b| b.total_cmp(a));
            all[SET_ON]
        })
    }
}

fn fault(name: &str, channel: usize, sign: f64, at: usize) -> FaultFile {
    let (kind, size, unit) = match name {
        "bias 3 sd" => (FaultKind::Bias, Some(3.0 * sign), FaultUnit::Sd),
        "bias 5 sd" => (FaultKind::Bias, Some(5.0 * sign), FaultUnit::Sd),
        "bias 8 sd" => (FaultKind::Bias, Some(8.0 * sign), FaultUnit::Sd),
        "leak 5 %" => (FaultKind::Leak, Some(0.05), FaultUnit::Unit),
        _ => (FaultKind::Stuck, None, FaultUnit::Unit),
    };
    let what = if kind == FaultKind::Bias { "level" } else { "pump" };
    let at = Some(Seconds(at as f64 * PERIOD_S));
    FaultFile { kind, channel: format!("{what}_{}", channel + 1), size, unit, at, until: None }
}

/// Periods from the fault to each one's alarm, ours first; whether ours named the channel.
type Found = ([Option<usize>; 7], bool);

fn one_fault(kit: &Kit, monitor: &Monitor, heights: &[f64; 6], name: &str, seed: u64, i: usize) -> Found {
    let (channel, sign) = (i % 2, if i % 4 < 2 { 1.0 } else { -1.0 });
    let at = 420 + (i * 37) % 480;
    let (mut run, first) = Run::new(seed + i as u64, vec![fault(name, channel, sign, at + FILL)]);
    let mut rivals = Rivals::new(kit, &first);
    let mut monitor = monitor.clone();
    monitor.update(&kit.ensemble, &[0.0; 2], &first);
    let (mut found, mut named) = ([None; 7], false);
    for t in 0..at + WATCHED {
        if t == at && name == "stuck valve" {
            // A command at least 20 % away from where the valve stuck.
            let now = run.held[channel];
            run.held[channel] = now * if now > 2.9 { 0.75 } else { 1.25 };
            run.left[channel] = run.left[channel].max(60);
        }
        let (set, read) = run.step();
        let alarms = monitor.update(&kit.ensemble, &set, &read);
        let now = rivals.push(&set, &read);
        if t + 1 < at {
            continue;
        }
        if let (None, Some(alarm)) = (found[0], alarms.first()) {
            found[0] = Some(t + 2 - at);
            named = alarm.channel == channel;
        }
        for r in 0..RIVALS.len() {
            if found[r + 1].is_none() && now[r] > heights[r] {
                found[r + 1] = Some(t + 2 - at);
            }
        }
    }
    (found, named)
}

fn faults(kit: &Kit, heights: &[f64; 6], seed: u64, count: usize) {
    let monitor = kit.monitor(1.0);
    for name in ["bias 3 sd", "bias 5 sd", "bias 8 sd", "leak 5 %", "stuck valve"] {
        let results: Vec<Found> = (0..count)
            .into_par_iter()
            .map(|i| one_fault(kit, &monitor, heights, name, seed + 10_000, i))
            .collect();
        for r in 0..=RIVALS.len() {
            let mut delays: Vec<usize> = results.iter().filter_map(|(f, _)| f[r]).collect();
            let found = delays.len();
            // Those that were missed came later than any.
            delays.resize(results.len(), usize::MAX);
            delays.sort_unstable();
            let median = match delays[delays.len() / 2] {
                usize::MAX => "never".to_owned(),
                median => median.to_string(),
            };
            let who = if r == 0 { "forethought" } else { RIVALS[r - 1] };
            let share = 100.0 * found as f64 / count as f64;
            let right = results.iter().filter(|(f, n)| f[0].is_some() && *n).count();
            let named = match r {
                0 if name.starts_with("bias") => format!(", right channel {right} of {found}"),
                _ => String::new(),
            };
            println!("{name}: {who}: found {share:.1} % of {count}, median delay {median} periods{named}");
        }
    }
}

fn weeks(kit: &Kit, seed: u64, weeks: usize) {
    let chains = 4.min(weeks);
    for asked in [1.0, 5.0] {
        let monitor = kit.monitor(asked);
        let chain = |chain: u64| {
            let (mut run, first) = Run::new(seed + 5000 + chain, Vec::new());
            let mut monitor = monitor.clone();
            monitor.update(&kit.ensemble, &[0.0; 2], &first);
            let mut out = Vec::new();
            for _ in 0..weeks / chains * WEEK {
                let (set, read) = run.step();
                let alarms = monitor.update(&kit.ensemble, &set, &read);
                out.extend(alarms.iter().map(|a| {
                    let kind = format!("{:?} {} of level_{}", a.statistic, a.horizon, a.channel + 1);
                    (a.period, kind)
                }));
            }
            out
        };
        let all: Vec<(u64, String)> = (0..chains as u64).into_par_iter().flat_map_iter(chain).collect();
        let total = (weeks / chains * chains) as f64;
        let rate = |from: usize, to: usize| {
            let within = (from * WEEK) as u64..(to * WEEK) as u64;
            all.iter().filter(|a| within.contains(&a.0)).count() as f64 / ((to - from) * chains) as f64
        };
        let each = weeks / chains;
        let got = all.len() as f64 / total;
        println!("false alarms: asked {asked} a week, got {got:.2} in {total} drifting weeks");
        for (from, to) in [(0, 1), (1, 4), (4, 12), (12, 1000)] {
            let to = to.min(each);
            if from < to {
                println!("  weeks {from} to {to} of a chain: {:.2} a week", rate(from, to));
            }
        }
        let mut kinds: Vec<&str> = all.iter().map(|a| a.1.as_str()).collect();
        kinds.sort_unstable();
        for group in kinds.chunk_by(|a, b| a == b) {
            println!("  of them by {}: {}", group[0], group.len());
        }
    }
}

fn main() {
    let given: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let at = |i: usize, usual| given.get(i).copied().unwrap_or(usual);
    let (seed, number, count) = (at(0, 1000) * 1_000_000, at(1, 100), at(2, 200));
    let kit = Kit::learn(seed);
    if count > 0 {
        let heights = kit.heights(seed);
        println!("rivals' heights for 1 false alarm a week, set on {SET_ON} weeks: {heights:.2?}");
        faults(&kit, &heights, seed, count as usize);
    }
    if number > 0 {
        weeks(&kit, seed, number as usize);
    }
}
