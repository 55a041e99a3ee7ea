//! Which nonlinear features a latent model has: random directions, as long in each input as the evidence says.

use forethought_plant::Episode;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use crate::fit::{BURN_IN, Prior};
use crate::ridge::{Evidence, Moments};
use crate::state_space::{StateSpace, squash};

/// Rows that the evidence is reckoned from, at most, about.
const ROWS: usize = 800;
/// Length scales where the search begins, in standard deviations of an input, and by what factors it moves.
const LENGTH: f64 = 3.0;
const FACTORS: [f64; 4] = [3.0, 1.0 / 3.0, 1.5, 1.0 / 1.5];
/// Rounds over all inputs, at most.
const ROUNDS: usize = 3;
/// A length scale is believed to be near `LENGTH`: standard deviation of its logarithm.
const LENGTH_SD: f64 = 1.0;

/// What a filter saw: `[inputs]` before each reading, and by how much the readings changed from its states, `[sensors]`.
type Row = (Vec<f64>, Vec<f64>);

/// Gives a normalised linear model `count` features, and says what is believed of all parameters.
///
/// A feature σ(ωᵀΛ⁻¹(z − z₀)) has a random direction ω ~ N(0, I) and passes through a random place z₀ of the data (Rahimi &
/// Recht, NIPS 2008; Huang, Zhu & Siew, Neurocomputing 70, 2006). The length scales Λ, the sizes of linear and nonlinear weights
/// and the noise are those with the highest evidence of the change from one reading to the next (MacKay, Neural Computation 4,
/// 1992), features shared by all sensors. Where the evidence is not to be had, the model stays linear.
pub(crate) fn enrich(
    linear: &StateSpace,
    count: usize,
    episodes: &[Episode],
    linear_sd: f64,
    rng: &mut ChaCha8Rng,
) -> (StateSpace, Prior) {
    let rows = follow(linear, episodes);
    let found = search(&rows, count, rng);
    let mut space = linear.clone().with_features(if found.is_some() { count } else { 0 }, false);
    let (size, to) = (space.size, space.size.places());
    let (n, s, inputs) = (size.states(), size.sensors, size.inputs());
    let mut sd = vec![linear_sd; size.parameters()];
    if let Some(Found { directions, evidence }) = found {
        space.drawn = directions;
        let mut typical = 0.0;
        for (i, e) in evidence.iter().enumerate() {
            let t = &mut space.parameters;
            if size.hidden == 0 {
                t[to.g + i * count..to.g + (i + 1) * count].copy_from_slice(&e.weights[..count]);
                let line = &e.weights[count..];
                t[i * n..(i + 1) * n].copy_from_slice(&line[..n]);
                t[i * n + i] += 1.0;
                let actions = inputs - n;
                t[to.b + i * actions..to.b + (i + 1) * actions].copy_from_slice(&line[n..inputs]);
                t[to.offset + i] = line[inputs];
            }
            sd[to.g + i * count..to.g + (i + 1) * count].fill(e.sizes[0]);
            typical += e.sizes[0] / s as f64;
        }
        sd[to.g + s * count..to.first].fill(typical);
    }
    let prior = Prior { mean: space.parameters.clone(), sd };
    (space, prior)
}

fn follow(model: &StateSpace, episodes: &[Episode]) -> Vec<Row> {
    let periods: usize = episodes.iter().map(Episode::periods).sum();
    let thin = periods.div_ceil(ROWS).max(1);
    let mut rows = Vec::new();
    for episode in episodes {
        model.follow(episode, &mut |t, x| {
            if t < BURN_IN || !t.is_multiple_of(thin) || t == episode.periods() {
                return;
            }
            let read = episode.reading(t + 1);
            if read.iter().chain(x).all(|v| v.is_finite()) {
                let change = read.iter().zip(x).map(|(y, x)| y - x).collect();
                rows.push((x.iter().chain(episode.action(t)).copied().collect(), change));
            }
        });
    }
    rows
}

/// Features and what was believed of their weights.
struct Found {
    directions: Vec<f64>,
    evidence: Vec<Evidence>,
}

