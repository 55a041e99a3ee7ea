//! What is raised, what is not, and whom it names, on two tanks whose levels are both read.

use forethought_plant::Episode;
use forethought_world::{Ensemble, Follow, Monitor, Surprise};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::sync::OnceLock;

const PERIOD_S: f64 = 5.0;
const WEEK: usize = 120_960;
const SD: f64 = 0.05;
/// Drift of a ramp, units a second: half a unit a day.
const DRIFT: f64 = 0.5 / 86_400.0;

/// What goes wrong from period `at` on.
#[derive(Clone, Copy, Default)]
struct Fault {
    at: usize,
    bias: [f64; 2],
    /// Share of the inflow that is lost.
    leak: f64,
    /// Units a second on sensor 1, from the beginning on.
    drift: f64,
    /// Standard deviation of noise that sensor 0 has besides its own.
    noise: f64,
}

/// Two tanks in a row by Torricelli's law, inflow by a pump that comes one period late, a little process noise.
struct Plant {
    rng: ChaCha8Rng,
    levels: [f64; 2],
    pump: f64,
    late: f64,
    left: usize,
    t: usize,
    fault: Fault,
}

impl Plant {
    fn new(seed: u64, fault: Fault) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Plant { rng, levels: [4.0, 4.0], pump: 1.6, late: 1.6, left: 0, t: 0, fault }
    }

    fn uniform(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self, sd: f64) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        sd * (-2.0 * libm::log(u)).sqrt() * libm::cos(2.0 * std::f64::consts::PI * v)
    }

    /// One period: what was held, and what is read at its end.
    fn step(&mut self) -> ([f64; 1], [f64; 2]) {
        if self.left == 0 {
            self.left = 8 + (20.0 * self.uniform()) as usize;
            self.pump = 0.9 + 1.6 * self.uniform();
        }
        self.left -= 1;
        self.t += 1;
        let on = self.t > self.fault.at;
        let inflow = self.late * if on { 1.0 - self.fault.leak } else { 1.0 };
        for _ in 0..10 {
            let h = PERIOD_S / 10.0;
            let out = |level: f64| 0.8 * level.max(0.0).sqrt();
            let [upper, lower] = self.levels;
            self.levels[0] += h * (inflow - out(upper)) / 12.0;
            self.levels[1] += h * (out(upper) - out(lower)) / 18.0;
        }
        self.late = self.pump;
        for i in 0..2 {
            self.levels[i] = (self.levels[i] + self.normal(0.005)).max(0.0);
        }
        let mut read = [0.0; 2];
        for (i, read) in read.iter_mut().enumerate() {
            *read = self.levels[i] + self.normal(SD) + if on { self.fault.bias[i] } else { 0.0 };
        }
        if on && self.fault.noise > 0.0 {
            read[0] += self.normal(self.fault.noise);
        }
        read[1] += self.fault.drift * self.t as f64 * PERIOD_S;
        ([self.pump], read)
    }
}

fn episode(seed: u64, periods: usize) -> Episode {
    let mut plant = Plant::new(seed, Fault::default());
    let mut out = Episode::begin(PERIOD_S, &plant.step().1, 1);
    for _ in 0..periods {
        let (set, read) = plant.step();
        out.push(&set, &read);
    }
    out
}

/// A model from an hour, and what is normal from ten.
#[expect(clippy::unwrap_used, reason = "a test's own helper")]
fn learnt(drift: f64) -> (&'static Ensemble, Monitor) {
    static LEARNT: OnceLock<(Ensemble, Vec<Episode>)> = OnceLock::new();
    let (ensemble, nominal) = LEARNT.get_or_init(|| {
        let seen: Vec<Episode> = (1000..1004).map(|s| episode(s, 180)).collect();
        let ensemble =
            Ensemble::learn(&seen.iter().collect::<Vec<_>>(), None, None, Follow::Closely, 7).unwrap();
        (ensemble, (1010..1014).map(|s| episode(s, 1800)).collect())
    });
    let nominal: Vec<&Episode> = nominal.iter().collect();
    (ensemble, Monitor::learn(ensemble, &nominal, 1.0, PERIOD_S, &[0.0, drift]).named(&["upper", "lower"]))
}

