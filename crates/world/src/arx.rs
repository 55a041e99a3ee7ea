//! The linear model: each reading from the readings and actions before it.

use forethought_plant::{Dynamics, Episode, Imagined, Latent, Shape};
use serde::{Deserialize, Serialize};

use crate::WorldError;
use crate::ridge::Moments;
use crate::scaling::Scaling;

/// Past periods that a reading may depend on.
pub(crate) const LAGS: usize = 10;
/// Periods that a model needs, all episodes together: each lag seen a few times.
pub const PERIODS_LEAST: usize = 3 * LAGS;
/// Periods by which an action may come late, at most.
const LATEST: usize = 6;
/// Penalties that are tried, per period of data.
const PENALTIES: [f64; 6] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];
/// By how much the penalty grows from one lag to the next.
const GROWTHS: [f64; 4] = [1.0, 1.5, 2.5, 5.0];
/// Delays whose likelihoods differ by less than this, nats a sensor, explain equally well.
const AS_WELL: f64 = 1.0;
/// Parts of the data that are left out in turn.
const PARTS: usize = 5;

/// A vector autoregression with exogenous actions,
/// y_{t+1} = y_t + Σ_j Φ_j y_{t−j} + Σ_j Ψ_j u_{t−δ−j} + c, its coefficients by ridge regression.
///
/// The penalty grows exponentially with the lag, the diagonal of the tuned/correlated kernel (Chen, Ohlsson & Ljung,
/// Automatica 48, 2012); its size and its growth are those with the smallest one-step error on parts of
/// the data that were left out, and the delay δ of each action is the latest that leaves it as small.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arx {
    pub(crate) scaling: Scaling,
    /// Late periods of each action.
    pub(crate) delays: Vec<usize>,
    /// `[sensors × (LAGS × (sensors + actions) + 1)]`, of the change of each sensor; lag after lag, then the constant.
    pub(crate) weights: Vec<f64>,
    /// Standard deviation of the one-step error of each sensor, left out, normalised.
    pub(crate) error: Vec<f64>,
}

impl Arx {
    /// Learns from episodes of one plant. Delays that are known already are kept.
    ///
    /// # Errors
    /// [`WorldError::TooLittle`] for fewer than [`PERIODS_LEAST`], [`WorldError::NotFinite`] where they cannot be fitted.
    pub fn learn(episodes: &[&Episode], delays: Option<&[usize]>) -> Result<Self, WorldError> {
        let periods: usize = episodes.iter().map(|e| e.periods()).sum();
        if periods < PERIODS_LEAST {
            return Err(WorldError::TooLittle { found: periods, needed: PERIODS_LEAST });
        }
        let scaling = Scaling::of(episodes);
        let plain: Vec<Episode> = episodes.iter().map(|e| scaling.apply(e)).collect();
        let ((_, weights, error), delays) = match delays {
            Some(known) => fit(&plain, known).map(|found| (found, known.to_vec())),
            None => late(&plain),
        }
        .ok_or(WorldError::NotFinite)?;
        Ok(Arx { scaling, delays, weights, error })
    }

    fn width(&self) -> usize {
        let shape = self.shape();
        LAGS * (shape.sensors + shape.actions) + 1
    }

    /// Numbers of actions kept: the lags and the longest delay.
    fn kept(&self) -> usize {
        LAGS + self.delays.iter().copied().max().unwrap_or(0)
    }
}

/// Left-out error, weights on all data, left-out error of each sensor.
type Fitted = (f64, Vec<f64>, Vec<f64>);

