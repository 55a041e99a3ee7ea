//! Test: strength, ductility, hardness, fatigue, residual stress.

use std::f64::consts::PI;

use super::heat::Heat;
use super::print::Build;

/// Taylor factor, dislocation constant, shear modulus (MPa), Burgers vector (m), Poisson's ratio.
const TAYLOR: f64 = 3.06;
const ALPHA: f64 = 0.2;
const SHEAR: f64 = 77e3;
const BURGERS: f64 = 0.254e-9;
const POISSON: f64 = 0.30;
/// Friction and solid solution, MPa (closure).
const FRICTION: f64 = 260.0;
/// Hall–Petch slope, MPa µm^½ (Kozar 2009).
const HALL_PETCH: f64 = 750.0;

/// What the bench would measure without noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    /// Yield strength, MPa.
    pub yield_mpa: f64,
    /// Tensile strength, MPa.
    pub tensile_mpa: f64,
    /// Elongation, %.
    pub elongation: f64,
    /// Vickers hardness.
    pub hardness: f64,
    /// Fatigue limit at R = −1, MPa (Murakami 2002).
    pub fatigue_mpa: f64,
    /// Residual stress after treatment, MPa.
    pub stress_mpa: f64,
}

/// Dislocation cells of the print.
fn cell_strength(cell_m: f64) -> f64 {
    TAYLOR * ALPHA * SHEAR * BURGERS * 10.0 / cell_m
}

/// Yield of the dense as-built state: cells, no precipitates, grains of 15 µm.
pub(super) fn as_built_yield(cell_m: f64) -> f64 {
    FRICTION + HALL_PETCH / 15f64.sqrt() + cell_strength(cell_m)
}

/// Cutting and Orowan looping in a smooth minimum.
fn precipitate_strength(fraction: f64, size_nm: f64) -> f64 {
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

impl Test {
    /// Tests a treated bracket.
    pub fn new(b: &Build, h: &Heat) -> Self {
        let particles = precipitate_strength(h.precipitate, h.size_nm);
        let cells = cell_strength(b.cell_m) * (1.0 - h.recrystallised);
        let dense =
            FRICTION + HALL_PETCH / h.grain_um.sqrt() + (cells * cells + particles * particles).sqrt();
        let (fusion, other) = (b.porosity_fusion, b.porosity() - b.porosity_fusion);
        let yield_mpa = dense * libm::exp(-0.04 * other - 0.08 * fusion);
        let mut elongation = (28.0 - 0.0255 * (dense - 640.0)).max(2.0);
        if particles > 200.0 {
            elongation -= 5.0 * h.laves;
        }
        elongation = (elongation - 60.0 * h.delta).max(0.5) * libm::exp(-other / 3.0 - fusion);
        let tensile_mpa = yield_mpa + (340.0 - 0.22 * (dense - 640.0)).max(150.0);
        let hardness = tensile_mpa / 3.1;
        let defect_um = (1.25 * b.layer_m * 1e6)
            .max(30.0 + 50.0 * libm::cbrt(b.porosity_keyhole) + 100.0 * libm::cbrt(fusion));
        // R = −1: the mean-stress factor ((1 − R)/2)^… is 1.
        let fatigue_mpa = (1.43 * (hardness + 120.0) / libm::pow(defect_um, 1.0 / 6.0)).min(1.6 * hardness);
        Test {
            yield_mpa,
            tensile_mpa,
            elongation,
            hardness,
            fatigue_mpa,
            stress_mpa: b.stress_mpa * h.stress_left,
        }
    }
}