/// All alarms of `periods` periods.
fn watch(monitor: &mut Monitor, seed: u64, fault: Fault, periods: usize) -> Vec<Surprise> {
    let (ensemble, _) = learnt(0.0);
    let mut plant = Plant::new(seed, fault);
    monitor.restart();
    let mut out = Vec::new();
    for _ in 0..periods {
        let (set, read) = plant.step();
        out.extend(monitor.update(ensemble, &set, &read));
    }
    out
}

#[test]
fn a_bias_is_found_at_once_on_its_channel_and_only_once() {
    let (_, monitor) = learnt(0.0);
    let (mut found, mut named, mut delays) = (0, 0, Vec::new());
    for seed in 0..40_u64 {
        let channel = (seed % 2) as usize;
        let mut bias = [0.0; 2];
        bias[channel] = if seed % 4 < 2 { 5.0 * SD } else { -5.0 * SD };
        let at = 400 + 7 * seed as usize;
        let alarms =
            watch(&mut monitor.clone(), 2000 + seed, Fault { at, bias, ..Fault::default() }, at + 300);
        let of_it: Vec<&Surprise> = alarms.iter().filter(|a| a.period as usize >= at).collect();
        if let Some(alarm) = of_it.first() {
            found += 1;
            delays.push(alarm.period as usize - at);
            named += usize::from(alarm.channel == channel);
            assert!(of_it.len() <= 2, "{seed}: {of_it:#?}");
        }
    }
    delays.sort_unstable();
    println!("found {found} of 40, named {named}, median delay {}, {delays:?}", delays[delays.len() / 2]);
    assert!(found >= 39 && named >= 36 && delays[delays.len() / 2] <= 6);
}

#[test]
fn a_leak_is_found() {
    let (_, monitor) = learnt(0.0);
    let found = (0..20_u64)
        .filter(|&seed| {
            let fault = Fault { at: 500, leak: 0.1, ..Fault::default() };
            let alarms = watch(&mut monitor.clone(), 3000 + seed, fault, 800);
            alarms.iter().any(|a| a.period >= 500 && a.size < 0.0)
        })
        .count();
    assert!(found >= 19, "{found}");
}

/// Of 10 plants whose sensor 0 becomes noisy for good in period 300 and stays in an event for it: those on which `next` is found
/// that begins in period 600, and all alarms from 300 on before it.
fn found_later(next: Fault) -> (usize, usize) {
    let (ensemble, monitor) = learnt(0.0);
    let noisy = Fault { at: 300, noise: 4.0 * SD, ..Fault::default() };
    let (mut found, mut before) = (0, 0);
    for seed in 3100..3110 {
        let mut monitor = monitor.clone();
        let mut plant = Plant::new(seed, noisy);
        let mut alarms = Vec::new();
        for t in 0..900 {
            if t == 600 {
                plant.fault = Fault { at: 600, noise: noisy.noise, ..next };
            }
            let (set, read) = plant.step();
            alarms.extend(monitor.update(ensemble, &set, &read));
        }
        before += alarms.iter().filter(|a| (300..600).contains(&a.period)).count();
        found += usize::from(alarms.iter().any(|a| (600..700).contains(&a.period)));
    }
    (found, before)
}

#[test]
fn an_event_that_lasts_hides_no_other_fault() {
    // 30 % of the inflow is lost: both levels fall. 10 sd: what is noise on sensor 0 is none on sensor 1.
    for next in [
        Fault { leak: 0.3, ..Fault::default() },
        Fault { bias: [0.0, 10.0 * SD], ..Fault::default() },
        Fault { bias: [40.0 * SD, 0.0], ..Fault::default() },
    ] {
        let (found, before) = found_later(next);
        println!("found {found} of 10, {before} alarms before");
        // One for each cause: the noise.
        assert!(found >= 9 && (9..=13).contains(&before), "{found} {before}");
    }
}

