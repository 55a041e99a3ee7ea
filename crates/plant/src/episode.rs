//! A sequence of readings and actions, as models and planners see it: on one grid of time.

/// One episode on an even grid: reading 0, action 0, reading 1, …, action n − 1, reading n.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Episode {
    /// Seconds from one reading to the next.
    pub period_s: f64,
    /// Numbers of a reading.
    pub sensors: usize,
    /// Numbers of an action.
    pub actions: usize,
    /// `[(periods + 1) × sensors]`; NaN where nothing was read.
    pub read: Vec<f64>,
    /// `[periods × actions]`; action `t` was held between readings `t` and `t + 1`.
    pub set: Vec<f64>,
}

impl Episode {
    /// An episode that begins with this reading.
    pub fn begin(period_s: f64, first: &[f64], actions: usize) -> Self {
        Episode { period_s, sensors: first.len(), actions, read: first.to_vec(), set: Vec::new() }
    }

    /// One more period: what was held over it and what was read at its end.
    pub fn push(&mut self, action: &[f64], observed: &[f64]) {
        debug_assert_eq!((action.len(), observed.len()), (self.actions, self.sensors));
        self.set.extend_from_slice(action);
        self.read.extend_from_slice(observed);
    }

    /// How many periods have passed.
    pub fn periods(&self) -> usize {
        (self.read.len() / self.sensors.max(1)).saturating_sub(1)
    }

    /// The reading at the end of `t` periods, `[sensors]`.
    pub fn reading(&self, t: usize) -> &[f64] {
        &self.read[t * self.sensors..(t + 1) * self.sensors]
    }

    /// The action held between readings `t` and `t + 1`, `[actions]`.
    pub fn action(&self, t: usize) -> &[f64] {
        &self.set[t * self.actions..(t + 1) * self.actions]
    }

    /// The part from reading `from` to reading `to`, both included.
    pub fn part(&self, from: usize, to: usize) -> Episode {
        Episode {
            read: self.read[from * self.sensors..(to + 1) * self.sensors].to_vec(),
            set: self.set[from * self.actions..to * self.actions].to_vec(),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_readings_and_actions_together() {
        let mut episode = Episode::begin(1.0, &[0.0], 2);
        for t in 1..=4 {
            let t = f64::from(t);
            episode.push(&[t, -t], &[t * 10.0]);
        }
        let part = episode.part(1, 3);
        assert_eq!((episode.periods(), part.periods()), (4, 2));
        assert_eq!(
            (part.reading(0), part.action(0), part.reading(2)),
            (&[10.0][..], &[2.0, -2.0][..], &[30.0][..])
        );
    }
}