/// The delay of each action, found one after the other. Lags begin at the delay and may be without weight, so that too
/// short a delay explains nearly as well as the true one, and plans that believe it act too soon: it is the latest of those
/// that explain as well. Where all do, the action tells nothing, and is taken to act at once.
fn late(plain: &[Episode]) -> Option<(Fitted, Vec<usize>)> {
    let actions = plain[0].actions;
    let periods: usize = plain.iter().map(Episode::periods).sum();
    let mut delays = vec![0; actions];
    let mut best = None;
    // Where there are several, what one explains depends on the others' delays.
    let rounds = if actions > 1 { 2 } else { 1 };
    for action in (0..actions).cycle().take(rounds * actions) {
        let mut found = Vec::with_capacity(LATEST + 1);
        for late in 0..=LATEST {
            delays[action] = late;
            found.push(fit(plain, &delays)?);
        }
        let least = found.iter().map(|f| f.0).fold(f64::INFINITY, f64::min);
        // Logarithms of mean errors, times the periods: nats a sensor.
        let explains = |f: &Fitted| libm::log(f.0 / least) * periods as f64 <= AS_WELL;
        let late = if explains(&found[LATEST]) { 0 } else { found.iter().rposition(explains).unwrap_or(0) };
        delays[action] = late;
        best = Some(found.swap_remove(late));
    }
    match best {
        Some(best) => Some((best, delays)),
        None => fit(plain, &delays).map(|f| (f, delays)),
    }
}

/// The best penalty for given delays.
fn fit(plain: &[Episode], delays: &[usize]) -> Option<Fitted> {
    let (sensors, actions) = (plain[0].sensors, plain[0].actions);
    let width = LAGS * (sensors + actions) + 1;
    let mut parts = vec![Moments::new(width, sensors); PARTS];
    let total: usize = plain.iter().map(Episode::periods).sum();
    let mut regressors = vec![0.0; width];
    let mut counted = 0;
    for episode in plain {
        for t in 0..episode.periods() {
            let part = &mut parts[counted * PARTS / total];
            counted += 1;
            if !regress(episode, t, delays, &mut regressors) {
                continue;
            }
            let change: Vec<f64> =
                episode.reading(t + 1).iter().zip(episode.reading(t)).map(|(a, b)| a - b).collect();
            if change.iter().all(|c| c.is_finite()) {
                part.push(&regressors, &change);
            }
        }
    }
    let mut all = Moments::new(width, sensors);
    parts.iter().for_each(|p| all.add(p, 1.0));
    let mut best: Option<Fitted> = None;
    for size in PENALTIES {
        for growth in GROWTHS {
            let penalty = penalties(size * all.rows, growth, sensors + actions);
            let mut squares = vec![0.0; sensors];
            for part in &parts {
                let mut rest = all.clone();
                rest.add(part, -1.0);
                let weights = rest.solve(&penalty)?;
                squares.iter_mut().zip(part.residual(&weights)).for_each(|(s, r)| *s += r);
            }
            let error: Vec<f64> = squares.iter().map(|s| (s / all.rows.max(1.0)).sqrt().max(1e-9)).collect();
            let score = error.iter().map(|e| libm::log(*e)).sum::<f64>() / sensors as f64;
            let score = libm::exp(score);
            if best.as_ref().is_none_or(|b| score < b.0) {
                best = Some((score, all.solve(&penalty)?, error));
            }
        }
    }
    best
}

fn penalties(size: f64, growth: f64, channels: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(LAGS * channels + 1);
    let mut now = size;
    for _ in 0..LAGS {
        out.extend(std::iter::repeat_n(now, channels));
        now *= growth;
    }
    out.push(1e-9 * size);
    out
}

/// Regressors of the reading after `t`. Before its beginning an episode is taken to have rested. False where a reading is
/// missing.
fn regress(episode: &Episode, t: usize, delays: &[usize], out: &mut [f64]) -> bool {
    let (sensors, actions) = (episode.sensors, episode.actions);
    for lag in 0..LAGS {
        let row = &mut out[lag * (sensors + actions)..(lag + 1) * (sensors + actions)];
        row[..sensors].copy_from_slice(episode.reading(t.saturating_sub(lag)));
        for a in 0..actions {
            row[sensors + a] = episode.action(t.saturating_sub(lag + delays[a]))[a];
        }
    }
    out[LAGS * (sensors + actions)] = 1.0;
    out.iter().all(|v| v.is_finite())
}

