//! Plans over whatever can be costed.

use forethought_plan::{SequenceTask, plan_sequence};
use forethought_plant::{Costable, Score};

use crate::plants::bounds;
use crate::reaches::methods;

/// A plant that nobody imagines sensor by sensor: a walk that should end at a place, and that must not come near a wall.
struct Walk {
    kept: Option<f64>,
    last: Vec<f64>,
}

const GOAL: f64 = 3.0;
const WALL: f64 = 4.0;

fn end(way: &[f64]) -> f64 {
    way.iter().sum()
}

impl Costable for Walk {
    fn costs(&mut self, horizon: usize, actions: &[f64], scores: &mut [Score]) {
        self.last = actions.chunks_exact(horizon).map(end).collect();
        for (way, score) in actions.chunks_exact(horizon).zip(scores) {
            let mut place = 0.0;
            let over = way.iter().map(|step| {
                place += step;
                (place - WALL).max(0.0)
            });
            *score = Score::new(over.sum(), (end(way) - GOAL).powi(2));
        }
    }

    fn keep(&mut self, candidate: usize) {
        self.kept = Some(self.last[candidate]);
    }
}

#[test]
fn a_plan_over_costs_alone_reaches_its_goal_within_bounds_rates_and_limits() {
    let bounds = bounds(1, -1.0, 1.0, 0.5);
    for method in methods() {
        let task =
            SequenceTask { bounds: &bounds, previous: &[0.0], horizon: 10, warm: None, seed: 1, decision: 1 };
        let plan = |stop: &mut dyn FnMut(u32) -> bool| {
            let mut walk = Walk { kept: None, last: vec![] };
            let plan = plan_sequence(&mut walk, &task, &method, stop);
            assert_eq!(walk.kept, Some(end(&plan.actions)), "the best is told");
            plan
        };
        let whole = plan(&mut |_| false);
        assert!((end(&whole.actions) - GOAL).abs() < 0.1, "{method:?}: {whole:?}");
        assert_eq!(whole.score.violation, 0.0);
        let mut before = 0.0;
        for action in &whole.actions {
            assert!(action.abs() <= 1.0 && (action - before).abs() <= 0.5 + 1e-9, "{whole:?}");
            before = *action;
        }
        assert!(whole.finished && whole.evaluations > 0);
        let cut = plan(&mut |k| k >= 1);
        assert!(!cut.finished && cut.iterations == 1 && !cut.score.beats(&whole.score));
    }
}
