//! A small nonlinear state space in innovation form: what the latent models of an ensemble are.

use forethought_plant::Episode;
use serde::{Deserialize, Serialize};

/// Sizes of a state space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Size {
    /// Sensors: the first states are what they show.
    pub(crate) sensors: usize,
    pub(crate) actions: usize,
    /// States that no sensor shows.
    pub(crate) hidden: usize,
    /// Nonlinear features.
    pub(crate) features: usize,
    /// Their directions are parameters as well.
    pub(crate) turns: bool,
}

impl Size {
    pub(crate) fn states(self) -> usize {
        self.sensors + self.hidden
    }

    pub(crate) fn inputs(self) -> usize {
        self.states() + self.actions
    }

    /// How many parameters there are.
    pub(crate) fn parameters(self) -> usize {
        self.places().end
    }

    pub(crate) fn places(self) -> Places {
        let (n, s, a, q, h) = (self.states(), self.sensors, self.actions, self.features, self.hidden);
        let b = n * n;
        let offset = b + n * a;
        let g = offset + n;
        let first = g + n * q;
        let start = first + h * s;
        let turned = start + h;
        let end = turned + if self.turns { q * (n + a + 1) } else { 0 };
        Places { b, offset, g, first, start, turned, end }
    }
}

/// Where each matrix begins among the parameters; A begins at 0. All are stored row after row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    /// B, `[states × actions]`.
    pub(crate) b: usize,
    /// The constant, `[states]`.
    pub(crate) offset: usize,
    /// G, `[states × features]`.
    pub(crate) g: usize,
    /// M, `[hidden × sensors]`.
    pub(crate) first: usize,
    /// m, `[hidden]`.
    pub(crate) start: usize,
    /// W and c where they are parameters, as [`StateSpace::directions`].
    pub(crate) turned: usize,
    pub(crate) end: usize,
}

/// What is taken to last of what neither states nor actions explain. There can be as many integrators as sensors and no more
/// (Pannocchia & Rawlings, AIChE J. 49, 2003): one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Lasting {
    /// Something pushes the states that sensors show: loads, leaks, a gain that is a little off. Plans need this one.
    Push,
    /// The sensors stand off: their drift.
    Offset,
}

/// The model, normalised throughout, with z = (x, u):
///
/// x⁻ = A·x + B·u + b + G·σ(W·z + c) + d,  ŷ = x⁻[first sensors],  e = y − ŷ,  (x, d) = (x⁻, d) + K·e,
///
/// with σ(v) = v/√(1 + v²); where d is an [`Lasting::Offset`] it is added to ŷ instead of x⁻. K is the gain of a stationary
/// Kalman filter (see `gain`); d follows what neither states nor actions explain, so that plans have no lasting offset. At the
/// first reading x = (y, M·y + m). W and c are drawn, or fitted from where they were drawn (see `features`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StateSpace {
    pub(crate) size: Size,
    /// W, `[features × (states + actions)]`, each row followed by its c; empty where they are parameters.
    pub(crate) drawn: Vec<f64>,
    pub(crate) parameters: Vec<f64>,
    /// K, `[(states + sensors) × sensors]`: first what moves x, then what moves d.
    pub(crate) gain: Vec<f64>,
    /// What d is.
    pub(crate) lasting: Lasting,
}

/// σ and its derivative.
#[inline(always)]
pub(crate) fn squash(v: f64) -> (f64, f64) {
    let root = 1.0 / (1.0 + v * v).sqrt();
    (v * root, root * root * root)
}

/// Adds Σ a·b to each sum.
#[inline(always)]
fn add_products<const L: usize>(sum: &mut [f64; L], a: &[f64], b: &[[f64; L]]) {
    for (a, b) in a.iter().zip(b) {
        sum.iter_mut().zip(b).for_each(|(sum, b)| *sum += a * b);
    }
}

impl StateSpace {
    /// W and c, `[features × (states + actions + 1)]`.
    fn directions(&self) -> &[f64] {
        if self.size.turns { &self.parameters[self.size.places().turned..] } else { &self.drawn }
    }

    /// The state at the first reading.
    pub(crate) fn begin(&self, read: &[f64], x: &mut [f64]) {
        let Size { sensors, hidden, .. } = self.size;
        let p = self.size.places();
        for i in 0..sensors {
            x[i] = if read[i].is_nan() { 0.0 } else { read[i] };
        }
        for i in 0..hidden {
            let row = &self.parameters[p.first + i * sensors..p.first + (i + 1) * sensors];
            let sum: f64 = row.iter().zip(&x[..sensors]).map(|(a, b)| a * b).sum();
            x[sensors + i] = sum + self.parameters[p.start + i];
        }
    }

