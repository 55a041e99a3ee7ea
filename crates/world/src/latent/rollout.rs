//! Several futures of one latent model at once.

use super::LatentModel;

/// Futures that are imagined at once.
pub(crate) const TOGETHER: usize = 8;

/// Numbers of several futures.
pub(crate) type Lanes = [f64; TOGETHER];

/// Futures under way, all from one latent.
pub(crate) struct Rollout<'a> {
    model: &'a LatentModel,
    latent: &'a [f64],
    /// `[states]`.
    x: Vec<Lanes>,
    next: Vec<Lanes>,
    /// `[actions]`.
    acting: Vec<Lanes>,
    /// What each sensor shows, in its unit, `[sensors]`.
    shown: Vec<Lanes>,
    /// `[sensors]`.
    error: Vec<Lanes>,
}

impl<'a> Rollout<'a> {
    pub(crate) fn new(model: &'a LatentModel, latent: &'a [f64]) -> Self {
        let size = model.space.size;
        let none = |n: usize| vec![[0.0; TOGETHER]; n];
        let (states, actions, sensors) = (size.states(), size.actions, size.sensors);
        Rollout {
            model,
            latent,
            x: none(states),
            next: none(states),
            acting: none(actions),
            shown: none(sensors),
            error: none(sensors),
        }
    }

    /// All futures begin anew.
    pub(crate) fn begin(&mut self) {
        self.x.iter_mut().zip(self.latent).for_each(|(x, v)| *x = [*v; TOGETHER]);
    }

    /// What lasts, `[sensors]`; then what is on its way.
    fn rest(&self) -> (&'a [f64], &'a [f64]) {
        let size = self.model.space.size;
        self.latent[size.states()..].split_at(size.sensors)
    }

    /// One period on. `sequences`: what is set, `[futures × horizon × actions]`, of which there may be fewer than [`TOGETHER`].
    pub(crate) fn advance(&mut self, sequences: &[f64], horizon: usize, period: usize) {
        let (d, queue) = self.rest();
        let actions = self.acting.len();
        let mut from = 1;
        for (a, (acting, &delay)) in self.acting.iter_mut().zip(&self.model.delays).enumerate() {
            let set = sequences.chunks_exact(horizon * actions).zip(acting);
            match period.checked_sub(delay) {
                // On its way already; where nothing was set yet, the plant rests at what is set first.
                None if queue[0] == 1.0 => set.for_each(|(_, lane)| *lane = queue[from + period]),
                then => {
                    let at = then.unwrap_or(0) * actions + a;
                    set.for_each(|(set, lane)| *lane = self.model.scaling.action_in(a, set[at]));
                }
            }
            from += delay;
        }
        self.model.space.advance_all(&self.x, d, &self.acting, &mut self.next);
        std::mem::swap(&mut self.x, &mut self.next);
        let LatentModel { scaling, space, .. } = self.model;
        for (s, (shown, (x, d))) in self.shown.iter_mut().zip(self.x.iter().zip(d)).enumerate() {
            *shown = x.map(|x| scaling.sensor_out(s, space.shown(x, *d)));
        }
    }

    /// What each sensor shows after [`Rollout::advance`], in its unit, `[sensors]`.
    pub(crate) fn shown(&self) -> &[Lanes] {
        &self.shown
    }

    /// Follows what others imagine, `[sensors]` in their units, as if it had been read.
    pub(crate) fn follow(&mut self, others: &[Lanes]) {
        let both = others.iter().zip(&self.shown).zip(&self.model.scaling.sensors);
        for (error, ((other, own), (_, unit))) in self.error.iter_mut().zip(both) {
            *error = std::array::from_fn(|lane| (other[lane] - own[lane]) / unit);
        }
        for (x, gain) in self.x.iter_mut().zip(self.model.space.gain.chunks_exact(others.len())) {
            for (gain, error) in gain.iter().zip(&self.error) {
                x.iter_mut().zip(error).for_each(|(x, e)| *x += gain * e);
            }
        }
    }
}
