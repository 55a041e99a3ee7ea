//! Scores candidates; keeps the best.

use forethought_plant::{Costable, Score};

use super::SequenceTask;

/// What scores candidates, with all its room.
pub(crate) struct Evaluator<'a, C: ?Sized> {
    pub(crate) task: SequenceTask<'a>,
    pub(crate) costable: &'a mut C,
    /// The candidates, `[batch × horizon × actions]`.
    pub(crate) actions: Vec<f64>,
    /// Their scores, `[batch]`.
    pub(crate) scores: Vec<Score>,
    /// The best of all so far.
    pub(crate) best: Score,
    pub(crate) best_actions: Vec<f64>,
    pub(crate) evaluations: u64,
}

impl<'a, C: Costable + ?Sized> Evaluator<'a, C> {
    pub(crate) fn new(task: SequenceTask<'a>, costable: &'a mut C) -> Self {
        Evaluator {
            task,
            costable,
            actions: Vec::new(),
            scores: Vec::new(),
            best: Score::WORST,
            best_actions: Vec::new(),
            evaluations: 0,
        }
    }

    /// Room for this many candidates.
    pub(crate) fn room(&mut self, batch: usize) {
        self.actions.resize(batch * self.length(), 0.0);
        self.scores.resize(batch, Score::WORST);
    }

    fn length(&self) -> usize {
        self.task.horizon * self.task.bounds.len()
    }

    /// One candidate's sequence.
    pub(crate) fn sequence(&mut self, candidate: usize) -> &mut [f64] {
        let length = self.length();
        &mut self.actions[candidate * length..(candidate + 1) * length]
    }

    /// Scores all candidates; whether one of them is better than all before.
    pub(crate) fn evaluate(&mut self) -> bool {
        self.costable.costs(self.task.horizon, &self.actions, &mut self.scores);
        self.evaluations += self.scores.len() as u64;
        let mut best = None;
        for (candidate, score) in self.scores.iter().enumerate() {
            // The very first candidate stands even where nothing could be imagined: it keeps to bounds and rates.
            if score.beats(&self.best) || self.best_actions.is_empty() && best.is_none() {
                self.best = *score;
                best = Some(candidate);
            }
        }
        let Some(candidate) = best else { return false };
        let length = self.length();
        self.best_actions.clear();
        self.best_actions.extend_from_slice(&self.actions[candidate * length..(candidate + 1) * length]);
        self.costable.keep(candidate);
        true
    }
}