    /// One period on: x⁻ of x, d and u.
    #[inline(always)]
    pub(crate) fn advance(&self, x: &[f64], d: &[f64], u: &[f64], next: &mut [f64]) {
        self.advance_all::<1>(x.as_chunks().0, d, u.as_chunks().0, next.as_chunks_mut().0);
    }

    /// The same for `L` futures with one d at once, which costs far less than one after the other and gives the same bits.
    #[inline(always)]
    pub(crate) fn advance_all<const L: usize>(
        &self,
        x: &[[f64; L]],
        d: &[f64],
        u: &[[f64; L]],
        next: &mut [[f64; L]],
    ) {
        let Size { actions, features, .. } = self.size;
        let n = self.size.states();
        let p = self.size.places();
        let t = &self.parameters;
        let push = if self.lasting == Lasting::Push { d } else { &[] };
        for i in 0..n {
            let mut sum = [t[p.offset + i] + push.get(i).copied().unwrap_or(0.0); L];
            add_products(&mut sum, &t[i * n..(i + 1) * n], x);
            add_products(&mut sum, &t[p.b + i * actions..p.b + (i + 1) * actions], u);
            next[i] = sum;
        }
        for (k, row) in self.directions().chunks_exact(n + actions + 1).enumerate() {
            let mut sum = [row[n + actions]; L];
            add_products(&mut sum, &row[..n], x);
            add_products(&mut sum, &row[n..n + actions], u);
            let value = sum.map(|v| squash(v).0);
            for (i, next) in next.iter_mut().enumerate() {
                let g = t[p.g + i * features + k];
                next.iter_mut().zip(&value).for_each(|(next, v)| *next += g * v);
            }
        }
    }

    /// Takes in a reading: x⁻ becomes x, d follows. NaN where nothing was read. `error`: `[sensors]`, the surprise.
    pub(crate) fn correct(&self, x: &mut [f64], d: &mut [f64], read: &[f64], error: &mut [f64]) {
        let sensors = self.size.sensors;
        for s in 0..sensors {
            let e = read[s] - self.shown(x[s], d[s]);
            error[s] = if e.is_nan() { 0.0 } else { e };
        }
        for (v, row) in x.iter_mut().chain(d).zip(self.gain.chunks_exact(sensors)) {
            *v += row.iter().zip(&*error).map(|(a, b)| a * b).sum::<f64>();
        }
    }

    /// What a sensor shows of its state and its d.
    #[inline(always)]
    pub(crate) fn shown(&self, x: f64, d: f64) -> f64 {
        match self.lasting {
            Lasting::Push => x,
            Lasting::Offset => x + d,
        }
    }

    /// A linear model with features that do nothing yet.
    pub(crate) fn with_features(self, features: usize, turns: bool) -> StateSpace {
        let size = Size { features, turns, ..self.size };
        let (from, to) = (self.size.places(), size.places());
        let mut parameters = vec![0.0; size.parameters()];
        parameters[..to.g].copy_from_slice(&self.parameters[..from.g]);
        parameters[to.first..to.turned].copy_from_slice(&self.parameters[from.first..]);
        StateSpace { size, parameters, ..self }
    }

    /// Follows a normalised episode: `each(t, state)` at each reading `t`, once that was taken in.
    pub(crate) fn follow(&self, episode: &Episode, each: &mut impl FnMut(usize, &[f64])) {
        let (n, sensors) = (self.size.states(), self.size.sensors);
        let (mut x, mut next) = (vec![0.0; n], vec![0.0; n]);
        let (mut d, mut error) = (vec![0.0; sensors], vec![0.0; sensors]);
        self.begin(episode.reading(0), &mut x);
        each(0, &x);
        for t in 0..episode.periods() {
            self.advance(&x, &d, episode.action(t), &mut next);
            std::mem::swap(&mut x, &mut next);
            self.correct(&mut x, &mut d, episode.reading(t + 1), &mut error);
            each(t + 1, &x);
        }
    }

    /// Root mean square of each state while these normalised episodes are followed, at least 1.
    pub(crate) fn usual(&self, episodes: &[Episode]) -> Vec<f64> {
        let (mut squares, mut rows) = (vec![0.0; self.size.states()], 0.0);
        for episode in episodes {
            self.follow(episode, &mut |t, x| {
                if t > 0 {
                    squares.iter_mut().zip(x).for_each(|(s, x)| *s += x * x);
                    rows += 1.0;
                }
            });
        }
        // One that runs away where it has learnt is lost soon: NaN and infinity are taken to be 1.
        let usual = |square: &f64| Some((square / rows).sqrt()).filter(|r| r.is_finite()).unwrap_or(1.0);
        squares.iter().map(|square| usual(square).max(1.0)).collect()
    }

