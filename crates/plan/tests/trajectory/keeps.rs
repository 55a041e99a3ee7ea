//! What holds for every plan.

use std::sync::atomic::{AtomicU64, Ordering};

use forethought_plan::{Cem, Icem, Method, Moves, Mppi, Trajectory, TrajectoryTask, Within, plan_trajectory};
use forethought_plant::{ActionBounds, Dynamics, Imagined, Latent, Shape};
use proptest::prelude::*;

use crate::plants::*;
use crate::reaches::methods;

/// Checks every sequence that it is asked to imagine.
struct Watched<D>(D, ActionBounds, Vec<f64>, AtomicU64);

impl<D: Dynamics> Dynamics for Watched<D> {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn begin(&self, observed: &[f64]) -> Latent {
        self.0.begin(observed)
    }

    fn assimilate(&self, latent: &mut Latent, action: &[f64], observed: &[f64]) {
        self.0.assimilate(latent, action, observed);
    }

    fn imagine(&self, latent: &Latent, actions: &[f64], imagined: &mut Imagined) {
        assert_eq!(actions.len(), imagined.batch * imagined.horizon * self.1.len());
        for sequence in actions.chunks_exact(imagined.horizon * self.1.len()) {
            self.3.fetch_add(1, Ordering::Relaxed);
            kept(&self.1, &self.2, sequence);
        }
        self.0.imagine(latent, actions, imagined);
    }
}

/// Clamping moves nothing, to the last bit.
fn kept(bounds: &ActionBounds, previous: &[f64], actions: &[f64]) {
    let mut before = previous.to_vec();
    for action in actions.chunks_exact(previous.len()) {
        let mut clamped = action.to_vec();
        bounds.clamp(&mut clamped, &before);
        assert_eq!(clamped, action);
        before = clamped;
    }
}

