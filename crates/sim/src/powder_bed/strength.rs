//! Strength of the alloy: what dislocations have to overcome.

use std::f64::consts::PI;

/// Taylor factor, dislocation constant, shear modulus (MPa), Burgers vector (m), Poisson's ratio.
const TAYLOR: f64 = 3.06;
const ALPHA: f64 = 0.2;
const SHEAR: f64 = 77e3;
const BURGERS: f64 = 0.254e-9;
const POISSON: f64 = 0.30;
/// Friction and solid solution, MPa (closure).
pub(super) const FRICTION: f64 = 260.0;
/// Hall–Petch slope, MPa µm^½ (Kozar 2009).
pub(super) const HALL_PETCH: f64 = 750.0;

/// Dislocation cells of the print.
pub(super) fn cell_strength(cell_m: f64) -> f64 {
    TAYLOR * ALPHA * SHEAR * BURGERS * 10.0 / cell_m
}

/// Yield of the dense as-built state: cells, no precipitates, grains of 15 µm.
pub(super) fn as_built_yield(cell_m: f64) -> f64 {
    FRICTION + HALL_PETCH / 15f64.sqrt() + cell_strength(cell_m)
}

/// Cutting and Orowan looping in a smooth minimum.
pub(super) fn precipitate_strength(fraction: f64, size_nm: f64) -> f64 {
    if fraction <= 0.0 {
        return 0.0;
    }
    let cutting = 520.0 * (fraction * size_nm).sqrt();
    let d = size_nm * 1e-9;
    let spacing = d * ((PI / (4.0 * fraction)).sqrt() - 1.0);
    let orowan = TAYLOR * 0.4 * SHEAR * BURGERS / (PI * (1.0 - POISSON).sqrt())
        * libm::log(0.816 * d / BURGERS)
        / spacing;
    1.0 / (1.0 / (cutting * cutting) + 1.0 / (orowan * orowan)).sqrt()
}
