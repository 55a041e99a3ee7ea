//! Minimising a smooth function in a box.

/// Pairs of steps and gradient changes kept.
const MEMORY: usize = 8;
/// Sufficient decrease (Armijo).
const DECREASE: f64 = 1e-4;
/// Halvings of a step before the search gives up.
const HALVINGS: usize = 20;

/// When to stop, and how far a first step may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Most evaluations of the function and its gradient.
    pub evaluations: usize,
    /// Stops when the projected gradient's largest entry is below this.
    pub gradient: f64,
    /// Stops when a step improves the value by less than this.
    pub progress: f64,
    /// The longest first step, in units of the variables.
    pub first_step: f64,
}

/// Projected L-BFGS: the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4) on the free variables, the step cut
/// back to the box, backtracking until the value has decreased enough. A variable is held while it stands at a
/// bound that the gradient pushes against.
///
/// `evaluate(x, gradient) -> value` fills the gradient; a value that isn't finite makes the step shorter. `x` starts
/// inside the box (it is clamped) and ends at the best point seen; the best value and the evaluations done are
/// returned.
pub fn minimize(
    x: &mut [f64],
    low: &[f64],
    high: &[f64],
    limits: Limits,
    mut evaluate: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> (f64, usize) {
    let n = x.len();
    for k in 0..n {
        x[k] = x[k].clamp(low[k], high[k]);
    }
    let mut gradient = vec![0.0; n];
    let mut value = evaluate(x, &mut gradient);
    let mut evaluations = 1;
    if n == 0 || !value.is_finite() {
        return (value, evaluations);
    }
    let mut history: Vec<Pair> = Vec::with_capacity(MEMORY);
    let (mut trial, mut trial_gradient) = (vec![0.0; n], vec![0.0; n]);
    let mut direction = vec![0.0; n];
    while evaluations < limits.evaluations {
        let free: Vec<bool> = (0..n)
            .map(|k| !(x[k] <= low[k] && gradient[k] > 0.0 || x[k] >= high[k] && gradient[k] < 0.0))
            .collect();
        let steepest = (0..n).filter(|&k| free[k]).map(|k| gradient[k].abs()).fold(0.0, f64::max);
        if steepest < limits.gradient {
            break;
        }
        descend(&mut direction, &gradient, &free, &history);
        let mut slope: f64 = (0..n).map(|k| direction[k] * gradient[k]).sum();
        if slope >= 0.0 || slope.is_nan() {
            history.clear();
            descend(&mut direction, &gradient, &free, &history);
            slope = (0..n).map(|k| direction[k] * gradient[k]).sum();
        }
        let longest = direction.iter().map(|v| v.abs()).fold(0.0, f64::max);
        let mut step = if history.is_empty() { (limits.first_step / longest).min(1.0) } else { 1.0 };
        let mut found = None;
        for _ in 0..HALVINGS {
            let mut decrease = 0.0;
            for k in 0..n {
                trial[k] = (x[k] + step * direction[k]).clamp(low[k], high[k]);
                decrease += gradient[k] * (trial[k] - x[k]);
            }
            let new = evaluate(&trial, &mut trial_gradient);
            evaluations += 1;
            if new.is_finite() && new <= value + DECREASE * decrease.min(0.0) {
                found = Some(new);
                break;
            }
            if evaluations >= limits.evaluations {
                break;
            }
            step *= shortening(value, slope * step, new);
        }
        let Some(new) = found else { break };
        remember(&mut history, (x, &trial), (&gradient, &trial_gradient));
        let gained = value - new;
        value = new;
        x.copy_from_slice(&trial);
        gradient.copy_from_slice(&trial_gradient);
        if gained < limits.progress {
            break;
        }
    }
    (value, evaluations)
}

/// A step, the change of the gradient over it, and 1 over their product.
type Pair = (Vec<f64>, Vec<f64>, f64);

/// By how much a step is shortened that did not decrease the value enough: to the minimum of the parabola through the value, its
/// slope over the step, and the new value, kept within [0.1, 0.5].
fn shortening(value: f64, slope: f64, new: f64) -> f64 {
    let parabola = if new.is_finite() { -0.5 * slope / (new - value - slope) } else { 0.1 };
    if parabola.is_finite() { parabola.clamp(0.1, 0.5) } else { 0.1 }
}

/// Keeps a step and its change of the gradient, where the function curves upward along it.
fn remember(history: &mut Vec<Pair>, (from, to): (&[f64], &[f64]), (before, after): (&[f64], &[f64])) {
    let difference = |a: &[f64], b: &[f64]| b.iter().zip(a).map(|(b, a)| b - a).collect::<Vec<f64>>();
    let (s, y) = (difference(from, to), difference(before, after));
    let curvature: f64 = s.iter().zip(&y).map(|(a, b)| a * b).sum();
    let size: f64 = y.iter().map(|v| v * v).sum();
    if curvature > 1e-10 * size {
        if history.len() == MEMORY {
            history.remove(0);
        }
        history.push((s, y, 1.0 / curvature));
    }
}

/// −H·g on the free variables, 0 on the held ones.
fn descend(direction: &mut [f64], gradient: &[f64], free: &[bool], history: &[(Vec<f64>, Vec<f64>, f64)]) {
    let n = direction.len();
    for k in 0..n {
        direction[k] = if free[k] { -gradient[k] } else { 0.0 };
    }
    let mut factors = [0.0; MEMORY];
    let dot = |a: &[f64], b: &[f64]| -> f64 { (0..n).filter(|&k| free[k]).map(|k| a[k] * b[k]).sum() };
    for (i, (s, y, rho)) in history.iter().enumerate().rev() {
        factors[i] = rho * dot(s, direction);
        for k in 0..n {
            direction[k] -= factors[i] * y[k];
        }
    }
    if let Some((_, y, rho)) = history.last() {
        let scale = 1.0 / (rho * dot(y, y)).max(f64::MIN_POSITIVE);
        if scale.is_finite() {
            direction.iter_mut().for_each(|v| *v *= scale);
        }
    }
    for (i, (s, y, rho)) in history.iter().enumerate() {
        let factor = factors[i] - rho * dot(y, direction);
        for k in 0..n {
            direction[k] += factor * s[k];
        }
    }
    for k in 0..n {
        if !free[k] {
            direction[k] = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { evaluations: 400, gradient: 1e-9, progress: 1e-14, first_step: 1.0 };

    #[test]
    fn finds_the_valley_of_rosenbrock() {
        let mut x = [-1.2, 1.0];
        let (value, _) = minimize(&mut x, &[-5.0; 2], &[5.0; 2], LIMITS, |x, g| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            g[0] = -2.0 * a - 400.0 * x[0] * b;
            g[1] = 200.0 * b;
            a * a + 100.0 * b * b
        });
        assert!(value < 1e-12 && (x[0] - 1.0).abs() < 1e-5, "{value} {x:?}");
    }

    #[test]
    fn stops_at_the_bound_that_holds_the_minimum() {
        let mut x = [0.5, 0.5];
        minimize(&mut x, &[0.0; 2], &[1.0; 2], LIMITS, |x, g| {
            g[0] = 2.0 * (x[0] - 3.0) + x[1];
            g[1] = 2.0 * (x[1] - 0.2) + x[0];
            (x[0] - 3.0).powi(2) + (x[1] - 0.2).powi(2) + x[0] * x[1]
        });
        assert_eq!(x, [1.0, 0.0]);
    }

    #[test]
    fn a_value_that_is_not_finite_is_left_behind() {
        let mut x = [4.0];
        minimize(&mut x, &[-9.0], &[9.0], LIMITS, |x, g| {
            g[0] = if x[0] > 0.0 { 1.0 - 1.0 / x[0] } else { f64::NAN };
            if x[0] > 0.0 { x[0] - libm::log(x[0]) } else { f64::NAN }
        });
        assert!((x[0] - 1.0).abs() < 1e-6, "{x:?}");
    }
}