fn search(rows: &[Row], count: usize, rng: &mut ChaCha8Rng) -> Option<Found> {
    let inputs = rows.first()?.0.len();
    let spread: Vec<f64> = (0..inputs)
        .map(|i| {
            let mean = rows.iter().map(|r| r.0[i]).sum::<f64>() / rows.len() as f64;
            let square = rows.iter().map(|r| (r.0[i] - mean).powi(2)).sum::<f64>() / rows.len() as f64;
            square.sqrt().max(1e-6)
        })
        .collect();
    let omega: Vec<f64> = (0..count * inputs).map(|_| normal(rng)).collect();
    let through: Vec<usize> = (0..count).map(|_| (rng.next_u64() % rows.len() as u64) as usize).collect();
    let directions = |logs: &[f64]| {
        let mut out = Vec::with_capacity(count * (inputs + 1));
        for (omega, through) in omega.chunks_exact(inputs).zip(&through) {
            let from = out.len();
            out.extend((0..inputs).map(|i| omega[i] / (spread[i] * libm::exp(logs[i]))));
            let at: f64 = out[from..].iter().zip(&rows[*through].0).map(|(w, z)| w * z).sum();
            out.push(-at);
        }
        out
    };
    let judge = |logs: &[f64]| {
        let evidence = regress(rows, &directions(logs), count)?;
        let far = |l: &f64| ((l - libm::log(LENGTH)) / LENGTH_SD).powi(2);
        let score = evidence.iter().map(|e| e.log).sum::<f64>() - 0.5 * logs.iter().map(far).sum::<f64>();
        Some((score, evidence))
    };
    let mut logs = vec![libm::log(LENGTH); inputs];
    let (mut best, mut evidence) = judge(&logs)?;
    for _ in 0..ROUNDS {
        let before = best;
        for i in 0..inputs {
            for factor in FACTORS {
                let mut tried = logs.clone();
                tried[i] += libm::log(factor);
                if let Some((score, found)) = judge(&tried)
                    && score > best
                {
                    (best, evidence, logs) = (score, found, tried);
                }
            }
        }
        if best - before < 0.5 {
            break;
        }
    }
    Some(Found { directions: directions(&logs), evidence })
}

/// The evidence of each sensor: weights of the features, the inputs, the constant.
fn regress(rows: &[Row], directions: &[f64], count: usize) -> Option<Vec<Evidence>> {
    let (inputs, sensors) = (rows[0].0.len(), rows[0].1.len());
    let mut moments = Moments::new(count + inputs + 1, sensors);
    let mut row = vec![1.0; count + inputs + 1];
    for (z, change) in rows {
        for (f, w) in row.iter_mut().zip(directions.chunks_exact(inputs + 1)) {
            *f = squash(w[inputs] + w[..inputs].iter().zip(z).map(|(a, b)| a * b).sum::<f64>()).0;
        }
        row[count..count + inputs].copy_from_slice(z);
        moments.push(&row, change);
    }
    moments.evidence(&[count, inputs])
}

/// Standard normal, by inversion.
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let uniform = ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    forethought_calibrate::normal_quantile(uniform)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realise::rest;
    use crate::state_space::Size;
    use rand_core::SeedableRng;

    /// A sensor that heats itself the more the hotter it is, pushed up and down.
    fn runaway(periods: usize) -> Episode {
        let mut episode = Episode::begin(1.0, &[0.0], 1);
        let mut y: f64 = 0.0;
        for t in 0..periods {
            let u = if (t / 7) % 2 == 0 { 1.0 } else { -1.0 };
            y += -0.3 * y + 0.2 * u + 0.15 * libm::exp(y);
            episode.push(&[u], &[y]);
        }
        episode
    }

    #[test]
    fn features_foresee_what_a_line_cannot() {
        let size = Size { sensors: 1, actions: 1, hidden: 0, features: 0, turns: false };
        let mut line = rest(size);
        line.gain = vec![1.0, 0.0];
        let episode = runaway(150);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (space, prior) = enrich(&line, 16, std::slice::from_ref(&episode), 0.3, &mut rng);
        assert_eq!(prior.mean.len(), space.size.parameters());
        // The best line in hindsight, against the features.
        let (mut moments, mut ours) = (Moments::new(3, 1), 0.0);
        let rows: Vec<Row> = follow(&line, std::slice::from_ref(&episode));
        rows.iter().for_each(|(z, change)| moments.push(&[z[0], z[1], 1.0], change));
        let weights = moments.solve(&[1e-9; 3]).unwrap();
        let mut next = [0.0];
        for (z, change) in &rows {
            space.advance(&z[..1], &[], &z[1..], &mut next);
            ours += (change[0] - (next[0] - z[0])).powi(2);
        }
        let theirs = moments.residual(&weights)[0];
        assert!(ours < 0.05 * theirs, "{ours} and {theirs}");
    }
}