impl Dynamics for Arx {
    fn shape(&self) -> Shape {
        Shape { sensors: self.scaling.sensors.len(), actions: self.scaling.actions.len() }
    }

    /// The last `LAGS` readings, newest first, then the last actions, newest first, then how many actions are known. All in
    /// normalised.
    fn begin(&self, observed: &[f64]) -> Latent {
        let Shape { sensors, actions } = self.shape();
        let mut latent = vec![0.0; LAGS * sensors + self.kept() * actions + 1];
        for lag in 0..LAGS {
            for (i, &v) in observed.iter().enumerate() {
                latent[lag * sensors + i] = if v.is_nan() { 0.0 } else { self.scaling.sensor_in(i, v) };
            }
        }
        Latent(latent)
    }

    fn assimilate(&self, latent: &mut Latent, action: &[f64], observed: &[f64]) {
        let Shape { sensors, actions } = self.shape();
        let mut imagined = Imagined::new(1, 1, sensors);
        if observed.iter().any(|v| v.is_nan()) {
            self.imagine(latent, action, &mut imagined);
        }
        let plain: Vec<f64> = observed
            .iter()
            .zip(&imagined.mean)
            .enumerate()
            .map(|(i, (&o, &m))| self.scaling.sensor_in(i, if o.is_nan() { m } else { o }))
            .collect();
        let (read, set) = latent.0.split_at_mut(LAGS * sensors);
        push_set(&self.scaling, set, action, actions);
        read.rotate_right(sensors);
        read[..sensors].copy_from_slice(&plain);
    }

    fn imagine(&self, latent: &Latent, sequence: &[f64], imagined: &mut Imagined) {
        let Shape { sensors, actions } = self.shape();
        let width = self.width();
        imagined.spread.fill(0.0);
        let mut window = latent.0.clone();
        let mut change = vec![0.0; sensors];
        for future in 0..imagined.batch {
            window.copy_from_slice(&latent.0);
            for period in 0..imagined.horizon {
                let at = future * imagined.horizon + period;
                let (read, set) = window.split_at_mut(LAGS * sensors);
                push_set(&self.scaling, set, &sequence[at * actions..(at + 1) * actions], actions);
                for (s, c) in change.iter_mut().enumerate() {
                    let w = &self.weights[s * width..(s + 1) * width];
                    let mut sum = w[width - 1];
                    for lag in 0..LAGS {
                        let w = &w[lag * (sensors + actions)..(lag + 1) * (sensors + actions)];
                        let y = &read[lag * sensors..(lag + 1) * sensors];
                        sum += w.iter().zip(y).map(|(a, b)| a * b).sum::<f64>();
                        for a in 0..actions {
                            sum += w[sensors + a] * set[(lag + self.delays[a]) * actions + a];
                        }
                    }
                    *c = sum;
                }
                read.copy_within(0..(LAGS - 1) * sensors, sensors);
                for s in 0..sensors {
                    read[s] = read[sensors + s] + change[s];
                    imagined.mean[at * sensors + s] = self.scaling.sensor_out(s, read[s]);
                }
            }
        }
    }
}

/// The newest action in front. Before the first, the plant is taken to have rested at it.
fn push_set(scaling: &Scaling, set: &mut [f64], action: &[f64], actions: usize) {
    let count = set.len() - 1;
    let is_first = set[count] == 0.0;
    set[count] = 1.0;
    let set = &mut set[..count];
    set.rotate_right(actions);
    let rows = if is_first { count / actions.max(1) } else { 1 };
    for row in set.chunks_exact_mut(actions.max(1)).take(rows) {
        for (i, v) in row.iter_mut().enumerate() {
            *v = scaling.action_in(i, action[i]);
        }
    }
}
