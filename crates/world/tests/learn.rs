//! What is learnt from a noisy plant with a hidden state, against the floor, the linear model and the truth.

use forethought_plant::{Dynamics, Episode, Imagined, Shape};
use forethought_world::{Ensemble, Follow, Foresight, Persistence};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

const PERIOD_S: f64 = 5.0;

/// Two tanks in a row, the level of the lower one is read: Torricelli's law, inflow by a pump that comes one period late.
struct Tanks {
    levels: [f64; 2],
    late: f64,
}

impl Tanks {
    fn step(&mut self, pump: f64) -> f64 {
        for _ in 0..20 {
            let h = PERIOD_S / 20.0;
            let out = |level: f64| 0.8 * level.max(0.0).sqrt();
            let [upper, lower] = self.levels;
            self.levels[0] += h * (self.late - out(upper)) / 12.0;
            self.levels[1] += h * (out(upper) - out(lower)) / 18.0;
        }
        self.late = pump;
        self.levels[1]
    }
}

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Noise of about a normal distribution with standard deviation `sd`.
fn noise(rng: &mut ChaCha8Rng, sd: f64) -> f64 {
    sd * ((0..12).map(|_| uniform(rng)).sum::<f64>() - 6.0)
}

fn episode(seed: u64, periods: usize, sd: f64) -> Episode {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut tanks = Tanks { levels: [4.0, 4.0], late: 1.6 };
    let mut out = Episode::begin(PERIOD_S, &[4.0 + noise(&mut rng, sd)], 1);
    let mut pump = 1.6;
    for t in 0..periods {
        if t.is_multiple_of(12) {
            pump = 0.8 + 2.2 * uniform(&mut rng);
        }
        let level = tanks.step(pump);
        out.push(&[pump], &[level + noise(&mut rng, sd)]);
    }
    out
}

/// Root mean square error `ahead` periods on, over all beginnings in an episode.
fn error(model: &dyn Dynamics, episode: &Episode, ahead: usize) -> f64 {
    let mut latent = model.begin(episode.reading(0));
    let (mut sum, mut n) = (0.0, 0.0);
    for t in 0..episode.periods() - ahead {
        if t > 20 {
            let mut imagined = Imagined::new(1, ahead, 1);
            model.imagine(&latent, &episode.set[t..t + ahead], &mut imagined);
            let off = imagined.at(0, ahead - 1)[0] - episode.reading(t + ahead)[0];
            sum += off * off;
            n += 1.0;
        }
        model.assimilate(&mut latent, episode.action(t), episode.reading(t + 1));
    }
    f64::sqrt(sum / n)
}

#[test]
fn the_ensemble_foresees_better_than_lines_and_floors() {
    let sd = 0.05;
    let seen: Vec<Episode> = (0..4).map(|s| episode(s, 100, sd)).collect();
    let all: Vec<&Episode> = seen.iter().collect();
    let learnt = Ensemble::learn(&all, None, None, Follow::Closely, 7).unwrap();
    let new = episode(100, 400, sd);
    let floor = Persistence(Shape { sensors: 1, actions: 1 });
    for ahead in [1, 5, 20] {
        let (ours, line, still) =
            (error(&learnt, &new, ahead), error(learnt.linear(), &new, ahead), error(&floor, &new, ahead));
        println!(
            "{ahead:>2} ahead: ensemble {ours:.4}, linear {line:.4}, persistence {still:.4}, noise {sd}"
        );
        if ahead > 1 {
            assert!(ours < line && ours < 0.6 * still.max(2.0 * sd), "{ahead}: {ours} {line} {still}");
        }
    }
    assert!(error(&learnt, &new, 20) < 2.5 * sd);
}

/// Parts of 24 periods are too short to see 20 periods ahead once a filter has come to the truth.
#[test]
fn what_no_episode_was_long_enough_to_measure_is_not_claimed_to_be_certain() {
    let seen: Vec<Episode> = (0..2).map(|s| episode(s, 24, 0.05)).collect();
    let all: Vec<&Episode> = seen.iter().collect();
    let learnt = Ensemble::learn(&all, None, None, Follow::Closely, 7).unwrap();
    let (foresight, left_out) = Foresight::measure(&learnt, &all, None);
    assert_eq!(left_out.iter().map(|l| l.ahead).collect::<Vec<_>>(), [1, 5]);
    let width = |row| {
        let interval = foresight.interval(row, 0, 0.0, 0.0);
        interval.high - interval.low
    };
    assert!(width(1) > 0.05 && (width(2) - 2.0 * width(1)).abs() < 1e-9, "{} {}", width(1), width(2));
}
