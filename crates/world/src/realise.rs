//! From a linear autoregression to a state space: where the fit of a latent model begins.

use faer::prelude::{Solve, SolveLstsq};
use faer::{Mat, MatRef};

use crate::arx::{Arx, LAGS};
use crate::state_space::{Lasting, Size, StateSpace};

/// Block rows of the Hankel matrix.
const ROWS: usize = LAGS / 2;

/// The linear state space, its first states the sensors, that repeats an autoregression best.
///
/// An autoregression is the impulse response of its own predictor: y_t = Σ_j C·Ã^{j−1}·[K B]·(y, u)_{t−j} with Ã = A − K·C.
/// Its Hankel matrix is factorised by singular values (Ho & Kalman 1966; Juang & Pappa, J. Guidance 8, 1985), as in
/// predictor-based subspace identification (Chiuso, Automatica 43, 2007). None where that gives nothing finite.
pub(crate) fn realise(arx: &Arx, size: Size) -> Option<StateSpace> {
    let Size { sensors: s, actions: a, .. } = size;
    let n = size.states();
    let width = LAGS * (s + a) + 1;
    let columns = LAGS - ROWS + 1;
    // Block (i, j) holds the response at lag i + j; the change of a sensor is made the sensor itself at lag 0.
    let response = |lag: usize, row: usize, column: usize| {
        let rest = if lag == 0 && row == column { 1.0 } else { 0.0 };
        arx.weights[row * width + lag * (s + a) + column] + rest
    };
    let hankel =
        Mat::from_fn(ROWS * s, columns * (s + a), |i, j| response(i / s + j / (s + a), i % s, j % (s + a)));
    let svd = hankel.thin_svd().ok()?;
    let (u, sigma, v) = (svd.U(), svd.S(), svd.V());
    let n_found = n.min(sigma.column_vector().nrows());
    let root: Vec<f64> = (0..n_found).map(|i| sigma.column_vector()[i].max(1e-12).sqrt()).collect();
    let observability = Mat::from_fn(ROWS * s, n, |i, j| if j < n_found { u[(i, j)] * root[j] } else { 0.0 });
    let reach = Mat::from_fn(n, s + a, |i, j| if i < n_found { v[(j, i)] * root[i] } else { 0.0 });
    // Ã from the shift: O without its first block = O without its last, times Ã. A little ridge keeps weak states tame.
    let upper = with_ridge(observability.as_ref().subrows(0, (ROWS - 1) * s), n);
    let lower =
        Mat::from_fn(
            upper.nrows(),
            n,
            |i, j| {
                if i < (ROWS - 1) * s { observability[(i + s, j)] } else { 0.0 }
            },
        );
    let predictor = upper.qr().solve_lstsq(&lower);
    let c = observability.as_ref().subrows(0, s);
    let gain = reach.as_ref().subcols(0, s).to_owned();
    let transition = &predictor + &gain * c;
    // New coordinates whose first ones are the sensors: T = [C; N], N spanning what no sensor shows.
    let basis = complement(c, n)?;
    let inverse = basis.partial_piv_lu();
    let turned = &basis * &transition;
    let transition = inverse.solve(Mat::<f64>::identity(n, n));
    let transition = &turned * &transition;
    let input = &basis * reach.as_ref().subcols(s, a);
    let p = size.places();
    let mut parameters = vec![0.0; size.parameters()];
    for i in 0..n {
        for j in 0..n {
            parameters[i * n + j] = transition[(i, j)];
        }
        for j in 0..a {
            parameters[p.b + i * a + j] = input[(i, j)];
        }
    }
    for i in 0..s {
        parameters[p.offset + i] = arx.weights[i * width + width - 1];
    }
    parameters.iter().all(|v| v.is_finite()).then(|| StateSpace {
        size,
        drawn: Vec::new(),
        parameters,
        gain: no_gain(size),
        lasting: Lasting::Push,
    })
}

/// A state space that knows no more than that things change slowly: where `realise` finds nothing.
pub(crate) fn rest(size: Size) -> StateSpace {
    let n = size.states();
    let mut parameters = vec![0.0; size.parameters()];
    for i in 0..n {
        parameters[i * n + i] = 0.95;
    }
    StateSpace { size, drawn: Vec::new(), parameters, gain: no_gain(size), lasting: Lasting::Push }
}

fn no_gain(size: Size) -> Vec<f64> {
    vec![0.0; (size.states() + size.sensors) * size.sensors]
}

fn with_ridge(matrix: MatRef<'_, f64>, n: usize) -> Mat<f64> {
    let rows = matrix.nrows();
    Mat::from_fn(rows + n, n, |i, j| {
        if i < rows {
            matrix[(i, j)]
        } else if i - rows == j {
            1e-3
        } else {
            0.0
        }
    })
}

/// C above a basis of what C does not see. None where C has not full rank.
fn complement(c: MatRef<'_, f64>, n: usize) -> Option<Mat<f64>> {
    let s = c.nrows();
    let mut rows: Vec<Vec<f64>> = (0..s).map(|i| (0..n).map(|j| c[(i, j)]).collect()).collect();
    let mut orthogonal: Vec<Vec<f64>> = Vec::new();
    let units = (0..n).map(|k| (0..n).map(|j| if j == k { 1.0 } else { 0.0 }).collect::<Vec<f64>>());
    for (i, row) in rows.clone().into_iter().chain(units).enumerate() {
        let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let before = length(&row);
        let mut rest = row;
        for o in &orthogonal {
            let along: f64 = o.iter().zip(&rest).map(|(a, b)| a * b).sum();
            rest.iter_mut().zip(o).for_each(|(r, o)| *r -= along * o);
        }
        let left = length(&rest);
        if i < s && left < 1e-8 * (1.0 + before) {
            return None;
        }
        if left < 0.1 * before || orthogonal.len() == n {
            if i < s && orthogonal.len() < n {
                // A weak but independent sensor still counts.
            } else {
                continue;
            }
        }
        rest.iter_mut().for_each(|r| *r /= left);
        if i >= s {
            rows.push(rest.clone());
        }
        orthogonal.push(rest);
    }
    (rows.len() == n).then(|| Mat::from_fn(n, n, |i, j| rows[i][j]))
}
