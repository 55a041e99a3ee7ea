//! Sequences of actions as a few numbers: move blocking around the last plan.

use forethought_plant::ActionBounds;
use serde::{Deserialize, Serialize};

use super::SequenceTask;
use super::quadratic::Program;

/// How sequences are parametrised: the last plan, shifted by one period, plus a correction that has one number an action in
/// each block of periods.
///
/// Move blocking (Cagienard, Grieder, Kerrigan & Morari 2007, J. Process Control 17) makes 30 periods of 2 actions 12 numbers
/// instead of 60. As each decision corrects the plan of the one before, blocks fall on other periods each time and the plan is
/// not held to any grid: the last plan itself is always a candidate, so a replanned plan is never worse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moves {
    /// Lengths of the blocks in periods, each above 0. Where they don't add up to the horizon, the last is cut or lengthened.
    /// Empty: 1, 1, 2, 4, 8, … for the horizon: what is done first is done at once and matters most, what is done late will be
    /// planned again.
    pub blocks: Vec<usize>,
    /// How a correction goes within its block.
    pub within: Within,
    /// Iterations that polish the best candidate, two a step; 0: none. Sampling leaves a jitter of the size of its last spread,
    /// which a plant's actuators would follow.
    pub polish: u32,
}

impl Default for Moves {
    fn default() -> Self {
        Moves { blocks: Vec::new(), within: Within::Hold, polish: 8 }
    }
}

/// How a correction goes within its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// At once, then constant; as fast as rates allow.
    Hold,
    /// Along a line that ends with the block.
    Ramp,
}

impl Moves {
    /// The period after each block's last, for this horizon.
    fn ends(&self, horizon: usize) -> Vec<usize> {
        let mut ends = Vec::new();
        let mut at = 0;
        let mut given = self.blocks.iter().copied();
        let mut length = 1;
        while at < horizon {
            let rest = horizon - at;
            let next = if self.blocks.is_empty() {
                length = if at < 2 { 1 } else { length * 2 };
                // The last block takes what would make a short one.
                if 2 * rest <= 3 * length { rest } else { length }
            } else {
                given.next().unwrap_or(rest).clamp(1, rest)
            };
            at += next;
            ends.push(at);
        }
        if ends.len() > self.blocks.len() && !self.blocks.is_empty() {
            // The blocks were too short for the horizon: the last is lengthened.
            let last = ends.pop();
            ends.pop();
            ends.extend(last);
        }
        ends
    }
}

/// The sequences that a run looks among.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    /// What is corrected, `[horizon × actions]`.
    base: Vec<f64>,
    ends: Vec<usize>,
    /// The ends of the other grid.
    between: Vec<usize>,
    within: Within,
    actions: usize,
    bounds: ActionBounds,
    previous: Vec<f64>,
}

impl Family {
    pub(crate) fn new(task: &SequenceTask<'_>, moves: &Moves) -> Self {
        let (actions, horizon) = (task.bounds.len(), task.horizon);
        let ends = moves.ends(horizon);
        let mut family = Family {
            between: between(&ends),
            base: vec![0.0; horizon * actions],
            ends,
            within: moves.within,
            actions,
            bounds: task.bounds.clone(),
            previous: task.previous.to_vec(),
        };
        let mut base = family.base.clone();
        match task.warm.filter(|w| w.len() == base.len() && w.iter().all(|a| a.is_finite())) {
            Some(last) => {
                let kept = base.len() - actions;
                base[..kept].copy_from_slice(&last[actions..]);
                base[kept..].copy_from_slice(&last[kept..]);
                family.hold_to(&mut base);
            }
            None => family.hold(&mut base),
        }
        family.base = base;
        family
    }

    /// Moves the ends of all blocks but the first and the last half way to the next, or back. What one grid cannot say, the other
    /// can.
    pub(crate) fn stagger(&mut self) {
        std::mem::swap(&mut self.ends, &mut self.between);
    }

    /// How many numbers a correction has: `[blocks × actions]`.
    pub(crate) fn numbers(&self) -> usize {
        self.ends.len() * self.actions
    }

    pub(crate) fn actions(&self) -> usize {
        self.actions
    }

    pub(crate) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// What is corrected, `[horizon × actions]`.
    pub(crate) fn base(&self) -> &[f64] {
        &self.base
    }

    /// From now on corrects this sequence, which keeps to bounds and rates.
    pub(crate) fn rebase(&mut self, sequence: &[f64]) {
        self.base.copy_from_slice(sequence);
    }

    /// How far one number can usefully go: the range of its action, or what its rate allows by the end of its block.
    pub(crate) fn reach(&self, number: usize) -> f64 {
        let (block, i) = (number / self.actions, number % self.actions);
        let range = self.bounds.high[i] - self.bounds.low[i];
        range.min(self.bounds.step[i] * self.ends[block] as f64)
    }