    /// dx⁻/dx in the middle of the data, `[states × states]`.
    pub(crate) fn transition(&self) -> Vec<f64> {
        let n = self.size.states();
        let p = self.size.places();
        let t = &self.parameters;
        let mut out = t[..n * n].to_vec();
        for (k, row) in self.directions().chunks_exact(self.size.inputs() + 1).enumerate() {
            let slope = squash(row[self.size.inputs()]).1;
            for i in 0..n {
                for j in 0..n {
                    out[i * n + j] += t[p.g + i * self.size.features + k] * slope * row[j];
                }
            }
        }
        out
    }
}

/// A state with its derivatives by all parameters, of a model under a push.
#[derive(Debug, Clone)]
pub(crate) struct Tangent {
    pub(crate) x: Vec<f64>,
    pub(crate) d: Vec<f64>,
    /// dx/dθ, `[states × parameters]`.
    pub(crate) dx: Vec<f64>,
    /// dd/dθ, `[sensors × parameters]`.
    pub(crate) dd: Vec<f64>,
}

/// Room for [`Tangent::advance`].
#[derive(Debug, Clone)]
pub(crate) struct TangentRoom {
    next: Vec<f64>,
    dnext: Vec<f64>,
    jacobian: Vec<f64>,
}

impl TangentRoom {
    pub(crate) fn new(size: Size) -> Self {
        let n = size.states();
        TangentRoom {
            next: vec![0.0; n],
            dnext: vec![0.0; n * size.parameters()],
            jacobian: vec![0.0; n * n],
        }
    }
}

impl Tangent {
    pub(crate) fn new(size: Size) -> Self {
        let count = size.parameters();
        Tangent {
            x: vec![0.0; size.states()],
            d: vec![0.0; size.sensors],
            dx: vec![0.0; size.states() * count],
            dd: vec![0.0; size.sensors * count],
        }
    }

    pub(crate) fn copy_from(&mut self, other: &Tangent) {
        self.x.copy_from_slice(&other.x);
        self.d.copy_from_slice(&other.d);
        self.dx.copy_from_slice(&other.dx);
        self.dd.copy_from_slice(&other.dd);
    }

    pub(crate) fn begin(&mut self, model: &StateSpace, read: &[f64]) {
        let Size { sensors, hidden, .. } = model.size;
        let (p, count) = (model.size.places(), model.size.parameters());
        model.begin(read, &mut self.x);
        self.d.fill(0.0);
        self.dx.fill(0.0);
        self.dd.fill(0.0);
        for i in 0..hidden {
            let row = &mut self.dx[(sensors + i) * count..(sensors + i + 1) * count];
            row[p.first + i * sensors..p.first + (i + 1) * sensors].copy_from_slice(&self.x[..sensors]);
            row[p.start + i] = 1.0;
        }
    }

    /// x⁻ and its derivatives.
    pub(crate) fn advance(&mut self, model: &StateSpace, u: &[f64], room: &mut TangentRoom) {
        let Size { actions, features, .. } = model.size;
        let n = model.size.states();
        let inputs = model.size.inputs();
        let (p, count) = (model.size.places(), model.size.parameters());
        let t = &model.parameters;
        let TangentRoom { next, dnext, jacobian } = room;
        jacobian.copy_from_slice(&t[..n * n]);
        for i in 0..n {
            let linear: f64 = t[i * n..(i + 1) * n].iter().zip(&self.x).map(|(a, b)| a * b).sum();
            let driven: f64 =
                t[p.b + i * actions..p.b + (i + 1) * actions].iter().zip(u).map(|(a, b)| a * b).sum();
            next[i] = t[p.offset + i] + self.d.get(i).copied().unwrap_or(0.0) + linear + driven;
        }
        dnext.fill(0.0);
        for i in 0..n {
            let row = &mut dnext[i * count..(i + 1) * count];
            row[i * n..(i + 1) * n].copy_from_slice(&self.x);
            row[p.b + i * actions..p.b + (i + 1) * actions].copy_from_slice(u);
            row[p.offset + i] = 1.0;
        }
        for (k, w) in model.directions().chunks_exact(inputs + 1).enumerate() {
            let sum: f64 = w[inputs]
                + w[..n].iter().zip(&self.x).map(|(a, b)| a * b).sum::<f64>()
                + w[n..].iter().zip(u).map(|(a, b)| a * b).sum::<f64>();
            let (value, slope) = squash(sum);
            for i in 0..n {
                let g = t[p.g + i * features + k];
                next[i] += g * value;
                let row = &mut dnext[i * count..(i + 1) * count];
                row[p.g + i * features + k] = value;
                let pull = g * slope;
                if model.size.turns {
                    let at = p.turned + k * (inputs + 1);
                    for (r, z) in row[at..at + inputs].iter_mut().zip(self.x.iter().chain(u)) {
                        *r = pull * z;
                    }
                    row[at + inputs] = pull;
                }
                for (j, w) in w[..n].iter().enumerate() {
                    jacobian[i * n + j] += pull * w;
                }
            }
        }
        for i in 0..n {
            let row = &mut dnext[i * count..(i + 1) * count];
            for j in 0..n {
                let factor = jacobian[i * n + j];
                let before = &self.dx[j * count..(j + 1) * count];
                row.iter_mut().zip(before).for_each(|(r, b)| *r += factor * b);
            }
        }
        dnext.iter_mut().zip(&self.dd).for_each(|(r, d)| *r += d);
        self.x.copy_from_slice(next);
        self.dx.copy_from_slice(dnext);
    }