#[test]
fn what_was_no_fault_is_known_by_the_next_model_too_and_blinds_no_sensor() {
    let (_, monitor) = learnt(0.0);
    let step = |size: f64| Fault { at: 500, bias: [0.0, size * SD], ..Fault::default() };
    let of = |monitor: &Monitor, seed, fault: Fault| {
        let mut monitor = monitor.clone();
        let alarms = watch(&mut monitor, seed, fault, 800);
        let alarms = alarms.into_iter().filter(|a| a.period >= 500);
        alarms.map(|a| monitor.reached(a.event)).collect::<Vec<_>>()
    };
    // A model that is learnt again knows nothing of what was said to the one before but what is in the journal.
    let mut next = monitor.clone();
    for seed in 6000..6004 {
        of(&monitor, seed, step(6.0)).iter().for_each(|reached| next.excuse(1, reached));
    }
    let mut by_hearsay = monitor.clone();
    by_hearsay.excuse(1, &[]);
    let alarmed =
        |monitor: &Monitor, fault| (6010..6020).filter(|&s| !of(monitor, s, fault).is_empty()).count();
    let (like, larger) = (alarmed(&next, step(6.0)), alarmed(&next, step(14.0)));
    let other_way = alarmed(&next, step(-6.0));
    let leak = Fault { at: 500, leak: 0.2, ..Fault::default() };
    let (leaks, hearsay) = (alarmed(&next, leak), alarmed(&by_hearsay, leak));
    // Of what is known by hearsay only as much as just raises an alarm is excused.
    let just = |monitor: &Monitor| {
        let sizes = [1.0, 1.5, 2.0].into_iter().flat_map(|size| (6010..6020).map(move |s| (s, size)));
        sizes.filter(|&(s, size)| !of(monitor, s, step(size)).is_empty()).count()
    };
    let (before, after) = (just(&monitor), just(&by_hearsay));
    println!(
        "like {like}, larger {larger}, other way {other_way}, leaks {leaks} {hearsay} of 10; just {before} {after} of 30"
    );
    assert!(after < before, "{before} {after}");
    assert!(like <= 2 && larger == 10 && other_way == 10 && leaks == 10 && hearsay == 10);
}

#[test]
fn a_healthy_plant_raises_as_many_alarms_as_were_asked() {
    let (_, mut monitor) = learnt(0.0);
    monitor.ask(5.0);
    let weeks = 4;
    let alarms = watch(&mut monitor, 4000, Fault::default(), weeks * WEEK);
    println!("{} alarms in {weeks} weeks", alarms.len());
    for a in &alarms {
        println!("{} {:?} {} p {:.1e}: {}", a.period, a.statistic, a.horizon, a.p, a.text);
    }
    // 20 were asked. Poisson with a mean within a factor of 1.5 of that, 13.3 to 30: from 6 to 45 with odds of 99 %. This
    // finds a gross error and does not show the factor: that takes the weeks of the example.
    assert!((6..=45).contains(&alarms.len()), "{}", alarms.len());
}

#[test]
fn maintenance_is_silent() {
    let (ensemble, mut monitor) = learnt(0.0);
    let mut plant = Plant::new(5000, Fault { at: 600, bias: [3.0, -3.0], ..Fault::default() });
    let mut alarms = Vec::new();
    for t in 0..1200 {
        if t == 590 {
            monitor.mask(true);
        }
        if t == 700 {
            plant.fault = Fault::default();
            monitor.mask(false);
        }
        let (set, read) = plant.step();
        alarms.extend(monitor.update(ensemble, &set, &read));
    }
    // Before maintenance a healthy plant has its false alarms like any other: one is raised at this seed.
    alarms.retain(|a| a.period >= 590);
    assert_eq!(alarms, []);
}