    /// The sequence that holds the previous action, `[horizon × actions]`.
    pub(crate) fn hold(&self, sequence: &mut [f64]) {
        for now in sequence.chunks_exact_mut(self.actions) {
            now.copy_from_slice(&self.previous);
        }
        self.hold_to(sequence);
    }

    /// Moves a sequence forward in time to the nearest one that bounds and rates allow.
    fn hold_to(&self, sequence: &mut [f64]) {
        for t in 0..sequence.len() / self.actions {
            let (before, now) = sequence.split_at_mut(t * self.actions);
            let before = if t == 0 { &self.previous } else { &before[(t - 1) * self.actions..] };
            self.bounds.clamp(&mut now[..self.actions], before);
        }
    }

    /// Rows in units of reach that keep the ends of blocks within bounds and rates.
    pub(crate) fn constrain(&self, rows: &mut Program) {
        let width = self.actions;
        for number in 0..self.numbers() {
            let (block, i) = (number / width, number % width);
            let at = |block: usize| self.base[(self.ends[block] - 1) * width + i];
            let reach = self.reach(number);
            rows.push(self.bounds.high[i] - at(block))[number] = reach;
            rows.push(at(block) - self.bounds.low[i])[number] = -reach;
            if !self.bounds.step[i].is_finite() {
                continue;
            }
            let (before, start) =
                if block == 0 { (self.previous[i], 0) } else { (at(block - 1), self.ends[block - 1]) };
            let most = self.bounds.step[i] * (self.ends[block] - start) as f64;
            for sign in [1.0, -1.0] {
                let row = rows.push(most - sign * (at(block) - before));
                row[number] = sign * reach;
                if block > 0 {
                    row[number - width] = -sign * self.reach(number - width);
                }
            }
        }
    }

    /// The correction that leads to a sequence at the end of each block.
    pub(crate) fn read(&self, sequence: &[f64], correction: &mut [f64]) {
        for (block, &end) in self.ends.iter().enumerate() {
            for i in 0..self.actions {
                let at = (end - 1) * self.actions + i;
                correction[block * self.actions + i] = sequence[at] - self.base[at];
            }
        }
    }

    /// The sequence `[horizon × actions]` of a correction `[blocks × actions]`, within bounds and rates. The correction becomes
    /// what was left of it, so that distributions are fitted to what was tried.
    pub(crate) fn expand(&self, correction: &mut [f64], sequence: &mut [f64]) {
        let width = self.actions;
        let mut start = 0;
        for (block, &end) in self.ends.iter().enumerate() {
            for t in start..end {
                let share = match self.within {
                    Within::Hold => 1.0,
                    Within::Ramp => (t + 1 - start) as f64 / (end - start) as f64,
                };
                let (before, now) = sequence.split_at_mut(t * width);
                let now = &mut now[..width];
                for i in 0..width {
                    let from = if block == 0 { 0.0 } else { correction[(block - 1) * width + i] };
                    let to = correction[block * width + i];
                    now[i] = self.base[t * width + i] + from + share * (to - from);
                }
                let before = if t == 0 { &self.previous } else { &before[(t - 1) * width..] };
                self.bounds.clamp(now, before);
            }
            for i in 0..width {
                let at = (end - 1) * width + i;
                correction[block * width + i] = sequence[at] - self.base[at];
            }
            start = end;
        }
    }
}

/// Ends half way between: 1, 2, 4, 8, 16, 30 becomes 1, 3, 6, 12, 23, 30.
fn between(ends: &[usize]) -> Vec<usize> {
    let mut between = ends.to_vec();
    for block in 1..ends.len().saturating_sub(1) {
        between[block] = (ends[block] + ends[block + 1]) / 2;
    }
    between
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_fill_the_horizon() {
        let of =
            |blocks: &[usize], horizon| Moves { blocks: blocks.to_vec(), ..Moves::default() }.ends(horizon);
        assert_eq!(of(&[], 1), [1]);
        assert_eq!(of(&[], 4), [1, 2, 4]);
        assert_eq!(of(&[], 30), [1, 2, 4, 8, 16, 30]);
        assert_eq!(of(&[], 60), [1, 2, 4, 8, 16, 32, 60]);
        assert_eq!(of(&[2, 3], 5), [2, 5]);
        assert_eq!(of(&[2, 3], 8), [2, 8]);
        assert_eq!(of(&[2, 3], 4), [2, 4]);
        assert_eq!(of(&[2, 3], 1), [1]);
        assert_eq!(of(&[4], 9), [9]);
        assert_eq!(between(&of(&[], 30)), [1, 3, 6, 12, 23, 30]);
        assert_eq!(between(&[1, 2, 3]), [1, 2, 3]);
        assert_eq!(between(&[7]), [7]);
    }
}