    /// Takes in a reading. `error`: `[sensors]`.
    pub(crate) fn correct(&mut self, model: &StateSpace, read: &[f64], error: &mut [f64]) {
        let sensors = model.size.sensors;
        let count = model.size.parameters();
        // de = −dŷ, before x and d move.
        let mut derror = vec![0.0; sensors * count];
        for s in (0..sensors).filter(|&s| !read[s].is_nan()) {
            let row = &mut derror[s * count..(s + 1) * count];
            let dx = &self.dx[s * count..(s + 1) * count];
            row.iter_mut().zip(dx).for_each(|(r, a)| *r = -a);
        }
        model.correct(&mut self.x, &mut self.d, read, error);
        let rows = self.dx.chunks_exact_mut(count).chain(self.dd.chunks_exact_mut(count));
        for (row, gain) in rows.zip(model.gain.chunks_exact(sensors)) {
            for (g, de) in gain.iter().zip(derror.chunks_exact(count)) {
                row.iter_mut().zip(de).for_each(|(r, e)| *r += g * e);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(turns: bool) -> StateSpace {
        let size = Size { sensors: 2, actions: 1, hidden: 2, features: 3, turns };
        // Any numbers will do: a fixed irrational walk.
        let walk = |n: usize| (0..n).map(|i| 0.6 * ((i as f64 * 0.618_034).fract() - 0.5)).collect();
        let (parameters, drawn) = (walk(size.parameters()), walk(3 * (size.inputs() + 1)));
        let gain = (0..6 * 2).map(|i| 0.3 * ((i as f64 * 0.414_214).fract() - 0.2)).collect();
        StateSpace { size, drawn, parameters, gain, lasting: Lasting::Push }
    }

    /// Sum of what is predicted one step ahead and open loop afterwards.
    fn outcome(model: &StateSpace) -> f64 {
        let n = model.size.states();
        let (mut x, mut next, mut d, mut error) = (vec![0.0; n], vec![0.0; n], vec![0.0; 2], vec![0.0; 2]);
        model.begin(&[0.3, -0.2], &mut x);
        for t in 0..6 {
            let u = [f64::from(t) * 0.2 - 0.4];
            model.advance(&x, &d, &u, &mut next);
            std::mem::swap(&mut x, &mut next);
            if t < 3 {
                model.correct(&mut x, &mut d, &[0.5 - 0.1 * f64::from(t), f64::NAN], &mut error);
            }
        }
        x[0] + 2.0 * x[1]
    }

    #[test]
    fn derivatives_agree_with_differences() {
        agree(&model(false));
        agree(&model(true));
    }

    fn agree(base: &StateSpace) {
        let size = base.size;
        let mut tangent = Tangent::new(size);
        let mut room = TangentRoom::new(size);
        let mut error = vec![0.0; 2];
        tangent.begin(base, &[0.3, -0.2]);
        for t in 0..6 {
            tangent.advance(base, &[f64::from(t) * 0.2 - 0.4], &mut room);
            if t < 3 {
                tangent.correct(base, &[0.5 - 0.1 * f64::from(t), f64::NAN], &mut error);
            }
        }
        let count = size.parameters();
        for i in 0..count {
            let analytic = tangent.dx[i] + 2.0 * tangent.dx[count + i];
            let shifted = |by: f64| {
                let mut m = base.clone();
                m.parameters[i] += by;
                outcome(&m)
            };
            let difference = (shifted(1e-6) - shifted(-1e-6)) / 2e-6;
            assert!((analytic - difference).abs() < 1e-7, "parameter {i}: {analytic} and {difference}");
        }
    }
}