#[test]
fn what_was_judged_no_fault_is_silent_until_it_is_larger() {
    let (_, mut monitor) = learnt(0.0);
    let of = |monitor: &mut Monitor, seed, size: f64| {
        let fault = Fault { at: 500, bias: [0.0, size * SD], ..Fault::default() };
        let before = monitor.clone();
        let alarms = watch(monitor, seed, fault, 800);
        let from = 500 + before_periods(&before);
        alarms.into_iter().filter(|a| a.period >= from).collect::<Vec<_>>()
    };
    // Such a step belongs to this plant: people say so of the first few.
    for seed in 6000..6004 {
        for alarm in of(&mut monitor, seed, 6.0) {
            let reached = monitor.reached(alarm.event);
            monitor.excuse(alarm.channel, &reached);
        }
    }
    let silent = (6010..6020).filter(|&seed| of(&mut monitor.clone(), seed, 6.0).is_empty()).count();
    let loud = (6020..6030).filter(|&seed| !of(&mut monitor.clone(), seed, 14.0).is_empty()).count();
    println!("silent {silent} of 10, loud {loud} of 10");
    assert!(silent >= 8 && loud == 10);
    // Another channel is as watchful as before.
    let fault = Fault { at: 500, bias: [6.0 * SD, 0.0], ..Fault::default() };
    assert!(!watch(&mut monitor, 6040, fault, 800).is_empty());
}

/// How many periods a monitor has seen.
#[expect(clippy::unwrap_used, reason = "a test's own helper")]
fn before_periods(monitor: &Monitor) -> u64 {
    serde_json::to_value(monitor).unwrap()["period"].as_u64().unwrap()
}

const DRIFTING: Fault = Fault { at: usize::MAX, bias: [0.0; 2], leak: 0.0, drift: DRIFT, noise: 0.0 };

/// Alarms on the drifting channel in each of four quarters of a week.
fn quarters(declared: f64) -> Vec<usize> {
    let on_it = |alarms: Vec<Surprise>| alarms.iter().filter(|a| a.channel == 1).count();
    (7000..7004).map(|seed| on_it(watch(&mut learnt(declared).1, seed, DRIFTING, WEEK / 4))).collect()
}

/// One false alarm a week on two channels: of half an alarm on this one, more than three are rarer than once in 500.
const FALSE_ALARMS: usize = 3;

#[test]
fn declared_drift_is_silent_and_undeclared_is_reported() {
    // The other channel may have a false alarm, one in four of such runs as asked; the one that drifts is what is tested.
    let on_it = |alarms: &[Surprise]| alarms.iter().filter(|a| a.channel == 1).count();
    assert_eq!(on_it(&watch(&mut learnt(DRIFT).1, 7000, DRIFTING, WEEK / 4)), 0);
    assert!(on_it(&watch(&mut learnt(0.0).1, 7000, DRIFTING, WEEK / 4)) > 0);
}

#[test]
fn undeclared_drift_is_reported_once() {
    let alarms = watch(&mut learnt(0.0).1, 7000, DRIFTING, WEEK / 4);
    assert_eq!(alarms.iter().filter(|a| a.channel == 1).count(), 1, "{alarms:#?}");
}

#[test]
fn declared_drift_is_silent_on_four_plants() {
    assert!(quarters(DRIFT).iter().sum::<usize>() <= FALSE_ALARMS);
}

#[test]
fn undeclared_drift_is_reported_about_once_on_each_of_four_plants() {
    let alarms = quarters(0.0);
    assert!(alarms.iter().all(|&n| n > 0), "{alarms:?}");
    assert!(alarms.iter().sum::<usize>() <= alarms.len() + FALSE_ALARMS, "{alarms:?}");
}

#[test]
fn a_stored_monitor_goes_on_as_if_nothing_had_happened() {
    let (ensemble, mut monitor) = learnt(0.0);
    let mut plant = Plant::new(8000, Fault { at: 300, bias: [0.0, 0.5], ..Fault::default() });
    for t in 0..400 {
        let (set, read) = plant.step();
        if t == 298 {
            monitor = serde_json::from_str(&serde_json::to_string(&monitor).unwrap()).unwrap();
        }
        let alarms = monitor.update(ensemble, &set, &read);
        if t > 310 {
            assert!(alarms.is_empty() && monitor.is_open());
            break;
        }
    }
}
