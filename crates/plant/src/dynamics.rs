//! The seams of planning: how a plant moves, and what its way costs.

/// How many channels a plant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Numbers of a reading.
    pub sensors: usize,
    /// Numbers of an action.
    pub actions: usize,
}

/// What a model remembers of the past: everything that its future depends on. Only the model that made it can read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Latent(pub Vec<f64>);

/// Futures of one plant under `batch` sequences of actions.
#[derive(Debug, Clone, PartialEq)]
pub struct Imagined {
    /// Futures.
    pub batch: usize,
    /// Periods of each.
    pub horizon: usize,
    /// Numbers of a reading.
    pub sensors: usize,
    /// Expected readings without noise at the end of each period, `[batch × horizon × sensors]`.
    pub mean: Vec<f64>,
    /// How far the members of an ensemble disagree, one standard deviation, in the shape of `mean`; 0 for a single model.
    pub spread: Vec<f64>,
}

impl Imagined {
    /// Room for futures, all zero.
    pub fn new(batch: usize, horizon: usize, sensors: usize) -> Self {
        let n = batch * horizon * sensors;
        Imagined { batch, horizon, sensors, mean: vec![0.0; n], spread: vec![0.0; n] }
    }

    /// Expected readings of one period of one future.
    pub fn at(&self, future: usize, period: usize) -> &[f64] {
        let from = (future * self.horizon + period) * self.sensors;
        &self.mean[from..from + self.sensors]
    }

    /// Disagreement in one period of one future.
    pub fn spread_at(&self, future: usize, period: usize) -> &[f64] {
        let from = (future * self.horizon + period) * self.sensors;
        &self.spread[from..from + self.sensors]
    }
}

/// How a plant moves: what it remembers of the past, and what it imagines of the future. A pure function of its arguments.
///
/// Time goes in equal periods. An action is held over a period; a reading is taken at its end.
pub trait Dynamics: Send + Sync {
    /// Numbers of readings and actions.
    fn shape(&self) -> Shape;

    /// What is known after the first reading, before any action. `observed`: `[sensors]`, NaN where nothing was read.
    fn begin(&self, observed: &[f64]) -> Latent;

    /// Moves on by one period: `action` (`[actions]`) was held over it, `observed` (`[sensors]`, NaN where nothing was read)
    /// was read at its end.
    fn assimilate(&self, latent: &mut Latent, action: &[f64], observed: &[f64]);

    /// Imagines what comes after `latent`. `actions`: `[batch × horizon × actions]`, in the batch and horizon of `imagined`,
    /// every number of which is overwritten.
    fn imagine(&self, latent: &Latent, actions: &[f64], imagined: &mut Imagined);
}

/// What a plant's way costs, added up over its periods.
pub trait Cost: Send + Sync {
    /// The cost of the period `period` (0 is the first that is planned): `sensors` at its end, `action` held over it,
    /// `previous` held before it. Finite for finite arguments.
    fn stage(&self, period: usize, sensors: &[f64], action: &[f64], previous: &[f64]) -> f64;
}

impl<F: Fn(usize, &[f64], &[f64], &[f64]) -> f64 + Send + Sync> Cost for F {
    fn stage(&self, period: usize, sensors: &[f64], action: &[f64], previous: &[f64]) -> f64 {
        self(period, sensors, action, previous)
    }
}