fn small(within: Within, blocks: &[usize]) -> [Method; 3] {
    let moves = Moves { blocks: blocks.to_vec(), within, polish: 4 };
    [
        Method::Cem(Cem { budget: 1_500, moves: moves.clone(), ..Cem::default() }),
        Method::Icem(Icem { budget: 1_500, moves: moves.clone(), ..Icem::default() }),
        Method::Mppi(Mppi { budget: 1_500, moves, ..Mppi::default() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn bounds_and_rates_hold_for_every_candidate(
        low in prop::array::uniform2(-3.0_f64..1.0),
        width in prop::array::uniform2(0.0_f64..4.0),
        step in prop::array::uniform2(prop_oneof![Just(f64::INFINITY), Just(0.0), 1e-3_f64..2.0]),
        previous in prop::array::uniform2(-4.0_f64..4.0),
        warm in prop::option::of(prop::collection::vec(prop_oneof![9 => -9.0_f64..9.0, 1 => Just(1e300)], 24)),
        horizon in prop_oneof![Just(12_usize), 1_usize..20],
        blocks in prop::collection::vec(1_usize..6, 0..4),
        ramp in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let bounds = ActionBounds {
            low: low.to_vec(),
            high: low.iter().zip(&width).map(|(l, w)| l + w).collect(),
            step: step.to_vec(),
        };
        let dynamics = Watched(rod(), bounds.clone(), previous.to_vec(), AtomicU64::new(0));
        let latent = Latent(vec![50.0; 3]);
        let within = if ramp { Within::Ramp } else { Within::Hold };
        for method in small(within, &blocks) {
            let task = TrajectoryTask {
                previous: &previous, warm: warm.as_deref(), seed, ..task(&dynamics, &latent, &follow, &bounds, horizon)
            };
            dynamics.3.store(0, Ordering::Relaxed);
            let plan = plan_trajectory(&task, &method, &mut |_| false);
            kept(&bounds, &previous, &plan.actions);
            prop_assert_eq!(plan.actions.len(), 2 * horizon);
            prop_assert_eq!(plan.mean.len(), 3 * horizon);
            prop_assert_eq!(dynamics.3.load(Ordering::Relaxed), plan.evaluations);
        }
    }
}

fn bits(plan: &Trajectory) -> Vec<u64> {
    let numbers = plan.actions.iter().chain(&plan.mean).chain(&plan.spread);
    numbers.chain([&plan.cost, &plan.violation]).map(|x| x.to_bits()).collect()
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_does_not() {
    let (dynamics, bounds, latent) = (rod(), bounds(2, 0.0, 3.0, 0.5), Latent(vec![20.0; 3]));
    let task = task(&dynamics, &latent, &follow, &bounds, 30);
    for method in methods() {
        let plan = |task: &TrajectoryTask<'_>| plan_trajectory(task, &method, &mut |_| false);
        assert_eq!(bits(&plan(&task)), bits(&plan(&task)));
        assert_ne!(bits(&plan(&task)), bits(&plan(&TrajectoryTask { seed: 2, ..task })));
        assert_ne!(bits(&plan(&task)), bits(&plan(&TrajectoryTask { decision: 1, ..task })));
    }
}

#[test]
fn a_stopped_plan_is_the_plan_of_as_many_iterations() {
    let (dynamics, bounds, latent) = (pendulum(), bounds(1, -2.0, 2.0, 0.7), Latent(vec![3.0, 0.1]));
    let task = task(&dynamics, &latent, &upright, &bounds, 40);
    for method in methods() {
        let mut asked = Vec::new();
        let whole = plan_trajectory(&task, &method, &mut |k| {
            asked.push(k);
            false
        });
        assert!(whole.finished);
        assert_eq!(asked, (1..whole.iterations).collect::<Vec<_>>());
        let mut last = f64::INFINITY;
        for count in 1..=whole.iterations {
            // A deadline that falls at some moment, and the replay of what was recorded.
            let mut questions = 0;
            let cut = plan_trajectory(&task, &method, &mut |_| {
                questions += 1;
                questions >= count
            });
            let replay = plan_trajectory(&task, &method, &mut |k| k >= cut.iterations);
            assert_eq!((cut.iterations, cut.finished), (count, count == whole.iterations));
            assert_eq!(bits(&cut), bits(&replay));
            assert!(cut.cost <= last);
            last = cut.cost;
        }
        assert_eq!(last, whole.cost);
    }
}

#[test]
fn what_is_no_number_never_wins() {
    let bounds = bounds(1, -2.0, 2.0, f64::INFINITY);
    let latent = Latent(vec![0.0, 0.0]);
    let holes = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for hole in holes {
        // Pushing forward leads where the model knows nothing, and where it would cost least.
        let broken = plant(2, 1, move |x, u| {
            x[1] += 0.1 * u[0];
            x[0] += 0.1 * x[1];
            if x[0] > 0.2 {
                x[0] = hole;
            }
        });
        let cost = |_: usize, x: &[f64], _: &[f64], _: &[f64]| (x[0] - 1.0).powi(2);
        let odd = move |_: usize, x: &[f64], _: &[f64], _: &[f64]| if x[0] > 0.1 { hole } else { -x[0] };
        let nothing = plant(2, 1, move |x, _| x.fill(hole));
        for method in methods() {
            for _ in 0..2 {
                let plan =
                    plan_trajectory(&task(&broken, &latent, &cost, &bounds, 15), &method, &mut |_| false);
                assert!(plan.cost.is_finite() && plan.cost < 15.0 && plan.mean.iter().all(|x| x.is_finite()));
                assert!(plan.mean[28] > 0.1, "{method:?} {hole} {}", plan.mean[28]);
            }
            let plan = plan_trajectory(
                &task(&double_integrator(), &latent, &odd, &bounds, 15),
                &method,
                &mut |_| false,
            );
            assert!(plan.cost.is_finite() && plan.cost < 0.0);
            // Where nothing can be imagined, what is held now is kept.
            let plan = plan_trajectory(&task(&nothing, &latent, &cost, &bounds, 15), &method, &mut |_| false);
            assert_eq!((plan.cost, plan.violation), (f64::INFINITY, f64::INFINITY));
            assert_eq!(plan.actions, [0.0; 15]);
        }
    }
}
